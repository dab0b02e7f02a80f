create or replace macro main.all_api_prices(history) as table
select *
from read_parquet(history || '/api_prices/*.parquet', union_by_name = true)
where run_id < (select min(run_id) from core.api_prices)
union all by name
select *
from core.api_prices;
comment on macro table main.all_api_prices is 'Every API price ever observed: the months in the history folder and the runs in this file. One argument: the path of the folder.';
