-- The newest run, before $run_id, in which each API source was asked, whether it answered or not.
select source, max(run_id) as run_id, 1::bigint as snapshot
from core.source_runs
where run_id < $run_id
    and run_id >= $first_run
    and kind = 'api'
group by source
order by source
