-- What the newest run did not believe, counted.
select
    kind,
    source,
    status,
    array_to_string(reasons, ', ') as reasons,
    count(*) as row_count
from core.quarantine
where run_id = (select max(runs.run_id) from core.runs)
group by all
order by row_count desc, source, reasons
limit 200
