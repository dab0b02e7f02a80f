-- Did the newest finished run bring no good offer and no good price at all?
select run.run_id
from (select run_id from core.runs where as_of is not null order by run_id desc limit 1) as run
where not exists (select 1 from core.gpu_offers as offer where offer.run_id = run.run_id and offer.status = 'ok')
    and not exists (select 1 from core.api_prices as price where price.run_id = run.run_id and price.status = 'ok')
