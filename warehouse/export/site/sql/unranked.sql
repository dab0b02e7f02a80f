-- Why rows of one workload have no place, counted.
select
    board,
    model,
    kind,
    split_part(exclusion_reason, ':', 1) as reason,
    min(exclusion_reason) as example,
    count(*) as row_count
from marts.leaderboard
where
    workload = $workload
    and board <> 'combined'
    and place is null
group by all
order by board, model, kind, row_count desc, reason
