-- From what the newest run made the file: one row.
select
    runs.run_id,
    coalesce(runs.as_of, boards.as_of, runs.started_at) as as_of,
    runs.provenance,
    runs.methodology_version,
    runs.software_version,
    (select count(*) from core.runs) as runs
from core.runs
cross join (select max(leaderboard.as_of) as as_of from marts.leaderboard) as boards
order by runs.run_id desc
limit 1
