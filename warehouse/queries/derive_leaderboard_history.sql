-- marts.leaderboard_history: the first three places of one run.
insert into marts.leaderboard_history by name
select
    $run_id as run_id,
    as_of,
    board,
    workload,
    model,
    quant,
    place,
    kind,
    source,
    provider,
    tier,
    endpoint,
    gpu,
    gpu_count,
    price_kind,
    usd_per_hour,
    output_tokens_per_s,
    throughput_basis,
    utilization,
    usd_per_mtok,
    usd_per_mtok_low,
    usd_per_mtok_high,
    provenance,
    methodology_version
from marts.leaderboard
where place <= 3
order by board, workload, model, place
