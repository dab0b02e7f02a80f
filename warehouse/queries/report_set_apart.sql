-- What one run set apart, by source and reason; a row with two reasons counts under both. $run_id.
select source, kind, status, coalesce(reason, '') as reason, count(*) as n_rows
from (
    select source, kind, status, unnest(if(len(reasons) = 0, [null], reasons)) as reason
    from core.quarantine
    where run_id = $run_id and kind <> 'response'
)
group by all
union all
select source, kind, status, 'part of a page that could not be read' as reason, count(*) as n_rows
from core.quarantine
where run_id = $run_id and kind = 'response'
group by all
order by n_rows desc, source, kind, status, reason
