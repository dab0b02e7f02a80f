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
where run_id = coalesce(
    (select max(run_id) from marts.leaderboard_history where as_of <= ts::timestamptz),
    error(
        'no boards are kept of ' || ts::text || ', the oldest are of '
        || coalesce((select min(as_of)::text from marts.leaderboard_history), 'no run at all')
    )
);
comment on macro table main.leaderboard_asof is 'The first three places of every board as the newest run before a moment had them; an error before the oldest run whose boards this file keeps (31 days of them, and the month it was built in). One argument: a timestamp.';
