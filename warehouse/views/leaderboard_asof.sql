create or replace macro main.leaderboard_asof(ts) as table
select
    as_of,
    board,
    workload,
    model,
    place,
    kind,
    source,
    provider,
    gpu,
    gpu_count,
    quant,
    price_kind,
    tier,
    endpoint,
    usd_per_hour,
    output_tokens_per_s,
    throughput_basis,
    utilization,
    usd_per_mtok,
    usd_per_mtok_low,
    usd_per_mtok_high,
    provenance,
    methodology_version
from marts.leaderboard_history
where run_id = (select max(run_id) from marts.leaderboard_history where as_of <= ts::timestamptz);
comment on macro table main.leaderboard_asof is 'The first three places of every board as the newest run before a moment had them. One argument: a timestamp.';
