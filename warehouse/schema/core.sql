-- What was observed, row by row, in our units and our names. History: rows are added per run and kept.
-- Rows that are not ok are kept beside the others, with their reasons.
-- No function in a CHECK: DuckDB 1.5 cannot replay a log that comments on such a table. NaN and infinity are above any bound.

create schema if not exists core;

create table if not exists core.runs (
    run_id text not null,
    started_at timestamptz not null,
    finished_at timestamptz,
    as_of timestamptz,
    provenance text not null check (provenance in ('live', 'recorded')),
    methodology_version text not null,
    software_version text not null
);
comment on table core.runs is 'One row per run. Key: (run_id).';
comment on column core.runs.run_id is 'Sortable id: time of the start and a random part. [id]';
comment on column core.runs.started_at is 'Start. [UTC]';
comment on column core.runs.finished_at is 'End; empty while it runs or when it died. [UTC]';
comment on column core.runs.as_of is 'Newest response of the run: the moment its figures speak of. [UTC]';
comment on column core.runs.provenance is 'live, or recorded: replayed from bundled responses. [text]';
comment on column core.runs.methodology_version is 'Version of the rules the figures were made by. [text]';
comment on column core.runs.software_version is 'Version of the software. [text]';

create table if not exists core.source_runs (
    run_id text not null,
    source text not null,
    kind text not null check (kind in ('gpu', 'api')),
    outcome text not null check (outcome in ('ok', 'partial', 'failed')),
    requests bigint not null,
    bytes bigint not null,
    records bigint not null,
    ok bigint not null,
    held bigint not null,
    quarantined bigint not null,
    unknown_names bigint not null,
    truncated boolean not null,
    seconds double not null,
    error text,
    verdict text,
    reasons text[],
    fetched_at timestamptz
);
comment on table core.source_runs is 'How each source fared in each run. Key: (run_id, source).';
comment on column core.source_runs.run_id is 'The run. [id]';
comment on column core.source_runs.source is 'The source. [id]';
comment on column core.source_runs.kind is 'gpu or api. [text]';
comment on column core.source_runs.outcome is 'ok, partial (something was set apart or missing) or failed. [text]';
comment on column core.source_runs.requests is 'Requests made. [count]';
comment on column core.source_runs.bytes is 'Size of the answers, decompressed. [bytes]';
comment on column core.source_runs.records is 'Offers or prices read. [count]';
comment on column core.source_runs.ok is 'Records that passed every gate. [count]';
comment on column core.source_runs.held is 'Records held back for a second look. [count]';
comment on column core.source_runs.quarantined is 'Records set apart as not credible. [count]';
comment on column core.source_runs.unknown_names is 'Records with a GPU, model or quantisation we do not know. [count]';
comment on column core.source_runs.truncated is 'The source holds more than it gave. [bool]';
comment on column core.source_runs.seconds is 'Time taken. [s]';
comment on column core.source_runs.error is 'What failed, where anything did. [text]';
comment on column core.source_runs.verdict is 'What the gates made of the source as a whole: suspect, frozen, shrunk, collapsed…; empty is healthy. [text]';
comment on column core.source_runs.reasons is 'Why. [text]';
comment on column core.source_runs.fetched_at is 'Newest answer; empty where none came. [UTC]';

create table if not exists core.findings (
    run_id text not null,
    source text not null,
    sha256 text,
    kind text not null,
    where_ text not null,
    what text not null
);
comment on table core.findings is 'What a person should know about a response. Key: none, a response may say the same thing twice.';
comment on column core.findings.run_id is 'The run. [id]';
comment on column core.findings.source is 'The source. [id]';
comment on column core.findings.sha256 is 'SHA-256 of the response. [sha256]';
comment on column core.findings.kind is 'extra_field, truncated, quarantined, quarantined_table, unpriced or refused. [text]';
comment on column core.findings.where_ is 'Field or table concerned. [text]';
comment on column core.findings.what is 'What stood there. [text]';

