-- The cheapest ranked price per GPU-hour on the trusted board, run by run over 31 days, of the GPUs with the most
-- machines in the newest run. $run_id; $top: how many GPUs.
with newest as (
    select as_of
    from core.runs
    where run_id = $run_id
),

most_offered as (
    select gpu
    from marts.gpu_price_history
    where run_id = $run_id and board = 'trusted' and exclusion_reason is null
    group by gpu
    order by sum(n_machines) desc, gpu
    limit $top
)

select history.as_of, history.gpu, min(history.usd_per_gpu_hour) as usd_per_gpu_hour
from marts.gpu_price_history as history
semi join most_offered using (gpu)
cross join newest
where history.board = 'trusted'
    and history.exclusion_reason is null
    and history.usd_per_gpu_hour is not null
    and history.run_id <= $run_id
    and history.as_of > newest.as_of - interval 31 days
group by history.as_of, history.gpu
order by history.gpu, history.as_of
