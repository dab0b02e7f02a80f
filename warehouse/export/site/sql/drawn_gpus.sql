-- GPUs with a history to draw.
select distinct gpu
from marts.gpu_price_history
where usd_per_gpu_hour is not null
order by gpu
