-- The number the next capture of a source gets.
select coalesce(max(seq) + 1, 0)
from raw.captures
where run_id = $run_id and source = $source
