-- From which load the cheapest configuration of each board beats each API, for one workload; with that configuration's band.
select
    break_even.board,
    break_even.model,
    break_even.quant,
    break_even.source,
    break_even.gpu,
    break_even.gpu_count,
    break_even.comparator,
    break_even.comparator_model,
    break_even.comparator_provider,
    break_even.comparator_hosts,
    break_even.usd_per_mtok_full_load,
    break_even.usd_per_mtok_at_50,
    break_even.usd_per_mtok_api,
    break_even.break_even_utilization,
    break_even.verdict,
    break_even.tokens_per_hour,
    break_even.mtok_per_month,
    break_even.mtok_per_month_always,
    break_even.volume_source,
    break_even.volume_gpu,
    break_even.volume_gpu_count,
    leaderboard.utilization,
    leaderboard.usd_per_mtok_low,
    leaderboard.usd_per_mtok_high
from marts.break_even
left join marts.leaderboard
    using (board, workload, model, quant, source, gpu, gpu_count)
where break_even.workload = $workload
order by
    break_even.board, break_even.model, break_even.quant, break_even.comparator, break_even.usd_per_mtok_api
