-- How many API prices a seller itself lists came and went between two runs, of sources that answered before.
-- $run_id, $then_run_id.
select
    count(distinct price_key) filter (where change = 'first' and old_usd_per_mtok is null) as n_new,
    count(distinct price_key) filter (where change = 'gone') as n_gone
from marts.api_price_history
where run_id > $then_run_id
    and run_id <= $run_id
    and channel <> 'registry'
    and source in (select source from core.source_runs where run_id <= $then_run_id and outcome <> 'failed')
