-- The oldest run the published file holds whole: the newest runs, and in any case the newest month, which is not
-- archived yet.
with newest as (
    select run_id, started_at
    from core.runs
    order by run_id desc
    limit $recent_runs
)

select coalesce(
    least(
        (select min(run_id) from newest),
        (select min(run_id) from core.runs where date_trunc('month', started_at) = date_trunc('month', (select max(started_at) from core.runs)))
    ),
    ''
)
