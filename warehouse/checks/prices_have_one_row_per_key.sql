-- Is an API price twice in the newest run?
select run_id, price_key, count(*) as n_rows
from core.api_prices
where status = 'ok' and run_id = (select max(run_id) from core.runs)
group by run_id, price_key
having count(*) > 1
