-- The component prices a bought request was priced from, as the newest run read them.
-- $source, $provider, $model, $quant, $endpoint (NULL where the host names none).
select
    component,
    tier,
    usd_per_mtok,
    context_min_tokens,
    context_max_tokens,
    time_band,
    status,
    reasons,
    raw_text,
    observed_at
from core.api_prices
where source = $source
  and provider = $provider
  and model = $model
  and quant = $quant
  and endpoint is not distinct from $endpoint
  and run_id = (select max(run_id) from core.api_prices where source = $source)
order by tier, component, context_min_tokens, time_band, observed_at desc;
