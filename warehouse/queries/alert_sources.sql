-- When each source last answered, and what is wrong with it.
select source, last_success_at, outcome, failures_in_a_row, error
from marts.source_health
order by source
