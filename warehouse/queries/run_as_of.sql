-- The moment a run speaks of: its newest response, or its start where none came.
select coalesce(max(source_run.fetched_at), any_value(run.started_at))
from core.runs as run
left join core.source_runs as source_run using (run_id)
where run.run_id = $run_id
