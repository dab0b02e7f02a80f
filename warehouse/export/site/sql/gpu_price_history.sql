-- Prices of GPU configurations over time: every run of the last fortnight, before that the last run of each day.
select
    gpu,
    board,
    source,
    gpu_count,
    epoch(as_of)::bigint as as_of,
    usd_per_gpu_hour,
    usd_per_hour_p10 / gpu_count as usd_per_gpu_hour_p10,
    usd_per_hour_p50 / gpu_count as usd_per_gpu_hour_p50,
    n_machines,
    price_rule
from marts.gpu_price_history
where usd_per_gpu_hour is not null
qualify
    max(as_of) over () - as_of <= interval 14 day
    or row_number() over (
        partition by gpu, board, source, gpu_count, as_of::date
        order by as_of desc
    ) = 1
order by gpu, board, source, gpu_count, as_of
