-- One workload, the models that can be both rented for and bought: the cheapest of each way, with bands. $workload, $top.
with ranked as (
    select model, kind, usd_per_mtok, usd_per_mtok_low, usd_per_mtok_high
    from marts.leaderboard
    where board = 'combined' and workload = $workload and place is not null
    qualify row_number() over (partition by model, kind order by place) = 1
),

both_ways as (
    select model, min(usd_per_mtok) as cheapest
    from ranked
    group by model
    having count(*) = 2
    order by cheapest, model
    limit $top
)

select ranked.*
from ranked
inner join both_ways using (model)
order by both_ways.cheapest, ranked.model, ranked.kind
