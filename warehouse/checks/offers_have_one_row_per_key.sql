-- Is an offer twice in the newest run?
select run_id, source, price_kind, offer_id, count(*) as n_rows
from core.gpu_offers
where run_id = (select max(run_id) from core.runs)
group by run_id, source, price_kind, offer_id
having count(*) > 1
