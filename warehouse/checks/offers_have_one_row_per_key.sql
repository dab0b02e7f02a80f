-- Is an offer twice in one run?
select run_id, source, price_kind, offer_id, count(*) as n_rows
from core.gpu_offers
group by run_id, source, price_kind, offer_id
having count(*) > 1