create table if not exists core.gpu_offers (
    run_id text not null,
    observed_at timestamptz not null,
    provenance text not null check (provenance in ('live', 'recorded')),
    source text not null,
    offer_id text not null,
    offer_key text not null,
    market text not null check (market in ('marketplace', 'cloud')),
    price_kind text not null check (price_kind in ('on_demand', 'spot_floor', 'preemptible', 'reserved')),
    usd_per_hour double,
    gpu_name text not null,
    gpu_count double not null,
    memory_gib double,
    in_stock boolean not null,
    machine_id text,
    host_id text,
    available_units bigint,
    region text,
    country text,
    verification text,
    reliability double,
    hosting text check (hosting in ('consumer', 'datacenter')),
    min_bid_usd_per_hour double,
    storage_usd_per_gb_month double,
    included_disk_gb double,
    max_disk_gb double,
    egress_usd_per_gb double,
    ingress_usd_per_gb double,
    reserved_discount double,
    min_purchase_gpus bigint,
    max_duration_hours double,
    nvlink_gb_per_s double,
    pcie_gb_per_s double,
    gpu_bandwidth_gb_per_s double,
    gpu_power_w double,
    vcpus double,
    ram_gib double,
    download_mbit_per_s double,
    gpu text,
    gpu_fraction double,
    is_slice boolean,
    usd_per_gpu_hour double,
    board text check (board in ('trusted', 'community', 'interruptible')),
    exclusion_reason text,
    rentable_gpu_count bigint,
    rentable_usd_per_hour double,
    status text not null check (status in ('ok', 'held', 'quarantined')),
    reasons text[] not null,
    check (status <> 'ok' or (usd_per_hour > 0 and usd_per_hour < 1e6 and gpu_count > 0 and gpu_count < 1e6)),
    check (status <> 'ok' or gpu is not null)
);
comment on table core.gpu_offers is 'Every rentable thing at one price, as each run saw it. Key: (run_id, source, price_kind, offer_id).';
comment on column core.gpu_offers.run_id is 'The run that saw it. [id]';
comment on column core.gpu_offers.observed_at is 'When it was fetched. [UTC]';
comment on column core.gpu_offers.provenance is 'live or recorded. [text]';
comment on column core.gpu_offers.source is 'Who lists it. [id]';
comment on column core.gpu_offers.offer_id is 'The source''s own id, unique within a run and price kind; does not outlive it. [id]';
comment on column core.gpu_offers.offer_key is 'Stable across runs: machine and GPU count, plan and region. [id]';
comment on column core.gpu_offers.market is 'marketplace or cloud. [text]';
comment on column core.gpu_offers.price_kind is 'on_demand, spot_floor (a reserve price, not a price paid), preemptible, reserved. [text]';
comment on column core.gpu_offers.usd_per_hour is 'GPU part of the price, whole offer, without extra storage or traffic. [USD/h]';
comment on column core.gpu_offers.gpu_name is 'GPU as the source spells it. [text]';
comment on column core.gpu_offers.gpu_count is 'Physical GPUs; below 1 a share of one. [GPUs]';
comment on column core.gpu_offers.memory_gib is 'Memory per visible GPU. [GiB]';
comment on column core.gpu_offers.in_stock is 'Can be rented now. [bool]';
comment on column core.gpu_offers.machine_id is 'The source''s id of the machine. [id]';
comment on column core.gpu_offers.host_id is 'The source''s id of its owner. [id]';
comment on column core.gpu_offers.available_units is 'How many are free, where the source says. [count]';
comment on column core.gpu_offers.region is 'Region in the source''s words. [text]';
comment on column core.gpu_offers.country is 'ISO 3166 alpha-2. [code]';
comment on column core.gpu_offers.verification is 'The source''s word: verified, unverified, secure, community… [text]';
comment on column core.gpu_offers.reliability is 'Reliability the source reports. [fraction]';
comment on column core.gpu_offers.hosting is 'consumer or datacenter. [text]';
comment on column core.gpu_offers.min_bid_usd_per_hour is 'Lowest bid accepted, whole offer. [USD/h]';
comment on column core.gpu_offers.storage_usd_per_gb_month is 'Price of disk; 0 where included, empty where not said. [USD/GB/month]';
comment on column core.gpu_offers.included_disk_gb is 'Disk included in the price. [GB]';
comment on column core.gpu_offers.max_disk_gb is 'Most disk to be had. [GB]';
comment on column core.gpu_offers.egress_usd_per_gb is 'Price of outgoing traffic. [USD/GB]';
comment on column core.gpu_offers.ingress_usd_per_gb is 'Price of incoming traffic. [USD/GB]';
comment on column core.gpu_offers.reserved_discount is 'Largest prepaid discount. [fraction]';
comment on column core.gpu_offers.min_purchase_gpus is 'Fewest GPUs sold at once. [GPUs]';
comment on column core.gpu_offers.max_duration_hours is 'Longest rental. [h]';
comment on column core.gpu_offers.nvlink_gb_per_s is 'NVLink bandwidth; 0 where the machine has none. [GB/s]';
comment on column core.gpu_offers.pcie_gb_per_s is 'PCIe bandwidth. [GB/s]';
comment on column core.gpu_offers.gpu_bandwidth_gb_per_s is 'Memory bandwidth the source reports. [GB/s]';
comment on column core.gpu_offers.gpu_power_w is 'Power limit per GPU. [W]';
comment on column core.gpu_offers.vcpus is 'Virtual CPUs. [count]';
comment on column core.gpu_offers.ram_gib is 'Main memory. [GiB]';
comment on column core.gpu_offers.download_mbit_per_s is 'Download speed. [Mbit/s]';
comment on column core.gpu_offers.gpu is 'The GPU; empty where the name is unknown. [id]';
comment on column core.gpu_offers.gpu_fraction is 'Share of one physical GPU: 1, or less for a slice. [fraction]';
comment on column core.gpu_offers.is_slice is 'Less memory per GPU than 93 % of nominal: never ranked as that GPU. [bool]';
comment on column core.gpu_offers.usd_per_gpu_hour is 'Price of one physical GPU, where whole GPUs are sold. [USD/h]';
comment on column core.gpu_offers.board is 'Board it counts on: trusted, community, interruptible; empty is none. [text]';
comment on column core.gpu_offers.exclusion_reason is 'Why it does not count towards a price; empty where it does. [text]';
comment on column core.gpu_offers.rentable_gpu_count is 'GPUs one has to rent: gpu_count, or the smallest purchase. [GPUs]';
comment on column core.gpu_offers.rentable_usd_per_hour is 'Price of that. [USD/h]';
comment on column core.gpu_offers.status is 'ok, held or quarantined. [text]';
comment on column core.gpu_offers.reasons is 'Why it is not ok, or what to know about it. [text]';

