-- Unit and description of the columns of one table; without a table, of every column name all tables agree on.
select
    column_name,
    any_value(unit) as unit,
    if($table is null and count(distinct description) > 1, '', any_value(description)) as description
from main.data_dictionary
where column_name is not null
    and ($table is null or schema_name || '.' || table_name = $table)
group by column_name
having count(distinct unit) = 1
order by column_name
