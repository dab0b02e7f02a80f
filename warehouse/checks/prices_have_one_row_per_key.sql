-- Is an API price twice in one run?
select run_id, price_key, count(*) as n_rows
from core.api_prices
where status = 'ok'
group by run_id, price_key
having count(*) > 1
