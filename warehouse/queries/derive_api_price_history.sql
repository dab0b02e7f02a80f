-- marts.api_price_history: what one run changed against the runs before it. Only good prices count; a price is gone
-- only when its source answered whole and no longer names it.
insert into marts.api_price_history by name
with latest as (
    select *
    from marts.api_price_history
    where run_id < $run_id
    qualify row_number() over (partition by price_key order by run_id desc) = 1
),

this_run as (
    select *
    from core.api_prices
    where run_id = $run_id
),

changed as (
    select
        good.* exclude (run_id, status),
        $run_id as run_id,
        if(latest.usd_per_mtok is null, 'first', 'changed') as change,
        latest.usd_per_mtok as old_usd_per_mtok
    from this_run as good
    left join latest using (price_key)
    where good.status = 'ok'
        and good.usd_per_mtok is not null
        and latest.usd_per_mtok is distinct from good.usd_per_mtok
),

gone as (
    select
        latest.* exclude (run_id, observed_at, change, usd_per_mtok, old_usd_per_mtok),
        $run_id as run_id,
        $as_of::timestamptz as observed_at,
        'gone' as change,
        latest.usd_per_mtok as old_usd_per_mtok
    from latest
    inner join core.source_runs as run
        on run.run_id = $run_id and run.source = latest.source and run.outcome = 'ok'
    anti join (select * from this_run where status not in ('retired', 'contact_sales')) as named
        on named.price_key = latest.price_key
    where latest.change <> 'gone'
)

select * from changed
union all by name
select * from gone
order by price_key
