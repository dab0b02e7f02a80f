-- The prices behind every API endpoint, as last read: components, tiers and lengths.
with newest as (
    select source, max(run_id) as run_id
    from core.api_prices
    group by source
)

select
    prices.source,
    prices.provider,
    prices.model,
    prices.quant,
    prices.endpoint,
    prices.tier,
    prices.component,
    prices.usd_per_mtok::double as usd_per_mtok,
    prices.context_min_tokens,
    prices.context_max_tokens,
    prices.time_band,
    prices.band_rule,
    prices.status,
    array_to_string(prices.reasons, ', ') as reasons,
    prices.model_name,
    epoch(prices.observed_at)::bigint as observed_at
from core.api_prices as prices
inner join newest using (source, run_id)
where
    prices.channel <> 'registry'
    and prices.model is not null
order by
    prices.model, prices.provider, prices.tier, prices.component, prices.context_min_tokens, prices.time_band
