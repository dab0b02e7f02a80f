select *
from core.runs
where $since::timestamptz is null or started_at >= $since::timestamptz
order by run_id
