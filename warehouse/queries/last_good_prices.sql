-- Per price the newest good row before a run. Recent runs say when it was last seen; what was not seen in them
-- is remembered from the history of changes, so a price held for months keeps its yardstick.
with recent as (
    select
        price_key, source, provider, channel, model, model_name, quant, component, tier, usd_per_mtok, observed_at
    from core.api_prices
    where run_id < $run_id
        and run_id >= $first_run
        and status = 'ok'
        and usd_per_mtok is not null
    qualify row_number() over (partition by price_key order by run_id desc) = 1
),

remembered as (
    select
        price_key, source, provider, channel, model, model_name, quant, component, tier, usd_per_mtok, observed_at
    from marts.api_price_history
    where run_id < $run_id
        and usd_per_mtok is not null
    qualify row_number() over (partition by price_key order by run_id desc) = 1
),

newest as (
    select * from recent
    union all
    select remembered.* from remembered anti join recent using (price_key)
)

select
    newest.*,
    coalesce(remembered.observed_at, newest.observed_at) as since_at
from newest
left join remembered using (price_key)
order by newest.price_key
