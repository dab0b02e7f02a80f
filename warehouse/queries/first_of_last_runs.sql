-- The oldest of the last $runs runs before a run.
select coalesce(min(run_id), '')
from (select run_id from core.runs where run_id < $run_id order by run_id desc limit $runs)
