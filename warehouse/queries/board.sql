-- The ranked rows of one board, cheapest first; with $excluded the rows that are not ranked, and why.
-- $board, $workload, $model, $quant: NULL for any.
select
    board, workload, model, quant, place, kind, source, provider, gpu, gpu_count, usd_per_hour, machines, tp, replicas,
    output_tokens_per_s, throughput_basis, utilization, usd_per_mtok, usd_per_mtok_low, usd_per_mtok_high,
    usd_per_mtok_output, usd_per_1k_requests, ttft_ms, tpot_ms, observed_at, age_hours, provenance, exclusion_reason
from marts.leaderboard
where ($board is null or board = $board)
  and ($workload is null or workload = $workload)
  and ($model is null or model = $model)
  and ($quant is null or quant = $quant)
  and (place is not null) <> $excluded
qualify row_number() over (
    partition by board, workload order by usd_per_mtok nulls last, model, source, gpu, gpu_count, provider
) <= $top
order by board, workload, usd_per_mtok nulls last, model, source, gpu, gpu_count, provider
