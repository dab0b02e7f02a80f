-- By how much the cheapest way to run each model moved between two runs, over all workloads; one row per model.
-- $run_id, $then_run_id.
with first_places as (
    select run_id, workload, model, usd_per_mtok, concat_ws(' ', source, provider, gpu_count || 'x', gpu) as seller
    from marts.leaderboard_history
    where run_id in ($run_id, $then_run_id) and board = 'combined' and place = 1
),

moves as (
    select
        now.workload,
        now.model,
        now.usd_per_mtok / nullif(past.usd_per_mtok, 0) as factor,
        now.seller is distinct from past.seller as changed_hands
    from (select * from first_places where run_id = $run_id) as now
    inner join (select * from first_places where run_id = $then_run_id) as past using (workload, model)
)

select
    model,
    count(*) as n_workloads,
    count(*) filter (where changed_hands) as n_changed_hands,
    median(factor) as factor,
    min(factor) as factor_min,
    max(factor) as factor_max
from moves
where factor is not null
group by model
order by factor, model
