-- What every row of a table must fulfil.
select schema_name || '.' || table_name as full_name, expression
from duckdb_constraints()
where database_name = current_catalog() and constraint_type = 'CHECK'
order by all
