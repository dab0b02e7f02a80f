insert into main.run_contents (run_id, table_name, n_rows, fingerprint)
values ($run_id, $table_name, $n_rows, $fingerprint)
