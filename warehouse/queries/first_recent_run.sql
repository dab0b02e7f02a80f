-- The oldest of the newest runs.
select coalesce(min(run_id), '')
from (select run_id from core.runs order by run_id desc limit $recent_runs)
