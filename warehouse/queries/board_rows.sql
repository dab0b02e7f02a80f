-- Whole rows of the boards. $boards, $workload, $models: NULL for any.
select *
from marts.leaderboard
where ($boards is null or list_contains($boards, board))
  and ($workload is null or workload = $workload)
  and ($models is null or list_contains($models, model))
