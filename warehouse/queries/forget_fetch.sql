delete from raw.fetches
where run_id = $run_id and source = $source
