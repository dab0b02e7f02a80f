-- The offers a configuration's price was taken from, every size of this GPU, cheapest per GPU first.
-- $board, $source, $gpu. A row with an exclusion_reason did not count.
select
    offer_id,
    machine_id,
    host_id,
    gpu_count,
    memory_gib,
    usd_per_hour,
    usd_per_gpu_hour,
    storage_usd_per_gb_month,
    verification,
    reliability,
    in_stock,
    exclusion_reason,
    observed_at
from core.gpu_offers
where source = $source
  and gpu = $gpu
  and board = $board
  and run_id = (select max(run_id) from core.gpu_offers where source = $source and status = 'ok')
order by usd_per_gpu_hour nulls last, offer_id;
