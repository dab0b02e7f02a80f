-- What a file says about itself.

create table if not exists main.run_contents (
    run_id text not null,
    table_name text not null,
    n_rows bigint not null,
    fingerprint text not null
);
comment on table main.run_contents is 'What each run has in each table of this file. Key: (run_id, table_name).';
comment on column main.run_contents.run_id is 'The run. [id]';
comment on column main.run_contents.table_name is 'Table with its schema. [text]';
comment on column main.run_contents.n_rows is 'Rows. [count]';
comment on column main.run_contents.fingerprint is 'Hash of the rows, whatever their order. [text]';

create table if not exists main.data_dictionary (
    schema_name text not null,
    table_name text not null,
    kind text not null check (kind in ('table', 'view', 'macro')),
    column_position bigint,
    column_name text,
    data_type text,
    unit text,
    description text not null
);
comment on table main.data_dictionary is 'Every table, view, macro and column of this file with its unit. Filled on publication. Key: (schema_name, table_name, column_name), empty cells included; the row without a column describes the table.';
comment on column main.data_dictionary.schema_name is 'Schema. [text]';
comment on column main.data_dictionary.table_name is 'Table, view or macro. [text]';
comment on column main.data_dictionary.kind is 'table, view or macro. [text]';
comment on column main.data_dictionary.column_position is 'Place of the column in its table, from 1. [count]';
comment on column main.data_dictionary.column_name is 'Column; empty for the table itself. [text]';
comment on column main.data_dictionary.data_type is 'DuckDB type. [text]';
comment on column main.data_dictionary.unit is 'Unit of the values. [text]';
comment on column main.data_dictionary.description is 'What it holds. [text]';

create table if not exists main.methodology (
    key text not null,
    value text,
    version text not null
);
comment on table main.methodology is 'Versions, dates and assumptions behind this file. Filled on publication. Key: (key).';
comment on column main.methodology.key is 'Name of the fact or assumption. [text]';
comment on column main.methodology.value is 'Its value. [text]';
comment on column main.methodology.version is 'Methodology version it belongs to. [text]';
