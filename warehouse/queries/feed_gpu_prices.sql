-- Ranked GPU configurations of the trusted board whose price moved against the reading before by at least a share, in
-- the 31 days before the newest run. Newest first. $smallest_move: fraction.
with newest as (
    select max(as_of) as as_of
    from core.runs
),

readings as (
    select
        *,
        lag(usd_per_gpu_hour) over configuration as old_usd_per_gpu_hour,
        lag(observed_at) over configuration as old_observed_at
    from marts.gpu_price_history
    where board = 'trusted' and exclusion_reason is null and usd_per_gpu_hour is not null
    window configuration as (partition by source, gpu, gpu_count order by run_id)
)

select
    readings.run_id,
    readings.observed_at,
    readings.source,
    readings.gpu,
    readings.gpu_count,
    readings.n_machines,
    readings.old_usd_per_gpu_hour as old_usd,
    readings.usd_per_gpu_hour as new_usd,
    readings.old_observed_at,
    readings.provenance
from readings
cross join newest
where readings.observed_at > newest.as_of - interval 31 days
    and abs(readings.usd_per_gpu_hour / readings.old_usd_per_gpu_hour - 1) >= $smallest_move
order by readings.run_id desc, readings.source, readings.gpu, readings.gpu_count