create table if not exists core.api_prices (
    run_id text not null,
    observed_at timestamptz not null,
    provenance text not null check (provenance in ('live', 'recorded')),
    source text not null,
    provider text not null,
    channel text not null check (channel in ('first_party', 'host', 'registry')),
    model_name text not null,
    component text not null check (component in ('input', 'output', 'cache_read', 'cache_write_5m', 'cache_write_1h', 'request')),
    usd_per_mtok decimal(18, 9),
    tier text not null check (tier in ('standard', 'batch', 'flex', 'fast')),
    context_min_tokens bigint not null,
    context_max_tokens bigint,
    time_band text not null check (time_band in ('all', 'peak', 'off_peak')),
    band_rule text,
    quant_name text,
    list_usd_per_mtok decimal(18, 9),
    promo_until date,
    hugging_face_id text,
    endpoint text,
    context_length_tokens bigint,
    max_output_tokens bigint,
    uptime_1d double,
    endpoint_status bigint,
    discount double,
    listing text not null check (listing in ('listed', 'retired', 'contact_sales', 'preview')),
    raw_text text not null,
    model text,
    quant text,
    price_key text not null,
    status text not null check (status in ('ok', 'held', 'quarantined', 'stale', 'retired', 'contact_sales')),
    reasons text[] not null,
    check (status <> 'ok' or usd_per_mtok >= 0)
);
comment on table core.api_prices is 'One price of one component, as each run saw it; beside one that is not ok stands the last good one, carried forward. Key: (run_id, price_key, observed_at).';
comment on column core.api_prices.run_id is 'The run that saw it. [id]';
comment on column core.api_prices.observed_at is 'When it was fetched; earlier than the run where carried forward. [UTC]';
comment on column core.api_prices.provenance is 'live or recorded. [text]';
comment on column core.api_prices.source is 'The page or API it was read from. [id]';
comment on column core.api_prices.provider is 'Who sells, as the source spells it. [text]';
comment on column core.api_prices.channel is 'first_party, host or registry. [text]';
comment on column core.api_prices.model_name is 'Model as the source spells it. [text]';
comment on column core.api_prices.component is 'What is charged: input, output, cache_read, cache_write_5m, cache_write_1h, request. [text]';
comment on column core.api_prices.usd_per_mtok is 'Price per 1M tokens; per request for the component request. [USD/1M tokens]';
comment on column core.api_prices.tier is 'standard, batch, flex or fast. [text]';
comment on column core.api_prices.context_min_tokens is 'Shortest prompt the price holds for. [tokens]';
comment on column core.api_prices.context_max_tokens is 'First prompt length it no longer holds for; empty is open. [tokens]';
comment on column core.api_prices.time_band is 'all, peak or off_peak. [text]';
comment on column core.api_prices.band_rule is 'When the peak holds. [text]';
comment on column core.api_prices.quant_name is 'Quantisation as the source spells it. [text]';
comment on column core.api_prices.list_usd_per_mtok is 'Struck-through price beside a promotion. [USD/1M tokens]';
comment on column core.api_prices.promo_until is 'Last day of the promotion. [date]';
comment on column core.api_prices.hugging_face_id is 'Hugging Face id the source gives. [id]';
comment on column core.api_prices.endpoint is 'The host''s tag, where one host sells a model several times. [id]';
comment on column core.api_prices.context_length_tokens is 'Longest context served. [tokens]';
comment on column core.api_prices.max_output_tokens is 'Longest answer. [tokens]';
comment on column core.api_prices.uptime_1d is 'Uptime over a day. [fraction]';
comment on column core.api_prices.endpoint_status is 'The source''s code: 0 is fine, negative is degraded. [code]';
comment on column core.api_prices.discount is 'Discount the source reports. [fraction]';
comment on column core.api_prices.listing is 'listed, retired, contact_sales or preview. [text]';
comment on column core.api_prices.raw_text is 'The cell or field the price was read from. [text]';
comment on column core.api_prices.model is 'The model; empty where the name is unknown. [id]';
comment on column core.api_prices.quant is 'The quantisation; empty where the name is unknown. [id]';
comment on column core.api_prices.price_key is 'What identifies this price across runs. [id]';
comment on column core.api_prices.status is 'ok, held, quarantined, stale, retired or contact_sales. [text]';
comment on column core.api_prices.reasons is 'Why it is not ok, or what to know about it. [text]';

