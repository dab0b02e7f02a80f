-- marts.source_health as of one run.
insert into marts.source_health by name
with seen as (
    select *
    from core.source_runs
    where run_id <= $run_id
),

newest as (
    select seen.*, coalesce(seen.fetched_at, run.started_at) as last_run_at
    from seen
    inner join core.runs as run using (run_id)
    qualify row_number() over (partition by seen.source order by run_id desc) = 1
),

success as (
    select source, max(run_id) as run_id, max(fetched_at) as last_success_at
    from seen
    where outcome in ('ok', 'partial')
    group by source
),

failures as (
    select seen.source, count(*) as failures_in_a_row
    from seen
    left join success using (source)
    where success.run_id is null or seen.run_id > success.run_id
    group by seen.source
),

last_runs as (
    select source, median(records) as records_median_28
    from (
        select source, records
        from seen
        qualify row_number() over (partition by source order by run_id desc) <= 28
    )
    group by source
)

select
    newest.source,
    newest.kind,
    newest.outcome,
    newest.last_run_at,
    success.last_success_at,
    epoch($as_of::timestamptz - success.last_success_at) / 3600 as age_hours,
    coalesce(failures.failures_in_a_row, 0) as failures_in_a_row,
    newest.records,
    newest.ok,
    newest.held,
    newest.quarantined,
    newest.unknown_names,
    newest.truncated,
    newest.seconds,
    newest.error,
    newest.verdict,
    newest.reasons,
    last_runs.records_median_28
from newest
left join success using (source)
left join failures using (source)
left join last_runs using (source)
order by newest.source
