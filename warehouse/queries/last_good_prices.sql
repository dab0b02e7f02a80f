-- Per price the newest good row before a run. Recent runs say when it was last seen; what was not seen in them
-- is remembered from the history of changes, so a price held for months keeps its yardstick.
with recent as (
    select *
    from core.api_prices
    where run_id < $run_id
        and run_id >= $first_run
        and status = 'ok'
        and usd_per_mtok is not null
    qualify row_number() over (partition by price_key order by observed_at desc, run_id) = 1
),

remembered as (
    select * exclude (change, old_usd_per_mtok), 'ok' as status
    from marts.api_price_history
    where run_id < $run_id
        and usd_per_mtok is not null
    qualify row_number() over (partition by price_key order by run_id desc) = 1
)

select * from recent
union all by name
select remembered.* from remembered anti join recent using (price_key)
order by price_key
