-- The months before the newest run's month, per archived table, with what they hold and what their archive holds.
with held as (
    select
        contents.table_name,
        strftime(run.started_at, '%Y-%m') as month,
        min(contents.run_id) as first_run,
        max(contents.run_id) as last_run,
        sum(contents.n_rows)::bigint as n_rows,
        string_agg(contents.fingerprint, ' ' order by contents.run_id) as fingerprints
    from main.run_contents as contents
    inner join core.runs as run using (run_id)
    where contents.table_name in (select unnest($tables))
    group by all
)

select
    held.table_name,
    held.month,
    held.first_run,
    held.last_run,
    held.n_rows,
    md5(held.fingerprints) as fingerprint,
    archive.fingerprint is not distinct from md5(held.fingerprints) as is_archived
from held
left join bookkeeping.archives as archive using (table_name, month)
where held.month < (select strftime(max(started_at), '%Y-%m') from core.runs)
order by held.table_name, held.month
