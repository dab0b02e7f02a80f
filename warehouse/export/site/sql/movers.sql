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
    coalesce(old_usd_per_gpu_hour, old_usd_per_mtok::double) as old_usd,
    coalesce(new_usd_per_gpu_hour, new_usd_per_mtok::double) as new_usd,
    factor,
    epoch(old_observed_at)::bigint as old_observed_at,
    epoch(since_at)::bigint as since_at
from marts.price_changes
order by kind, window_hours, abs(ln(greatest(factor, 1e-9))) desc nulls first, source, gpu, gpu_count, price_key
