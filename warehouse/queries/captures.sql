select *
from raw.captures
where run_id = $run_id and source = $source
order by seq
