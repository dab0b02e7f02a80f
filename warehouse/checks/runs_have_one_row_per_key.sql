-- Is a run, or a source of a run, there twice?
select run_id, 'run' as what, count(*) as n_rows
from core.runs
group by run_id
having count(*) > 1
union all
select run_id, source, count(*)
from core.source_runs
group by run_id, source
having count(*) > 1
