-- The models or workloads that have rows on a board. $kind: 'model' or 'workload'.
select distinct case $kind when 'model' then model else workload end as name
from marts.leaderboard
