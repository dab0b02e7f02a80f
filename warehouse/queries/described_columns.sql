-- Columns of the tables, in order: name, type, may be null, comment.
select schema_name, table_name, column_name, data_type, is_nullable, coalesce(columns.comment, '') as comment
from duckdb_columns() as columns
semi join duckdb_tables() as tables using (database_name, schema_name, table_name)
where database_name = current_catalog() and not internal
order by schema_name, table_name, column_index
