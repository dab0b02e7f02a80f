-- What one table is, and its key.
select description
from main.data_dictionary
where column_name is null and schema_name || '.' || table_name = $table
