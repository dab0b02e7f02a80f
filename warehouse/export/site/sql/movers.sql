-- What moved, the largest moves first: GPU configurations that are ranked and were then, prices that sellers list themselves.
with believed as (
    select moved.*
    from marts.price_changes as moved
    semi join marts.gpu_prices as price
        on price.board = moved.board
        and price.source = moved.source
        and price.gpu = moved.gpu
        and price.gpu_count = moved.gpu_count
        and price.exclusion_reason is null
    semi join marts.gpu_price_history as past
        on past.board = moved.board
        and past.source = moved.source
        and past.gpu = moved.gpu
        and past.gpu_count = moved.gpu_count
        and past.observed_at = moved.old_observed_at
        and past.exclusion_reason is null
    where moved.kind = 'gpu'
    union all by name
    select moved.*
    from marts.price_changes as moved
    anti join marts.api_price_history as listed on listed.price_key = moved.price_key and listed.channel = 'registry'
    where moved.kind = 'api'
)

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
from believed
order by kind, window_hours, abs(ln(greatest(factor, 1e-9))) desc nulls first, source, gpu, gpu_count, price_key
