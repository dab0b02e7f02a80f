-- The largest moves of one window, both ways, without machines that can be taken away. $window_hours: 24, 168 or 720.
-- $top: rows per kind and direction.
select
    *,
    count(*) over (partition by kind, factor < 1) as n_moves
from marts.movers
where window_hours = $window_hours
    and factor is not null
    and board is distinct from 'interruptible'
qualify row_number() over (
    partition by kind, factor < 1
    order by abs(ln(factor)) desc, source, gpu, gpu_count, price_key
) <= $top
order by kind, factor, source, gpu, gpu_count, price_key
