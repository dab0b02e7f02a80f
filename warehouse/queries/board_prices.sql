-- Whole rows of the GPU prices behind the boards. $source, $gpu: NULL for any.
select *
from marts.gpu_prices
where ($source is null or source = $source)
  and ($gpu is null or gpu = $gpu)
