-- Is a table, view, macro or column without a description, or a column without a unit?
select schema_name, table_name, column_name
from main.data_dictionary
where description is null or (column_name is not null and unit is null)
