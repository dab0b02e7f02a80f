-- Is a price in a history twice for one run?
select run_id, concat_ws(' ', board, source, gpu, gpu_count) as what, count(*) as n_rows
from marts.gpu_price_history
where run_id = (select max(run_id) from core.runs)
group by all
having count(*) > 1
union all
select run_id, price_key, count(*)
from marts.api_price_history
group by all
having count(*) > 1
