-- The first place of one board for a workload and model. $board, $workload, $model.
select source, provider, gpu, gpu_count, quant, usd_per_mtok, usd_per_mtok_low, usd_per_mtok_high, observed_at, provenance
from marts.leaderboard
where board = $board and workload = $workload and model = $model and place = 1
