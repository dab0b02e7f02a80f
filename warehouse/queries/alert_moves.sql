-- What moved over a window by at least a share, the largest first: GPU configurations of the trusted and community boards
-- that were ranked then and are now, and API prices. $kind, $window_hours, $smallest_move (fraction); $source, $gpu,
-- $model: NULL for any.
with ranked_both_times as (
    select change.*
    from marts.price_changes as change
    semi join marts.gpu_prices as price
        on price.board = change.board
        and price.source = change.source
        and price.gpu = change.gpu
        and price.gpu_count = change.gpu_count
        and price.exclusion_reason is null
    semi join marts.gpu_price_history as past
        on past.board = change.board
        and past.source = change.source
        and past.gpu = change.gpu
        and past.gpu_count = change.gpu_count
        and past.observed_at = change.old_observed_at
        and past.exclusion_reason is null
    where change.kind = 'gpu' and change.board in ('trusted', 'community')
    union all by name
    select *
    from marts.price_changes
    where kind = 'api'
)

select
    kind,
    board,
    source,
    gpu,
    gpu_count,
    provider,
    model,
    model_name,
    component,
    tier,
    price_key,
    coalesce(old_usd_per_gpu_hour, old_usd_per_mtok::double) as old_usd,
    coalesce(new_usd_per_gpu_hour, new_usd_per_mtok::double) as new_usd,
    factor,
    (select max(as_of) from core.runs) as observed_at,
    provenance
from ranked_both_times
where kind = $kind
    and window_hours = $window_hours
    and abs(factor - 1) >= $smallest_move
    and ($source is null or source = $source)
    and ($gpu is null or gpu = $gpu)
    and ($model is null or model = $model)
order by abs(ln(factor)) desc, source, gpu, gpu_count, price_key
