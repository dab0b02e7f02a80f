-- Median price of one whole GPU over the good offers of the last runs before a run, where there are enough to say.
select gpu, price_kind, median(usd_per_gpu_hour) as usd_per_gpu_hour
from core.gpu_offers
where run_id < $run_id
    and run_id >= $first_run
    and status = 'ok'
    and not is_slice
    and usd_per_gpu_hour is not null
group by gpu, price_kind
having count(*) >= 30
order by gpu, price_kind
