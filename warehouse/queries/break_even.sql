-- From which load on renting beats buying. $model, $workload, $board: NULL for any.
select
    board, workload, model, quant, source, gpu, gpu_count, comparator, comparator_model, comparator_provider,
    comparator_hosts, usd_per_mtok_full_load, usd_per_mtok_api, verdict, break_even_utilization, tokens_per_hour,
    mtok_per_month, mtok_per_month_always, volume_source, volume_gpu, volume_gpu_count, as_of, provenance
from marts.break_even
where ($model is null or model = $model)
  and ($workload is null or workload = $workload)
  and ($board is null or board = $board)
order by workload, model, board, usd_per_mtok_full_load, quant, comparator, comparator_model
