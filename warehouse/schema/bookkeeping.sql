-- What the store notes about its own file. Never published.

create schema if not exists bookkeeping;

create table if not exists bookkeeping.schema_version (
    version bigint not null,
    fingerprint text not null,
    applied_at timestamptz not null
);
comment on table bookkeeping.schema_version is 'One row per migration or change of the schema files applied to this file. Key: (version, fingerprint).';
comment on column bookkeeping.schema_version.version is 'Number of the newest migration applied. [count]';
comment on column bookkeeping.schema_version.fingerprint is 'SHA-256 of the schema, view and migration files. [sha256]';
comment on column bookkeeping.schema_version.applied_at is 'When it was applied. [UTC]';

create table if not exists bookkeeping.archives (
    table_name text not null,
    month text not null,
    n_rows bigint not null,
    fingerprint text not null
);
comment on table bookkeeping.archives is 'What each archived month holds, to see whether a replay changed it. Key: (table_name, month).';
comment on column bookkeeping.archives.table_name is 'Table with its schema. [text]';
comment on column bookkeeping.archives.month is 'Month in which the runs began, as 2026-11. [text]';
comment on column bookkeeping.archives.n_rows is 'Rows archived. [count]';
comment on column bookkeeping.archives.fingerprint is 'Fingerprints of its runs, together. [text]';
