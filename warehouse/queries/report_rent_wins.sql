-- Of the workloads and models that can be both rented for and bought on the combined board: in how many renting is
-- cheaper, and in how many even at the dear end of its band.
with ways as (
    select
        workload,
        model,
        min(usd_per_mtok) filter (where kind = 'self_hosted') as rented,
        arg_min(usd_per_mtok_high, usd_per_mtok) filter (where kind = 'self_hosted') as rented_high,
        min(usd_per_mtok) filter (where kind = 'api') as bought
    from marts.leaderboard
    where board = 'combined' and place is not null
    group by workload, model
)

select
    count(*) as n_pairs,
    count(*) filter (where rented < bought) as n_rented,
    count(*) filter (where rented_high < bought) as n_rented_for_sure
from ways
where rented is not null and bought is not null
