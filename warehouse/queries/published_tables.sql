-- Tables and views of the published file.
select distinct schema_name || '.' || table_name as name
from main.data_dictionary
where kind in ('table', 'view')
order by name
