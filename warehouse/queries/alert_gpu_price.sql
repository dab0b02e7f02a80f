-- The cheapest ranked price per GPU-hour of a GPU on one board. $board, $gpu.
select source, gpu, gpu_count, n_machines, usd_per_gpu_hour, observed_at, provenance
from marts.gpu_prices
where board = $board and gpu = $gpu and exclusion_reason is null and usd_per_gpu_hour is not null
order by usd_per_gpu_hour, source, gpu_count
limit 1
