-- GPUs somebody rents out, as their makers call them.
select
    gpus.gpu,
    gpus.name,
    gpus.memory_gb,
    gpus.bandwidth_gb_per_s
from reference.gpus as gpus
where gpus.gpu in (select gpu_prices.gpu from marts.gpu_prices)
order by gpus.gpu
