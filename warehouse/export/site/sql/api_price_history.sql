-- Every change of a standard price for short prompts, per model; registries only check prices.
select
    model,
    source,
    provider,
    endpoint,
    quant,
    component,
    time_band,
    change,
    usd_per_mtok::double as usd_per_mtok,
    epoch(observed_at)::bigint as observed_at
from marts.api_price_history
where
    model is not null
    and channel <> 'registry'
    and tier = 'standard'
    and context_min_tokens = 0
    and component in ('input', 'output', 'cache_read')
order by model, provider, source, endpoint, quant, component, time_band, observed_at
