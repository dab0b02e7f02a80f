-- Every table, view, macro and column of the current catalog, from its comments. The unit stands in brackets at the end.
select
    schema_name,
    table_name,
    kind,
    column_position,
    column_name,
    data_type,
    nullif(regexp_extract(description, '\[([^\]]*)\]$', 1), '') as unit,
    case
        when column_name is null then description
        else regexp_replace(description, '\s*\[[^\]]*\]$', '')
    end as description
from (
    select
        schema_name, table_name, 'table' as kind, null as column_position, null as column_name, null as data_type,
        comment as description
    from duckdb_tables()
    where database_name = current_catalog() and not internal
    union all
    select schema_name, view_name, 'view', null, null, null, comment
    from duckdb_views()
    where database_name = current_catalog() and not internal
    union all
    select schema_name, function_name, 'macro', null, null, null, comment
    from duckdb_functions()
    where database_name = current_catalog() and not internal
    union all
    select
        columns.schema_name, columns.table_name, if(views.view_name is null, 'table', 'view'), columns.column_index,
        columns.column_name, columns.data_type, columns.comment
    from duckdb_columns() as columns
    left join duckdb_views() as views
        on views.database_oid = columns.database_oid and views.schema_oid = columns.schema_oid
        and views.view_name = columns.table_name
    where columns.database_name = current_catalog() and not columns.internal
)
where schema_name not in ('raw', 'bookkeeping')
order by schema_name, table_name, column_position nulls first
