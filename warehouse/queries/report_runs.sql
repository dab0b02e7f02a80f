-- The newest run that has boards, and the earlier one nearest to a week before it.
with boarded as (
    select run_id, max(as_of) as as_of, max(provenance) as provenance, max(methodology_version) as methodology_version
    from marts.leaderboard_history
    group by run_id
),

newest as (
    select *
    from boarded
    order by run_id desc
    limit 1
),

earlier as (
    select boarded.*
    from boarded
    inner join newest on boarded.run_id < newest.run_id and boarded.provenance = newest.provenance
    order by abs(epoch(newest.as_of - boarded.as_of) - 7 * 86400), boarded.run_id
    limit 1
)

select
    newest.run_id,
    newest.as_of,
    newest.provenance,
    newest.methodology_version,
    earlier.run_id as then_run_id,
    earlier.as_of as then_as_of,
    earlier.methodology_version as then_methodology_version,
    epoch(newest.as_of - earlier.as_of) / 3600 as hours_between,
    epoch(newest.as_of - (select min(as_of) from core.runs)) / 3600 as history_hours,
    (select count(*) from core.source_runs where run_id = newest.run_id) as n_sources,
    (select count(*) from core.source_runs where run_id = newest.run_id and outcome = 'ok') as n_whole,
    (select count(*) from boarded where run_id > earlier.run_id) as n_runs_since
from newest
left join earlier on true
