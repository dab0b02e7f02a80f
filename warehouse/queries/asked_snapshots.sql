-- The newest run, up to and with $last_run, in which each API source was asked, whether it answered or not.
select source, max(run_id) as run_id, 1::bigint as snapshot
from core.source_runs
where run_id <= $last_run
    and run_id >= $first_run
    and kind = 'api'
group by source
order by source
