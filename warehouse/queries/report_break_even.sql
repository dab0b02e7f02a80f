-- From which load the cheapest trusted machine beats the cheapest API host of the same model, in two runs: the price at
-- the board's utilisation, times that utilisation, over the API's price. $run_id, $then_run_id.
with first_places as (
    select *
    from marts.leaderboard_history
    where run_id in ($run_id, $then_run_id) and place = 1
),

loads as (
    select
        rented.run_id,
        rented.workload,
        rented.model,
        rented.gpu,
        rented.gpu_count,
        rented.source,
        bought.provider,
        rented.usd_per_mtok * rented.utilization / nullif(bought.usd_per_mtok, 0) as load
    from first_places as rented
    inner join first_places as bought using (run_id, workload, model)
    where rented.board = 'trusted' and rented.kind = 'self_hosted' and bought.board = 'api'
)

select
    now.workload,
    now.model,
    now.gpu,
    now.gpu_count,
    now.source,
    now.provider,
    past.load as old_load,
    now.load as new_load,
    now.load / past.load as factor,
    (past.load <= 1) <> (now.load <= 1) as crossed
from (select * from loads where run_id = $run_id) as now
inner join (select * from loads where run_id = $then_run_id) as past using (workload, model)
where past.load > 0 and now.load > 0
order by abs(ln(factor)) desc, now.workload, now.model
