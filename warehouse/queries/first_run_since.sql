-- The oldest run begun at a moment or later.
select coalesce(min(run_id), '')
from core.runs
where started_at >= $moment
