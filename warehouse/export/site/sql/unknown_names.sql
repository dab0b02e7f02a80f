-- Names nobody has placed yet, of the newest run.
select
    source,
    kind,
    name,
    detail,
    rows,
    count(*) over () as total
from core.unknown_names
where run_id = (select max(runs.run_id) from core.runs)
order by rows desc, source, name
limit 200
