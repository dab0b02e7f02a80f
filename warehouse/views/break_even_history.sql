create or replace view marts.break_even_history as
select
    rented.run_id,
    rented.as_of,
    rented.workload,
    rented.model,
    rented.quant,
    rented.source,
    rented.gpu,
    rented.gpu_count,
    bought.provider,
    rented.utilization,
    rented.usd_per_mtok,
    bought.usd_per_mtok as usd_per_mtok_api,
    rented.usd_per_mtok * rented.utilization / nullif(bought.usd_per_mtok, 0) as break_even_utilization,
    rented.provenance,
    rented.methodology_version
from marts.leaderboard_history as rented
inner join marts.leaderboard_history as bought using (run_id, workload, model)
where
    rented.board = 'trusted'
    and rented.kind = 'self_hosted'
    and rented.place = 1
    and bought.board = 'api'
    and bought.place = 1;
comment on view marts.break_even_history is 'From which load the cheapest trusted machine beat the cheapest API host of the same model, in each run whose boards are kept. Key: (run_id, workload, model).';
comment on column marts.break_even_history.run_id is 'The run. [id]';
comment on column marts.break_even_history.as_of is 'The moment its boards spoke of. [UTC]';
comment on column marts.break_even_history.workload is 'The workload. [id]';
comment on column marts.break_even_history.model is 'The model. [id]';
comment on column marts.break_even_history.quant is 'Quantisation on the machine. [id]';
comment on column marts.break_even_history.source is 'Who rents the machine out. [id]';
comment on column marts.break_even_history.gpu is 'The GPU. [id]';
comment on column marts.break_even_history.gpu_count is 'GPUs of the machine. [GPUs]';
comment on column marts.break_even_history.provider is 'The API host. [id]';
comment on column marts.break_even_history.utilization is 'Share of the capacity that the board counts as used. [fraction]';
comment on column marts.break_even_history.usd_per_mtok is 'Price of the machine at that utilisation. [USD/1M tokens]';
comment on column marts.break_even_history.usd_per_mtok_api is 'Price of the API, whatever its quantisation. [USD/1M tokens]';
comment on column marts.break_even_history.break_even_utilization is 'Where both cost the same, if all the machine costs is spread over what it serves; above 1 is never. Traffic shrinks with the load and is counted as if it did not: marts.break_even does not simplify so. [fraction]';
comment on column marts.break_even_history.provenance is 'live or recorded. [text]';
comment on column marts.break_even_history.methodology_version is 'Version of the rules. [text]';
