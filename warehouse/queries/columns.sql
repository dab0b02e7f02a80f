-- Tables of the current catalog with their columns and types, in order. Views are left out.
select columns.schema_name, columns.table_name, columns.column_name, columns.data_type
from duckdb_columns() as columns
semi join duckdb_tables() as tables
    on tables.database_oid = columns.database_oid and tables.schema_oid = columns.schema_oid
    and tables.table_oid = columns.table_oid
where columns.database_name = current_catalog() and not columns.internal
order by columns.schema_name, columns.table_name, columns.column_index