create table if not exists core.unknown_names (
    run_id text not null,
    observed_at timestamptz not null,
    source text not null,
    kind text not null check (kind in ('gpu', 'model', 'quant')),
    name text not null,
    detail text,
    rows bigint not null
);
comment on table core.unknown_names is 'Spellings we do not know, never guessed. Key: (run_id, source, kind, name, detail).';
comment on column core.unknown_names.run_id is 'The run. [id]';
comment on column core.unknown_names.observed_at is 'When it was fetched. [UTC]';
comment on column core.unknown_names.source is 'The source. [id]';
comment on column core.unknown_names.kind is 'gpu, model or quant. [text]';
comment on column core.unknown_names.name is 'The spelling. [text]';
comment on column core.unknown_names.detail is 'What else the source says: memory, a Hugging Face id. [text]';
comment on column core.unknown_names.rows is 'Records with it. [count]';

create table if not exists core.price_changes (
    run_id text not null,
    observed_at timestamptz not null,
    source text not null,
    price_key text not null,
    provider text,
    model text,
    component text not null,
    tier text,
    old_usd_per_mtok decimal(18, 9),
    new_usd_per_mtok decimal(18, 9),
    factor double,
    verdict text not null check (verdict in ('accepted', 'held', 'rejected', 'expected')),
    evidence text
);
comment on table core.price_changes is 'API prices that differ from the last good one, and what was made of it. Key: (run_id, price_key).';
comment on column core.price_changes.run_id is 'The run. [id]';
comment on column core.price_changes.observed_at is 'When the new price was fetched. [UTC]';
comment on column core.price_changes.source is 'The source. [id]';
comment on column core.price_changes.price_key is 'Which price. [id]';
comment on column core.price_changes.provider is 'Who sells. [text]';
comment on column core.price_changes.model is 'The model. [id]';
comment on column core.price_changes.component is 'What is charged. [text]';
comment on column core.price_changes.tier is 'standard, batch, flex or fast. [text]';
comment on column core.price_changes.old_usd_per_mtok is 'Last good price. [USD/1M tokens]';
comment on column core.price_changes.new_usd_per_mtok is 'Price seen now. [USD/1M tokens]';
comment on column core.price_changes.factor is 'New over old; empty where the old price was 0. [ratio]';
comment on column core.price_changes.verdict is 'accepted, held, rejected or expected. [text]';
comment on column core.price_changes.evidence is 'What decided it. [text]';

create table if not exists core.decisions (
    decided_at timestamptz not null,
    subject text not null,
    value_usd_per_mtok decimal(18, 9),
    verdict text not null check (verdict in ('accept', 'reject')),
    reason text not null,
    decided_by text
);
comment on table core.decisions is 'What a person decided about a held price. Key: (subject, decided_at).';
comment on column core.decisions.decided_at is 'When. [UTC]';
comment on column core.decisions.subject is 'price_key decided about. [id]';
comment on column core.decisions.value_usd_per_mtok is 'The price decided about. [USD/1M tokens]';
comment on column core.decisions.verdict is 'accept or reject. [text]';
comment on column core.decisions.reason is 'Why. [text]';
comment on column core.decisions.decided_by is 'Who; always empty in the published file. [text]';
