-- The largest moves of one window, both ways: GPU configurations of the trusted and community boards that were ranked
-- then and are now, and API prices that a seller itself lists. $window_hours: 24, 168 or 720. $top: rows per kind and direction.
with believed as (
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
    select change.*
    from marts.price_changes as change
    anti join marts.api_price_history as listed on listed.price_key = change.price_key and listed.channel = 'registry'
    where change.kind = 'api'
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
    coalesce(old_usd_per_gpu_hour, old_usd_per_mtok::double) as old_usd,
    coalesce(new_usd_per_gpu_hour, new_usd_per_mtok::double) as new_usd,
    factor,
    since_at,
    count(*) over (partition by kind, factor < 1) as n_moves
from believed
where window_hours = $window_hours and factor is not null
qualify row_number() over (
    partition by kind, factor < 1
    order by abs(ln(factor)) desc, source, gpu, gpu_count, price_key
) <= $top
order by kind, factor, source, gpu, gpu_count, price_key
