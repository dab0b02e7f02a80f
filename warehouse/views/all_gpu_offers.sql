create or replace macro main.all_gpu_offers(history) as table
select *
from read_parquet(history || '/gpu_offers/*.parquet', union_by_name = true)
where run_id < (select min(run_id) from core.gpu_offers)
union all by name
select *
from core.gpu_offers;
comment on macro table main.all_gpu_offers is 'Every offer ever observed: the months in the history folder and the runs in this file. One argument: the path of the folder.';
