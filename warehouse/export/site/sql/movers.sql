-- What moved, the largest moves first.
select
    kind,
    window_hours,
    board,
    source,
    gpu,
    gpu_count,
    provider,
    model,
    model_name,
    component,
    tier,
    old_usd,
    new_usd,
    factor,
    epoch(old_observed_at)::bigint as old_observed_at,
    epoch(since_at)::bigint as since_at
from marts.movers
order by kind, window_hours, abs(ln(greatest(factor, 1e-9))) desc nulls first, source, gpu, gpu_count, price_key
