-- Sources that answered in one of two runs only: what they sell is left out of the comparison.
-- $run_id, $then_run_id.
select source
from core.source_runs
where run_id in ($run_id, $then_run_id)
group by source
having count(*) filter (where outcome <> 'failed') = 1
order by source
