-- From which load the cheapest trusted machine beats the cheapest API host of the same model, in two runs.
-- $run_id, $then_run_id.
select
    now.workload,
    now.model,
    now.gpu,
    now.gpu_count,
    now.source,
    now.provider,
    past.break_even_utilization as old_load,
    now.break_even_utilization as new_load,
    now.break_even_utilization / past.break_even_utilization as factor,
    (past.break_even_utilization <= 1) <> (now.break_even_utilization <= 1) as crossed
from marts.break_even_history as now
inner join marts.break_even_history as past using (workload, model)
where now.run_id = $run_id
    and past.run_id = $then_run_id
    and past.break_even_utilization > 0
    and now.break_even_utilization > 0
order by abs(ln(factor)) desc, now.workload, now.model
