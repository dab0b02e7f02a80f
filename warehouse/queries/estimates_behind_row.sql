-- Whole throughput estimates of one configuration, model, quantisation and workload.
-- $gpu, $gpu_count, $model, $quant, $workload.
select *
from marts.throughput
where gpu = $gpu
  and gpu_count = $gpu_count
  and model = $model
  and quant = $quant
  and workload = $workload
