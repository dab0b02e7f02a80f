-- How the sources fared in the last runs before a run, newest first.
select *
from core.source_runs
where run_id in (select run_id from core.runs where run_id < $run_id order by run_id desc limit $runs)
order by run_id desc, source
