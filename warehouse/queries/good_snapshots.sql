-- The last good runs of each source before a run: snapshot 1 is the newest.
select
    source,
    run_id,
    row_number() over (partition by source order by run_id desc) as snapshot
from core.source_runs
where run_id < $run_id
    and kind = $kind
    and outcome in ('ok', 'partial')
    and fetched_at >= $oldest_at
qualify snapshot <= $snapshots
order by source, snapshot
