-- The month in which the newest finished run began.
select strftime(started_at, '%Y-%m')
from core.runs
where as_of is not null
order by run_id desc
limit 1
