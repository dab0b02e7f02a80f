-- Sources that were not whole in every run after an earlier one, worst first. $run_id; $then_run_id: NULL for the
-- newest run alone.
select
    run.source,
    run.kind,
    count(*) as n_runs,
    count(*) filter (where run.outcome = 'failed') as n_failed,
    count(*) filter (where run.outcome = 'partial') as n_partial,
    arg_max(coalesce(run.error, array_to_string(run.reasons, '; '), ''), run.run_id)
        filter (where run.outcome <> 'ok') as error,
    health.last_success_at
from core.source_runs as run
inner join marts.source_health as health using (source)
where run.run_id <= $run_id and run.run_id > coalesce($then_run_id, (select max(run_id) from core.runs where run_id < $run_id), '')
group by run.source, run.kind, health.last_success_at
having n_failed + n_partial > 0
order by n_failed desc, n_partial desc, run.source
