-- Each GPU at its cheapest ranked seller on the trusted board, in two runs; only sellers that answered in both.
-- $run_id, $then_run_id.
with both_answered as (
    select source
    from core.source_runs
    where run_id in ($run_id, $then_run_id) and outcome <> 'failed'
    group by source
    having count(*) = 2
),

cheapest as (
    select
        run_id,
        gpu,
        min(usd_per_gpu_hour) as usd_per_gpu_hour,
        arg_min(source, (usd_per_gpu_hour, source, gpu_count)) as source,
        arg_min(gpu_count, (usd_per_gpu_hour, source, gpu_count)) as gpu_count,
        arg_min(n_machines, (usd_per_gpu_hour, source, gpu_count)) as n_machines,
        sum(n_machines)::bigint as machines_behind
    from marts.gpu_price_history
    semi join both_answered using (source)
    where run_id in ($run_id, $then_run_id)
        and board = 'trusted'
        and exclusion_reason is null
        and usd_per_gpu_hour is not null
    group by run_id, gpu
)

select
    now.gpu,
    now.source,
    now.gpu_count,
    now.n_machines,
    now.machines_behind,
    past.source as old_source,
    past.gpu_count as old_gpu_count,
    past.usd_per_gpu_hour as old_usd_per_gpu_hour,
    now.usd_per_gpu_hour as new_usd_per_gpu_hour,
    now.usd_per_gpu_hour / past.usd_per_gpu_hour as factor
from (select * from cheapest where run_id = $run_id) as now
inner join (select * from cheapest where run_id = $then_run_id) as past using (gpu)
order by factor, now.gpu
