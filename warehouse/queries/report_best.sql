-- Per workload the models that are cheapest to run, each by its first place on the combined board, with the price of
-- that model's first place in an earlier run. $run_id; $then_run_id: NULL for none; $top: models per workload.
with past as (
    select workload, model, usd_per_mtok
    from marts.leaderboard_history
    where run_id = $then_run_id and board = 'combined' and place = 1
)

select
    now.workload,
    now.model,
    now.kind,
    now.source,
    now.provider,
    now.gpu,
    now.gpu_count,
    now.quant,
    now.usd_per_hour,
    now.throughput_basis,
    now.utilization,
    now.usd_per_mtok,
    now.usd_per_mtok_low,
    now.usd_per_mtok_high,
    now.observed_at,
    past.usd_per_mtok as old_usd_per_mtok,
    now.usd_per_mtok / nullif(past.usd_per_mtok, 0) as factor
from marts.leaderboard as now
left join past using (workload, model)
where now.board = 'combined' and now.place = 1
qualify row_number() over (partition by now.workload order by now.usd_per_mtok, now.model) <= $top
order by now.workload, now.usd_per_mtok, now.model
