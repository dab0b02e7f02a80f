select source, requests, bytes, seconds, truncated, truncated_why, error, finished_at
from raw.fetches
where run_id = $run_id
order by source
