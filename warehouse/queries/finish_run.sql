update core.runs
set finished_at = $finished_at, as_of = $as_of
where run_id = $run_id
