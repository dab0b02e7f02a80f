-- What moved over a window by at least a share, the largest first, without machines that can be taken away. $kind,
-- $window_hours, $smallest_move (fraction); $source, $gpu, $model: NULL for any.
select
    *,
    (select max(as_of) from core.runs) as observed_at
from marts.movers
where kind = $kind
    and window_hours = $window_hours
    and board is distinct from 'interruptible'
    and abs(factor - 1) >= $smallest_move
    and ($source is null or source = $source)
    and ($gpu is null or gpu = $gpu)
    and ($model is null or model = $model)
order by abs(ln(factor)) desc, source, gpu, gpu_count, price_key
