-- Offers per source and price kind in each of the last runs before a run.
select source, price_kind, count(*) as offers
from core.gpu_offers
where run_id < $run_id
    and run_id >= $first_run
group by run_id, source, price_kind
order by source, price_kind, run_id
