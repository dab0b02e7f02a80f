-- The cheapest offers behind each configuration's price, and the ones left out, as last read.
with newest as (
    select source, max(run_id) as run_id
    from core.gpu_offers
    group by source
)

select
    offers.gpu,
    offers.source,
    offers.board,
    offers.gpu_count,
    offers.offer_id,
    offers.gpu_name,
    offers.usd_per_gpu_hour,
    offers.memory_gib,
    offers.reliability,
    offers.exclusion_reason
from core.gpu_offers as offers
inner join newest using (source, run_id)
where
    offers.gpu is not null
    and offers.board is not null
    and offers.usd_per_gpu_hour is not null
qualify
    row_number() over (
        partition by offers.source, offers.board, offers.gpu, offers.gpu_count
        order by offers.usd_per_gpu_hour, offers.offer_id
    ) <= 12
order by offers.gpu, offers.source, offers.board, offers.gpu_count, offers.usd_per_gpu_hour, offers.offer_id
