-- Whole offers of one GPU at one source, of the newest run in which that source had a good one. $source, $gpu.
select *
from core.gpu_offers
where source = $source
  and gpu = $gpu
  and run_id = (select max(run_id) from core.gpu_offers where source = $source and status = 'ok')
