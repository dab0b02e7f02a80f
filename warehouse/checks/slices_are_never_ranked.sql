-- Is a share of a GPU, or a GPU with too little memory, priced as the whole GPU?
select price.board, price.source, price.gpu, price.gpu_count, price.memory_gib, gpu.memory_gib as nominal_gib
from marts.gpu_prices as price
left join reference.gpus as gpu using (gpu)
where price.exclusion_reason is null
    and (gpu.gpu is null or price.gpu_count < 1 or price.memory_gib < 0.93 * gpu.memory_gib)
