select distinct source
from raw.captures
where run_id = $run_id
order by source
