-- Has a GPU configuration two prices on one board?
select board, source, gpu, gpu_count, count(*) as n_rows
from marts.gpu_prices
group by all
having count(*) > 1
