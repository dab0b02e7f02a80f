-- Runs whose rows in the published file are missing, or not those of the private file (`held`), per table.
select
    coalesce(held.table_name, shown.table_name) as table_name,
    coalesce(held.run_id, shown.run_id) as run_id
from held
full join published.main.run_contents as shown using (table_name, run_id)
where held.fingerprint is distinct from shown.fingerprint
    and (
        coalesce(held.table_name, shown.table_name) not in (select unnest($recent_tables))
        or coalesce(held.run_id, shown.run_id) >= $first_run
    )
