-- Does a dearer row stand before a cheaper one?
select board, workload, model, place, usd_per_mtok
from (
    select
        board, workload, model, place, usd_per_mtok,
        max(usd_per_mtok) over (
            partition by board, workload, model
            order by place
            rows between unbounded preceding and 1 preceding
        ) as dearest_before
    from marts.leaderboard
    where place is not null
)
where usd_per_mtok < dearest_before
