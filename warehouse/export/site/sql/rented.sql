-- Ranked self-hosting of one workload. GPU prices stand in gpu_prices; a traffic price is per request, so that the page
-- can state the row at any utilisation.
select
    board,
    model,
    quant,
    source,
    gpu,
    gpu_count,
    storage_usd_per_hour,
    traffic_usd_per_hour / (output_tokens_per_s * 3600 / osl_tokens * utilization) as traffic_usd_per_request,
    weights_gib,
    output_tokens_per_s,
    output_tokens_per_s_low,
    output_tokens_per_s_high,
    tokens_per_s_per_user,
    ttft_ms,
    tpot_ms,
    tp,
    replicas,
    concurrency,
    throughput_basis
from marts.leaderboard
where
    workload = $workload
    and kind = 'self_hosted'
    and board <> 'combined'
    and place is not null
order by board, model, place
