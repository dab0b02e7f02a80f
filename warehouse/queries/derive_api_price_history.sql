-- marts.api_price_history: what one run changed against the runs before it. Only good prices count; a price is gone
-- only when its source answered whole and did not name it, not even as held.
insert into marts.api_price_history by name
with latest as (
    select *
    from marts.api_price_history
    where run_id < $run_id
    qualify row_number() over (partition by price_key order by run_id desc) = 1
),

seen as (
    select *
    from core.api_prices
    where run_id = $run_id
        and status = 'ok'
        and usd_per_mtok is not null
),

gone as (
    select latest.*
    from latest
    inner join core.source_runs as run
        on run.run_id = $run_id and run.source = latest.source and run.outcome = 'ok'
    anti join (select price_key from core.api_prices where run_id = $run_id) as named
        on named.price_key = latest.price_key
    where latest.change <> 'gone'
)

select
    $run_id as run_id,
    seen.observed_at,
    case when latest.usd_per_mtok is null then 'first' else 'changed' end as change,
    seen.price_key,
    seen.source,
    seen.provider,
    seen.channel,
    seen.model,
    seen.model_name,
    seen.quant,
    seen.component,
    seen.tier,
    seen.context_min_tokens,
    seen.context_max_tokens,
    seen.time_band,
    seen.endpoint,
    seen.usd_per_mtok,
    latest.usd_per_mtok as old_usd_per_mtok,
    seen.provenance
from seen
left join latest using (price_key)
where latest.usd_per_mtok is distinct from seen.usd_per_mtok
union all
select
    $run_id as run_id,
    $as_of::timestamptz as observed_at,
    'gone' as change,
    price_key,
    source,
    provider,
    channel,
    model,
    model_name,
    quant,
    component,
    tier,
    context_min_tokens,
    context_max_tokens,
    time_band,
    endpoint,
    null as usd_per_mtok,
    usd_per_mtok as old_usd_per_mtok,
    provenance
from gone
order by price_key
