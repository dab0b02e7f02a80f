-- The last runs in which each source answered, before a run: snapshot 1 is the newest.
select
    source,
    run_id,
    row_number() over (partition by source order by run_id desc) as snapshot
from core.source_runs
where run_id < $run_id
    and run_id >= $first_run
    and kind = 'gpu'
    and outcome in ('ok', 'partial')
qualify snapshot <= $snapshots
order by source, snapshot
