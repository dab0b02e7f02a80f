-- Has a run more or fewer rows in this file than it stored?
select contents.table_name, contents.run_id, contents.n_rows, coalesce(found.n_rows, 0) as n_found
from main.run_contents as contents
left join (
    select 'core.gpu_offers' as table_name, run_id, count(*) as n_rows from core.gpu_offers group by run_id
    union all
    select 'core.api_prices', run_id, count(*) from core.api_prices group by run_id
    union all
    select 'core.source_runs', run_id, count(*) from core.source_runs group by run_id
    union all
    select 'core.findings', run_id, count(*) from core.findings group by run_id
    union all
    select 'core.unknown_names', run_id, count(*) from core.unknown_names group by run_id
    union all
    select 'core.price_changes', run_id, count(*) from core.price_changes group by run_id
    union all
    select 'marts.gpu_price_history', run_id, count(*) from marts.gpu_price_history group by run_id
    union all
    select 'marts.api_price_history', run_id, count(*) from marts.api_price_history group by run_id
    union all
    select 'marts.leaderboard_history', run_id, count(*) from marts.leaderboard_history group by run_id
) as found using (table_name, run_id)
where contents.n_rows <> coalesce(found.n_rows, 0)
