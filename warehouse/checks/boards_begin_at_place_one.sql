-- Has a board with ranked rows no first place?
select board, workload, model, min(place) as first_place
from marts.leaderboard
where place is not null
group by board, workload, model
having min(place) <> 1
