delete from main.run_contents
where run_id = $run_id and table_name = $table_name
