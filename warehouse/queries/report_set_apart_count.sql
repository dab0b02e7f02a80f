-- How many offers, prices and parts of pages one run set apart, and how many offers and prices it believed. $run_id.
select
    (select count(*) from core.quarantine where run_id = $run_id) as n_set_apart,
    (select coalesce(sum(ok), 0)::bigint from core.source_runs where run_id = $run_id) as n_believed
