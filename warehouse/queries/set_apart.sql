-- What no decision can settle: offers and parts of responses that the newest run of each source set apart, counted.
select kind, source, status, reasons, count(*) as n, min(name) as example, max(observed_at) as observed_at
from core.quarantine
inner join (
    select source, max(run_id) as run_id
    from core.source_runs
    group by source
) as newest using (source, run_id)
where kind <> 'api_price'
  and status in ('held', 'quarantined')
group by kind, source, status, reasons
order by kind, source, n desc, reasons
