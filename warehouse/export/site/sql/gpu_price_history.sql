-- Prices of GPU configurations over time, in up to three steps: every run of the last fortnight; where there is more, the
-- median of each day of the last quarter; where there is more still, the median of each week.
with span as (
    select min(as_of) as first_at, max(as_of) as last_at
    from core.runs
),

readings as (
    select
        gpu,
        board,
        source,
        gpu_count,
        as_of,
        usd_per_gpu_hour,
        usd_per_hour_p10 / gpu_count as usd_per_gpu_hour_p10,
        usd_per_hour_p50 / gpu_count as usd_per_gpu_hour_p50,
        n_machines,
        price_rule
    from marts.gpu_price_history
    where usd_per_gpu_hour is not null
),

steps as (
    select 'run' as step, readings.*, readings.as_of as period
    from readings
    cross join span
    where readings.as_of >= span.last_at - interval 14 day
    union all
    select 'day' as step, readings.*, date_trunc('day', readings.as_of) as period
    from readings
    cross join span
    where readings.as_of >= span.last_at - interval 92 day and span.first_at < span.last_at - interval 14 day
    union all
    select 'week' as step, readings.*, date_trunc('week', readings.as_of) as period
    from readings
    cross join span
    where span.first_at < span.last_at - interval 92 day
)

select
    gpu,
    step,
    board,
    source,
    gpu_count,
    epoch(max(as_of))::bigint as as_of,
    median(usd_per_gpu_hour) as usd_per_gpu_hour,
    median(usd_per_gpu_hour_p10) as usd_per_gpu_hour_p10,
    median(usd_per_gpu_hour_p50) as usd_per_gpu_hour_p50,
    median(n_machines)::bigint as n_machines,
    mode(price_rule) as price_rule
from steps
group by gpu, step, board, source, gpu_count, period
order by gpu, step, board, source, gpu_count, period
