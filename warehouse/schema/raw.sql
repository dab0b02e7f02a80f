-- What the sources sent, as it came. Written before anyone reads it, never edited, never published.

create schema if not exists raw;

create table if not exists raw.captures (
    run_id text not null,
    source text not null,
    seq bigint not null,
    method text not null,
    path text not null,
    url text not null,
    request_json text,
    label text not null,
    status bigint not null,
    content_type text not null,
    etag text,
    last_modified text,
    fetched_at timestamptz not null,
    sha256 text not null,
    body_bytes bigint not null,
    body blob not null
);
comment on table raw.captures is 'One row per response. Key: (run_id, source, seq).';
comment on column raw.captures.run_id is 'The run that asked. [id]';
comment on column raw.captures.source is 'Who was asked. [id]';
comment on column raw.captures.seq is 'Order within the run and source, from 0. [count]';
comment on column raw.captures.method is 'HTTP method. [text]';
comment on column raw.captures.path is 'Path asked, with its query. [text]';
comment on column raw.captures.url is 'Address asked. [text]';
comment on column raw.captures.request_json is 'JSON sent, where any was. [JSON]';
comment on column raw.captures.label is 'What was asked, for people. [text]';
comment on column raw.captures.status is 'HTTP status. [code]';
comment on column raw.captures.content_type is 'Content-Type of the answer. [text]';
comment on column raw.captures.etag is 'ETag of the answer. [text]';
comment on column raw.captures.last_modified is 'Last-Modified of the answer. [text]';
comment on column raw.captures.fetched_at is 'When the answer had arrived. [UTC]';
comment on column raw.captures.sha256 is 'SHA-256 of the decompressed body. [sha256]';
comment on column raw.captures.body_bytes is 'Size of the decompressed body. [bytes]';
comment on column raw.captures.body is 'The body, gzip. [bytes]';

create table if not exists raw.fetches (
    run_id text not null,
    source text not null,
    requests bigint not null,
    bytes bigint not null,
    seconds double not null,
    truncated boolean not null,
    truncated_why text,
    error text,
    finished_at timestamptz not null
);
comment on table raw.fetches is 'How asking each source went. Key: (run_id, source).';
comment on column raw.fetches.run_id is 'The run that asked. [id]';
comment on column raw.fetches.source is 'Who was asked. [id]';
comment on column raw.fetches.requests is 'Requests made. [count]';
comment on column raw.fetches.bytes is 'Size of the answers, decompressed. [bytes]';
comment on column raw.fetches.seconds is 'Time taken. [s]';
comment on column raw.fetches.truncated is 'The source holds more than it gave. [bool]';
comment on column raw.fetches.truncated_why is 'How we know. [text]';
comment on column raw.fetches.error is 'What failed, where anything did. [text]';
comment on column raw.fetches.finished_at is 'When asking ended. [UTC]';
