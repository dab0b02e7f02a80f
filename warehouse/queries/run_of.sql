select started_at, provenance
from core.runs
where run_id = $run_id
