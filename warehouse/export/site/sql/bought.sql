-- Ranked API endpoints of one workload.
select
    model,
    quant,
    quant_class,
    source,
    provider,
    endpoint,
    tier,
    usd_per_1k_requests / 1000 as usd_per_request,
    promo,
    epoch(observed_at)::bigint as observed_at,
    freshness
from marts.leaderboard
where
    workload = $workload
    and board = 'api'
    and place is not null
order by model, place
