-- What the published file now holds.
insert into published.main.run_contents (run_id, table_name, n_rows, fingerprint)
select run_id, table_name, n_rows, fingerprint
from held
where table_name not in (select unnest($recent_tables))
    or run_id >= $first_run
