-- Does a ranked price lie outside its own band?
select board, workload, model, place, usd_per_mtok_low, usd_per_mtok, usd_per_mtok_high
from marts.leaderboard
where place is not null
    and not (usd_per_mtok_low <= usd_per_mtok * (1 + 1e-9) and usd_per_mtok <= usd_per_mtok_high * (1 + 1e-9))
