-- What analysts read: prices, throughput and boards of the newest run, and their history.
-- To add a column: one line in `create table`, one `comment on column` with its unit.

create schema if not exists marts;

create table if not exists marts.gpu_prices (
    board text not null check (board in ('trusted', 'community', 'interruptible')),
    source text not null,
    market text not null,
    price_kind text not null,
    gpu text not null,
    gpu_count bigint not null check (gpu_count > 0),
    usd_per_hour double check (usd_per_hour > 0 and usd_per_hour < 1e6),
    usd_per_gpu_hour double,
    usd_per_hour_min double,
    usd_per_hour_p10 double,
    usd_per_hour_p25 double,
    usd_per_hour_p50 double,
    price_rule text,
    n_offers bigint not null,
    n_machines bigint,
    n_machines_any_size bigint,
    usd_per_gpu_hour_any_size double,
    n_hosts bigint,
    n_bait_suspects bigint,
    available_units bigint,
    memory_gib double,
    interconnect text,
    reliability double,
    storage_usd_per_gb_month double,
    included_disk_gb double,
    max_disk_gb double,
    egress_usd_per_gb double,
    ingress_usd_per_gb double,
    reserved_discount double,
    offer_id text,
    offer_key text,
    survival_6h double,
    survival_gap_hours double,
    snapshots bigint,
    is_new boolean,
    observed_at timestamptz not null,
    age_hours double not null,
    freshness text not null check (freshness in ('fresh', 'stale', 'expired')),
    exclusion_reason text,
    provenance text not null check (provenance in ('live', 'recorded'))
);
comment on table marts.gpu_prices is 'What one GPU configuration costs on one board. Newest run. Key: (board, source, gpu, gpu_count).';
comment on column marts.gpu_prices.board is 'trusted, community or interruptible. [text]';
comment on column marts.gpu_prices.source is 'Who lists it. [id]';
comment on column marts.gpu_prices.market is 'marketplace or cloud. [text]';
comment on column marts.gpu_prices.price_kind is 'on_demand, spot_floor (a reserve price, not a price paid), preemptible. [text]';
comment on column marts.gpu_prices.gpu is 'The GPU. [id]';
comment on column marts.gpu_prices.gpu_count is 'Physical GPUs in the machine. [GPUs]';
comment on column marts.gpu_prices.usd_per_hour is 'Price by the board''s rule, GPU part, whole machine. [USD/h]';
comment on column marts.gpu_prices.usd_per_gpu_hour is 'The same per GPU. [USD/h]';
comment on column marts.gpu_prices.usd_per_hour_min is 'Lowest. [USD/h]';
comment on column marts.gpu_prices.usd_per_hour_p10 is '10th percentile over machines, rounded up to one of them; the median where there are two. [USD/h]';
comment on column marts.gpu_prices.usd_per_hour_p25 is '25th percentile over machines, rounded up to one of them; the median where there are two. [USD/h]';
comment on column marts.gpu_prices.usd_per_hour_p50 is 'Median over machines. [USD/h]';
comment on column marts.gpu_prices.price_rule is 'How the price was taken: p10, median3, list or thin. [text]';
comment on column marts.gpu_prices.n_offers is 'Offers in stock. [count]';
comment on column marts.gpu_prices.n_machines is 'Machines behind them; for a cloud, the plans and regions listed. [count]';
comment on column marts.gpu_prices.n_machines_any_size is 'Machines of this board and source that sell this GPU in any size. [count]';
comment on column marts.gpu_prices.usd_per_gpu_hour_any_size is 'Price by the same rule over machines of any size, per GPU; empty where even they are thin. [USD/h]';
comment on column marts.gpu_prices.n_hosts is 'Owners behind them. [count]';
comment on column marts.gpu_prices.n_bait_suspects is 'Offers too cheap to be believed, left out. [count]';
comment on column marts.gpu_prices.available_units is 'Free machines, where the source says. [count]';
comment on column marts.gpu_prices.memory_gib is 'Smallest memory per GPU among the offers used. [GiB]';
comment on column marts.gpu_prices.interconnect is 'nvlink, pcie or xgmi. [text]';
comment on column marts.gpu_prices.reliability is 'Median reliability of the machines used. [fraction]';
comment on column marts.gpu_prices.storage_usd_per_gb_month is 'Price of disk at the price chosen. [USD/GB/month]';
comment on column marts.gpu_prices.included_disk_gb is 'Disk included in the price. [GB]';
comment on column marts.gpu_prices.max_disk_gb is 'Most disk to be had. [GB]';
comment on column marts.gpu_prices.egress_usd_per_gb is 'Price of outgoing traffic. [USD/GB]';
comment on column marts.gpu_prices.ingress_usd_per_gb is 'Price of incoming traffic. [USD/GB]';
comment on column marts.gpu_prices.reserved_discount is 'Largest prepaid discount. [fraction]';
comment on column marts.gpu_prices.offer_id is 'The offer whose price is the board''s. [id]';
comment on column marts.gpu_prices.offer_key is 'Its key across runs. [id]';
comment on column marts.gpu_prices.survival_6h is 'Share of offers still there six hours later. [fraction]';
comment on column marts.gpu_prices.survival_gap_hours is 'Time between the runs survival was measured over. [h]';
comment on column marts.gpu_prices.snapshots is 'Consecutive runs that saw the configuration. [count]';
comment on column marts.gpu_prices.is_new is 'Seen by one run only, while earlier runs were there to see it: may not lead a board. [bool]';
comment on column marts.gpu_prices.observed_at is 'When the offers were fetched. [UTC]';
comment on column marts.gpu_prices.age_hours is 'Age at the moment the run speaks of. [h]';
comment on column marts.gpu_prices.freshness is 'fresh, stale or expired. [text]';
comment on column marts.gpu_prices.exclusion_reason is 'Why it is not ranked; empty where it is. [text]';
comment on column marts.gpu_prices.provenance is 'live or recorded. [text]';

create table if not exists marts.throughput (
    gpu text not null,
    memory_gib double,
    interconnect text,
    gpu_count bigint not null,
    model text not null,
    quant text not null,
    workload text not null,
    fits boolean not null,
    tp bigint,
    replicas bigint,
    concurrency bigint,
    output_tokens_per_s double,
    output_tokens_per_s_low double,
    output_tokens_per_s_high double,
    requests_per_hour double,
    ttft_ms double,
    tpot_ms double,
    tokens_per_s_per_user double,
    throughput_basis text,
    bound_by text,
    reason text,
    engine_generation text,
    weights_gib double,
    cited text
);
comment on table marts.throughput is 'What a GPU configuration would serve. Newest run. Key: (gpu, memory_gib, interconnect, gpu_count, model, quant, workload).';
comment on column marts.throughput.gpu is 'The GPU. [id]';
comment on column marts.throughput.memory_gib is 'Memory per GPU. [GiB]';
comment on column marts.throughput.interconnect is 'nvlink, pcie or xgmi. [text]';
comment on column marts.throughput.gpu_count is 'GPUs in the machine. [GPUs]';
comment on column marts.throughput.model is 'The model. [id]';
comment on column marts.throughput.quant is 'The quantisation. [id]';
comment on column marts.throughput.workload is 'The workload. [id]';
comment on column marts.throughput.fits is 'Weights, cache and reserve fit. [bool]';
comment on column marts.throughput.tp is 'GPUs one replica spans. [GPUs]';
comment on column marts.throughput.replicas is 'Replicas in the machine. [count]';
comment on column marts.throughput.concurrency is 'Requests at once, whole machine. [count]';
comment on column marts.throughput.output_tokens_per_s is 'Generated tokens at full load, whole machine. [tokens/s]';
comment on column marts.throughput.output_tokens_per_s_low is 'Low end of the band. [tokens/s]';
comment on column marts.throughput.output_tokens_per_s_high is 'High end of the band. [tokens/s]';
comment on column marts.throughput.requests_per_hour is 'Requests at full load, whole machine. [requests/h]';
comment on column marts.throughput.ttft_ms is 'Time to the first token. [ms]';
comment on column marts.throughput.tpot_ms is 'Time per further token. [ms]';
comment on column marts.throughput.tokens_per_s_per_user is 'Speed one user sees. [tokens/s]';
comment on column marts.throughput.throughput_basis is 'measured, calibrated or estimated. [text]';
comment on column marts.throughput.bound_by is 'What limits it. [text]';
comment on column marts.throughput.reason is 'Why nothing is served, where nothing is. [text]';
comment on column marts.throughput.engine_generation is 'Generation of the serving software assumed. [text]';
comment on column marts.throughput.weights_gib is 'Weights of the whole model as served. [GiB]';
comment on column marts.throughput.cited is 'Where the basis is measured: the published result, a row of reference.benchmarks. [id]';

create table if not exists marts.leaderboard (
    board text not null check (board in ('trusted', 'community', 'interruptible', 'api', 'combined')),
    workload text not null,
    model text not null,
    quant text,
    quant_class text,
    place bigint check (place >= 1),
    kind text not null check (kind in ('self_hosted', 'api')),
    source text not null,
    provider text,
    endpoint text,
    tier text,
    gpu text,
    gpu_count bigint,
    market text,
    machines bigint,
    interconnect text,
    memory_gib double,
    tp bigint,
    replicas bigint,
    concurrency bigint,
    price_kind text,
    price_rule text,
    reliability double,
    survival_6h double,
    snapshots bigint,
    usd_per_hour double,
    gpu_usd_per_hour double,
    storage_usd_per_hour double,
    traffic_usd_per_hour double,
    gpu_usd_per_hour_p50 double,
    isl_tokens bigint,
    osl_tokens bigint,
    cached_input_fraction double,
    weights_gib double,
    output_tokens_per_s double,
    output_tokens_per_s_low double,
    output_tokens_per_s_high double,
    tokens_per_s_per_user double,
    throughput_basis text,
    utilization double,
    usd_per_mtok double check (usd_per_mtok >= 0 and usd_per_mtok < 1e9),
    usd_per_mtok_low double,
    usd_per_mtok_high double,
    usd_per_mtok_output double,
    usd_per_1k_requests double,
    ttft_ms double,
    tpot_ms double,
    promo boolean,
    observed_at timestamptz,
    as_of timestamptz not null,
    age_hours double,
    freshness text,
    exclusion_reason text,
    provenance text not null check (provenance in ('live', 'recorded')),
    methodology_version text not null,
    check ((place is null) = (exclusion_reason is not null)),
    check (place is null or usd_per_mtok is not null)
);
comment on table marts.leaderboard is 'Ways to get a million tokens, ranked by price per workload and model. Newest run. Key: (board, workload, model, quant, kind, source, provider, tier, gpu, gpu_count, endpoint), empty cells included.';
comment on column marts.leaderboard.board is 'trusted, community, interruptible, api or combined. [text]';
comment on column marts.leaderboard.workload is 'The workload. [id]';
comment on column marts.leaderboard.model is 'The model. [id]';
comment on column marts.leaderboard.quant is 'The quantisation. [id]';
comment on column marts.leaderboard.quant_class is '16bit, 8bit, 4bit or unknown. [text]';
comment on column marts.leaderboard.place is 'Place per board, workload and model; empty where not ranked. [count]';
comment on column marts.leaderboard.kind is 'self_hosted or api. [text]';
comment on column marts.leaderboard.source is 'Where the price was read. [id]';
comment on column marts.leaderboard.provider is 'Who sells the API. [text]';
comment on column marts.leaderboard.endpoint is 'The host''s endpoint. [id]';
comment on column marts.leaderboard.tier is 'API tier. [text]';
comment on column marts.leaderboard.gpu is 'The GPU. [id]';
comment on column marts.leaderboard.gpu_count is 'GPUs in the machine. [GPUs]';
comment on column marts.leaderboard.market is 'marketplace or cloud. [text]';
comment on column marts.leaderboard.machines is 'Machines of this size behind the price; for a cloud, the plans and regions listed. [count]';
comment on column marts.leaderboard.interconnect is 'nvlink, pcie or xgmi. [text]';
comment on column marts.leaderboard.memory_gib is 'Memory per GPU. [GiB]';
comment on column marts.leaderboard.tp is 'GPUs one replica spans. [GPUs]';
comment on column marts.leaderboard.replicas is 'Replicas in the machine. [count]';
comment on column marts.leaderboard.concurrency is 'Requests at once, whole machine. [count]';
comment on column marts.leaderboard.price_kind is 'on_demand, spot_floor (a reserve price, not a price paid), preemptible. [text]';
comment on column marts.leaderboard.price_rule is 'How the machine''s price was taken: p10, median3, list or thin. [text]';
comment on column marts.leaderboard.reliability is 'Median reliability of them. [fraction]';
comment on column marts.leaderboard.survival_6h is 'Share of offers still there six hours later. [fraction]';
comment on column marts.leaderboard.snapshots is 'Consecutive runs that saw the configuration. [count]';
comment on column marts.leaderboard.usd_per_hour is 'Price of the machine with disk and traffic at this utilisation. [USD/h]';
comment on column marts.leaderboard.gpu_usd_per_hour is 'GPU part of it. [USD/h]';
comment on column marts.leaderboard.storage_usd_per_hour is 'Disk part of it. [USD/h]';
comment on column marts.leaderboard.traffic_usd_per_hour is 'Traffic part of it. [USD/h]';
comment on column marts.leaderboard.gpu_usd_per_hour_p50 is 'GPU part at the median machine: the high end of the band. [USD/h]';
comment on column marts.leaderboard.isl_tokens is 'Prompt length. [tokens]';
comment on column marts.leaderboard.osl_tokens is 'Answer length. [tokens]';
comment on column marts.leaderboard.cached_input_fraction is 'Share of the prompt found in the prefix cache. [fraction]';
comment on column marts.leaderboard.weights_gib is 'Weights of the model as served. [GiB]';
comment on column marts.leaderboard.output_tokens_per_s is 'Generated tokens at full load, whole machine. [tokens/s]';
comment on column marts.leaderboard.output_tokens_per_s_low is 'Low end of the band. [tokens/s]';
comment on column marts.leaderboard.output_tokens_per_s_high is 'High end of the band. [tokens/s]';
comment on column marts.leaderboard.tokens_per_s_per_user is 'Speed one user sees. [tokens/s]';
comment on column marts.leaderboard.throughput_basis is 'measured, calibrated or estimated. [text]';
comment on column marts.leaderboard.utilization is 'Share of the capacity that is used. [fraction]';
comment on column marts.leaderboard.usd_per_mtok is 'Price per 1M input and output tokens: the rank key. [USD/1M tokens]';
comment on column marts.leaderboard.usd_per_mtok_low is 'Low end of the band. [USD/1M tokens]';
comment on column marts.leaderboard.usd_per_mtok_high is 'High end of the band. [USD/1M tokens]';
comment on column marts.leaderboard.usd_per_mtok_output is 'The whole price over output tokens alone. [USD/1M tokens]';
comment on column marts.leaderboard.usd_per_1k_requests is 'Price of a thousand requests. [USD/1k requests]';
comment on column marts.leaderboard.ttft_ms is 'Time to the first token. [ms]';
comment on column marts.leaderboard.tpot_ms is 'Time per further token. [ms]';
comment on column marts.leaderboard.promo is 'A promotional price that will end. [bool]';
comment on column marts.leaderboard.observed_at is 'When the price was fetched. [UTC]';
comment on column marts.leaderboard.as_of is 'Moment the board speaks of. [UTC]';
comment on column marts.leaderboard.age_hours is 'Age of the price at that moment. [h]';
comment on column marts.leaderboard.freshness is 'fresh, stale or expired. [text]';
comment on column marts.leaderboard.exclusion_reason is 'Why it is not ranked. [text]';
comment on column marts.leaderboard.provenance is 'live or recorded. [text]';
comment on column marts.leaderboard.methodology_version is 'Version of the rules. [text]';

create table if not exists marts.break_even (
    board text not null,
    workload text not null,
    model text not null,
    quant text,
    quant_class text,
    source text,
    gpu text,
    gpu_count bigint,
    price_kind text,
    comparator text not null,
    comparator_model text,
    comparator_provider text,
    comparator_hosts bigint,
    usd_per_hour double,
    usd_per_mtok_full_load double,
    usd_per_mtok_at_50 double,
    usd_per_mtok_at_30 double,
    usd_per_mtok_at_20 double,
    usd_per_mtok_at_10 double,
    usd_per_mtok_at_5 double,
    usd_per_mtok_api double,
    break_even_utilization double,
    verdict text not null,
    tokens_per_hour double,
    mtok_per_month double,
    mtok_per_month_always double,
    volume_source text,
    volume_gpu text,
    volume_gpu_count bigint,
    as_of timestamptz not null,
    provenance text not null check (provenance in ('live', 'recorded')),
    methodology_version text not null
);
comment on table marts.break_even is 'From which load self-hosting is cheaper than an API. Newest run. Key: (board, workload, model, quant, source, gpu, gpu_count, price_kind, comparator, comparator_model, comparator_provider), empty cells included.';
comment on column marts.break_even.board is 'trusted, community or interruptible. [text]';
comment on column marts.break_even.workload is 'The workload. [id]';
comment on column marts.break_even.model is 'The model served. [id]';
comment on column marts.break_even.quant is 'Its quantisation. [id]';
comment on column marts.break_even.quant_class is '16bit, 8bit, 4bit or unknown. [text]';
comment on column marts.break_even.source is 'Who rents the machine. [id]';
comment on column marts.break_even.gpu is 'The GPU. [id]';
comment on column marts.break_even.gpu_count is 'GPUs in the machine. [GPUs]';
comment on column marts.break_even.price_kind is 'on_demand, spot_floor, preemptible, reserved. [text]';
comment on column marts.break_even.comparator is 'same_model_cheapest, same_model_median (hosts of the same quantisation class), any_quant_cheapest or frontier. [text]';
comment on column marts.break_even.comparator_model is 'Model of the API. [id]';
comment on column marts.break_even.comparator_provider is 'Who sells it. [text]';
comment on column marts.break_even.comparator_hosts is 'API hosts the comparator was chosen from. [count]';
comment on column marts.break_even.usd_per_hour is 'Price of the machine. [USD/h]';
comment on column marts.break_even.usd_per_mtok_full_load is 'Self-hosting at full load. [USD/1M tokens]';
comment on column marts.break_even.usd_per_mtok_at_50 is 'Self-hosting at 50 % utilisation. [USD/1M tokens]';
comment on column marts.break_even.usd_per_mtok_at_30 is 'Self-hosting at 30 % utilisation. [USD/1M tokens]';
comment on column marts.break_even.usd_per_mtok_at_20 is 'Self-hosting at 20 % utilisation. [USD/1M tokens]';
comment on column marts.break_even.usd_per_mtok_at_10 is 'Self-hosting at 10 % utilisation. [USD/1M tokens]';
comment on column marts.break_even.usd_per_mtok_at_5 is 'Self-hosting at 5 % utilisation. [USD/1M tokens]';
comment on column marts.break_even.usd_per_mtok_api is 'The API. [USD/1M tokens]';
comment on column marts.break_even.break_even_utilization is 'Load from which the machine is cheaper; empty where never. [fraction]';
comment on column marts.break_even.verdict is 'self_hosted_from, never, or no_comparator where no host sells that class. [text]';
comment on column marts.break_even.tokens_per_hour is 'Tokens per hour at break-even. [tokens/h]';
comment on column marts.break_even.mtok_per_month is 'Smallest monthly volume at which one machine of the board pays. [M tokens/month]';
comment on column marts.break_even.mtok_per_month_always is 'Volume from which adding whole machines never loses again. [M tokens/month]';
comment on column marts.break_even.volume_source is 'Who rents the machine that pays at the smallest volume. [id]';
comment on column marts.break_even.volume_gpu is 'Its GPU. [id]';
comment on column marts.break_even.volume_gpu_count is 'Its GPUs. [GPUs]';
comment on column marts.break_even.as_of is 'Moment it speaks of. [UTC]';
comment on column marts.break_even.provenance is 'live or recorded. [text]';
comment on column marts.break_even.methodology_version is 'Version of the rules. [text]';

create table if not exists marts.api_comparison (
    model text not null,
    quant text,
    source text not null,
    provider text not null,
    endpoint text,
    tier text not null,
    input_usd_per_mtok decimal(18, 9),
    output_usd_per_mtok decimal(18, 9),
    cache_read_usd_per_mtok decimal(18, 9),
    min_output_usd_per_mtok decimal(18, 9),
    median_output_usd_per_mtok double,
    cheapest_provider text,
    n_hosts bigint,
    observed_at timestamptz not null,
    age_hours double,
    provenance text not null check (provenance in ('live', 'recorded'))
);
comment on table marts.api_comparison is 'The same open model at every API host. Newest run. Key: (model, quant, source, provider, endpoint, tier), empty cells included.';
comment on column marts.api_comparison.model is 'The model. [id]';
comment on column marts.api_comparison.quant is 'The quantisation. [id]';
comment on column marts.api_comparison.source is 'Where it was read. [id]';
comment on column marts.api_comparison.provider is 'Who sells. [text]';
comment on column marts.api_comparison.endpoint is 'The host''s endpoint. [id]';
comment on column marts.api_comparison.tier is 'API tier. [text]';
comment on column marts.api_comparison.input_usd_per_mtok is 'Input. [USD/1M tokens]';
comment on column marts.api_comparison.output_usd_per_mtok is 'Output. [USD/1M tokens]';
comment on column marts.api_comparison.cache_read_usd_per_mtok is 'Input found in the cache. [USD/1M tokens]';
comment on column marts.api_comparison.min_output_usd_per_mtok is 'Lowest output price for this model and quantisation. [USD/1M tokens]';
comment on column marts.api_comparison.median_output_usd_per_mtok is 'Median output price for this model and quantisation. [USD/1M tokens]';
comment on column marts.api_comparison.cheapest_provider is 'Who asks the lowest output price. [text]';
comment on column marts.api_comparison.n_hosts is 'Hosts that sell it. [count]';
comment on column marts.api_comparison.observed_at is 'When it was fetched. [UTC]';
comment on column marts.api_comparison.age_hours is 'Age at the moment the run speaks of. [h]';
comment on column marts.api_comparison.provenance is 'live or recorded. [text]';

create table if not exists marts.claims_audit (
    claim_id text not null,
    claim text not null,
    inputs text,
    recomputed text,
    verdict text not null check (verdict in ('holds', 'fails', 'inconsistent')),
    right_number text,
    qualifier text,
    live_evidence text,
    evidence_at timestamptz
);
comment on table marts.claims_audit is 'Quantitative claims of the article, recomputed. Key: (claim_id).';
comment on column marts.claims_audit.claim_id is 'The claim. [id]';
comment on column marts.claims_audit.claim is 'What the article says. [text]';
comment on column marts.claims_audit.inputs is 'The article''s own inputs. [text]';
comment on column marts.claims_audit.recomputed is 'What they give. [text]';
comment on column marts.claims_audit.verdict is 'holds, fails (against its own inputs) or inconsistent (with another figure of the article). [text]';
comment on column marts.claims_audit.right_number is 'What it should say. [text]';
comment on column marts.claims_audit.qualifier is 'In what sense, or what else to know. [text]';
comment on column marts.claims_audit.live_evidence is 'What today''s prices say about it; empty where none bears on it. [text]';
comment on column marts.claims_audit.evidence_at is 'When that price was fetched. [UTC]';

create table if not exists marts.source_health (
    source text not null,
    kind text not null,
    outcome text not null,
    last_run_at timestamptz not null,
    last_success_at timestamptz,
    age_hours double,
    failures_in_a_row bigint not null,
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
    records_median_28 double
);
comment on table marts.source_health is 'How each source is doing. Newest run. Key: (source).';
comment on column marts.source_health.source is 'The source. [id]';
comment on column marts.source_health.kind is 'gpu or api. [text]';
comment on column marts.source_health.outcome is 'Outcome of its newest run: ok, partial or failed. [text]';
comment on column marts.source_health.last_run_at is 'When it was last asked. [UTC]';
comment on column marts.source_health.last_success_at is 'Newest answer of a run that was ok or partial. [UTC]';
comment on column marts.source_health.age_hours is 'Age of that answer at the moment the newest run speaks of. [h]';
comment on column marts.source_health.failures_in_a_row is 'Failed runs since then. [count]';
comment on column marts.source_health.records is 'Records read in its newest run. [count]';
comment on column marts.source_health.ok is 'Of these, passed every gate. [count]';
comment on column marts.source_health.held is 'Held back. [count]';
comment on column marts.source_health.quarantined is 'Set apart. [count]';
comment on column marts.source_health.unknown_names is 'With a name we do not know. [count]';
comment on column marts.source_health.truncated is 'The source holds more than it gave. [bool]';
comment on column marts.source_health.seconds is 'Time taken. [s]';
comment on column marts.source_health.error is 'What failed, where anything did. [text]';
comment on column marts.source_health.verdict is 'What the gates made of the source as a whole; empty is healthy. [text]';
comment on column marts.source_health.reasons is 'Why. [text]';
comment on column marts.source_health.records_median_28 is 'Median of records over its last 28 runs. [count]';

create table if not exists marts.gpu_price_history (
    run_id text not null,
    as_of timestamptz not null,
    board text not null,
    source text not null,
    market text not null,
    price_kind text not null,
    gpu text not null,
    gpu_count bigint not null,
    usd_per_hour double,
    usd_per_gpu_hour double,
    usd_per_hour_min double,
    usd_per_hour_p10 double,
    usd_per_hour_p25 double,
    usd_per_hour_p50 double,
    price_rule text,
    n_offers bigint not null,
    n_machines bigint,
    exclusion_reason text,
    observed_at timestamptz not null,
    provenance text not null
);
comment on table marts.gpu_price_history is 'The fresh rows of marts.gpu_prices of every run. Key: (run_id, board, source, gpu, gpu_count).';
comment on column marts.gpu_price_history.run_id is 'The run. [id]';
comment on column marts.gpu_price_history.as_of is 'Moment the run speaks of. [UTC]';
comment on column marts.gpu_price_history.board is 'trusted, community or interruptible. [text]';
comment on column marts.gpu_price_history.source is 'Who lists it. [id]';
comment on column marts.gpu_price_history.market is 'marketplace or cloud. [text]';
comment on column marts.gpu_price_history.price_kind is 'on_demand, spot_floor, preemptible. [text]';
comment on column marts.gpu_price_history.gpu is 'The GPU. [id]';
comment on column marts.gpu_price_history.gpu_count is 'Physical GPUs in the machine. [GPUs]';
comment on column marts.gpu_price_history.usd_per_hour is 'Price by the board''s rule, GPU part, whole machine. [USD/h]';
comment on column marts.gpu_price_history.usd_per_gpu_hour is 'The same per GPU. [USD/h]';
comment on column marts.gpu_price_history.usd_per_hour_min is 'Lowest. [USD/h]';
comment on column marts.gpu_price_history.usd_per_hour_p10 is '10th percentile over machines, rounded up to one of them; the median where there are two. [USD/h]';
comment on column marts.gpu_price_history.usd_per_hour_p25 is '25th percentile over machines, rounded up to one of them; the median where there are two. [USD/h]';
comment on column marts.gpu_price_history.usd_per_hour_p50 is 'Median over machines. [USD/h]';
comment on column marts.gpu_price_history.price_rule is 'How the price was taken: p10, median3, list or thin. [text]';
comment on column marts.gpu_price_history.n_offers is 'Offers in stock. [count]';
comment on column marts.gpu_price_history.n_machines is 'Machines behind them; for a cloud, the plans and regions listed. [count]';
comment on column marts.gpu_price_history.exclusion_reason is 'Why it was not ranked; empty where it was. [text]';
comment on column marts.gpu_price_history.observed_at is 'When the offers were fetched. [UTC]';
comment on column marts.gpu_price_history.provenance is 'live or recorded. [text]';

create table if not exists marts.api_price_history (
    run_id text not null,
    observed_at timestamptz not null,
    change text not null check (change in ('first', 'changed', 'gone')),
    old_usd_per_mtok decimal(18, 9),
    provenance text not null,
    source text not null,
    provider text not null,
    channel text not null,
    model_name text not null,
    component text not null,
    usd_per_mtok decimal(18, 9),
    tier text not null,
    context_min_tokens bigint not null,
    context_max_tokens bigint,
    time_band text not null,
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
    listing text not null,
    raw_text text not null,
    model text,
    quant text,
    price_key text not null,
    reasons text[] not null
);
comment on table marts.api_price_history is 'API prices, one row per change: from this run on, the price was this. Key: (run_id, price_key).';
comment on column marts.api_price_history.run_id is 'The first run that saw it. [id]';
comment on column marts.api_price_history.observed_at is 'When it was fetched. [UTC]';
comment on column marts.api_price_history.change is 'first (or back again), changed, or gone from a source that answered. [text]';
comment on column marts.api_price_history.old_usd_per_mtok is 'The price before. [USD/1M tokens]';
comment on column marts.api_price_history.provenance is 'live or recorded. [text]';
comment on column marts.api_price_history.source is 'The page or API it was read from. [id]';
comment on column marts.api_price_history.provider is 'Who sells, as the source spells it. [text]';
comment on column marts.api_price_history.channel is 'first_party, host or registry. [text]';
comment on column marts.api_price_history.model_name is 'Model as the source spells it. [text]';
comment on column marts.api_price_history.component is 'What is charged: input, output, cache_read, cache_write_5m, cache_write_1h, request. [text]';
comment on column marts.api_price_history.usd_per_mtok is 'The price; per request for the component request; empty once gone. [USD/1M tokens]';
comment on column marts.api_price_history.tier is 'standard, batch, flex or fast. [text]';
comment on column marts.api_price_history.context_min_tokens is 'Shortest prompt the price holds for. [tokens]';
comment on column marts.api_price_history.context_max_tokens is 'First prompt length it no longer holds for; empty is open. [tokens]';
comment on column marts.api_price_history.time_band is 'all, peak or off_peak. [text]';
comment on column marts.api_price_history.band_rule is 'When the peak holds. [text]';
comment on column marts.api_price_history.quant_name is 'Quantisation as the source spells it. [text]';
comment on column marts.api_price_history.list_usd_per_mtok is 'Struck-through price beside a promotion. [USD/1M tokens]';
comment on column marts.api_price_history.promo_until is 'Last day of the promotion. [date]';
comment on column marts.api_price_history.hugging_face_id is 'Hugging Face id the source gives. [id]';
comment on column marts.api_price_history.endpoint is 'The host''s tag, where one host sells a model several times. [id]';
comment on column marts.api_price_history.context_length_tokens is 'Longest context served. [tokens]';
comment on column marts.api_price_history.max_output_tokens is 'Longest answer. [tokens]';
comment on column marts.api_price_history.uptime_1d is 'Uptime over a day. [fraction]';
comment on column marts.api_price_history.endpoint_status is 'The source''s code: 0 is fine, negative is degraded. [code]';
comment on column marts.api_price_history.discount is 'Discount the source reports. [fraction]';
comment on column marts.api_price_history.listing is 'listed, retired, contact_sales or preview. [text]';
comment on column marts.api_price_history.raw_text is 'The cell or field the price was read from. [text]';
comment on column marts.api_price_history.model is 'The model; empty where the name is unknown. [id]';
comment on column marts.api_price_history.quant is 'The quantisation; empty where the name is unknown. [id]';
comment on column marts.api_price_history.price_key is 'What identifies this price across runs. [id]';
comment on column marts.api_price_history.reasons is 'Why it is not ok, or what to know about it. [text]';

create table if not exists marts.leaderboard_history (
    run_id text not null,
    as_of timestamptz not null,
    board text not null,
    workload text not null,
    model text not null,
    quant text,
    place bigint not null,
    kind text not null,
    source text not null,
    provider text,
    tier text,
    endpoint text,
    gpu text,
    gpu_count bigint,
    price_kind text,
    usd_per_hour double,
    output_tokens_per_s double,
    throughput_basis text,
    utilization double,
    usd_per_mtok double not null,
    usd_per_mtok_low double,
    usd_per_mtok_high double,
    provenance text not null,
    methodology_version text not null
);
comment on table marts.leaderboard_history is 'The first three places of every board of every run. Key: (run_id, board, workload, model, quant, kind, source, provider, tier, gpu, gpu_count, endpoint), empty cells included.';
comment on column marts.leaderboard_history.run_id is 'The run. [id]';
comment on column marts.leaderboard_history.as_of is 'Moment the board speaks of. [UTC]';
comment on column marts.leaderboard_history.board is 'trusted, community, interruptible, api or combined. [text]';
comment on column marts.leaderboard_history.workload is 'The workload. [id]';
comment on column marts.leaderboard_history.model is 'The model. [id]';
comment on column marts.leaderboard_history.quant is 'The quantisation. [id]';
comment on column marts.leaderboard_history.place is 'Place per board, workload and model. [count]';
comment on column marts.leaderboard_history.kind is 'self_hosted or api. [text]';
comment on column marts.leaderboard_history.source is 'Where the price was read. [id]';
comment on column marts.leaderboard_history.provider is 'Who sells the API. [text]';
comment on column marts.leaderboard_history.tier is 'API tier. [text]';
comment on column marts.leaderboard_history.endpoint is 'The host''s endpoint. [id]';
comment on column marts.leaderboard_history.gpu is 'The GPU. [id]';
comment on column marts.leaderboard_history.gpu_count is 'GPUs in the machine. [GPUs]';
comment on column marts.leaderboard_history.price_kind is 'on_demand, spot_floor, preemptible, reserved. [text]';
comment on column marts.leaderboard_history.usd_per_hour is 'Price of the machine with disk. [USD/h]';
comment on column marts.leaderboard_history.output_tokens_per_s is 'Generated tokens at full load, whole machine. [tokens/s]';
comment on column marts.leaderboard_history.throughput_basis is 'measured, calibrated or estimated. [text]';
comment on column marts.leaderboard_history.utilization is 'Share of the capacity that is used. [fraction]';
comment on column marts.leaderboard_history.usd_per_mtok is 'Price per 1M input and output tokens. [USD/1M tokens]';
comment on column marts.leaderboard_history.usd_per_mtok_low is 'Low end of the band. [USD/1M tokens]';
comment on column marts.leaderboard_history.usd_per_mtok_high is 'High end of the band. [USD/1M tokens]';
comment on column marts.leaderboard_history.provenance is 'live or recorded. [text]';
comment on column marts.leaderboard_history.methodology_version is 'Version of the rules. [text]';

create table if not exists marts.price_changes (
    kind text not null check (kind in ('gpu', 'api')),
    window_hours bigint not null,
    board text,
    source text not null,
    gpu text,
    gpu_count bigint,
    price_kind text,
    price_key text,
    provider text,
    model text,
    model_name text,
    component text,
    tier text,
    old_usd_per_gpu_hour double,
    new_usd_per_gpu_hour double,
    old_usd_per_mtok decimal(18, 9),
    new_usd_per_mtok decimal(18, 9),
    factor double,
    old_observed_at timestamptz not null,
    new_observed_at timestamptz not null,
    since_at timestamptz not null,
    provenance text not null
);
comment on table marts.price_changes is 'What moved over a day, a week and a month, by how much, since when. Newest run. Key: (kind, window_hours, board, source, gpu, gpu_count, price_key), empty cells included.';
comment on column marts.price_changes.kind is 'gpu or api. [text]';
comment on column marts.price_changes.window_hours is 'How far back the old price lies: 24, 168 or 720, up to 1 less or 13 more, as the runs fell. [h]';
comment on column marts.price_changes.board is 'Board of a GPU price. [text]';
comment on column marts.price_changes.source is 'Where it was read. [id]';
comment on column marts.price_changes.gpu is 'The GPU. [id]';
comment on column marts.price_changes.gpu_count is 'GPUs in the machine. [GPUs]';
comment on column marts.price_changes.price_kind is 'on_demand, spot_floor, preemptible, reserved. [text]';
comment on column marts.price_changes.price_key is 'Which API price. [id]';
comment on column marts.price_changes.provider is 'Who sells the API. [text]';
comment on column marts.price_changes.model is 'The model. [id]';
comment on column marts.price_changes.model_name is 'Model as the source spells it. [text]';
comment on column marts.price_changes.component is 'What is charged. [text]';
comment on column marts.price_changes.tier is 'API tier. [text]';
comment on column marts.price_changes.old_usd_per_gpu_hour is 'GPU price then. [USD/h]';
comment on column marts.price_changes.new_usd_per_gpu_hour is 'GPU price now. [USD/h]';
comment on column marts.price_changes.old_usd_per_mtok is 'API price then. [USD/1M tokens]';
comment on column marts.price_changes.new_usd_per_mtok is 'API price now. [USD/1M tokens]';
comment on column marts.price_changes.factor is 'New over old; empty where the old price was 0. [ratio]';
comment on column marts.price_changes.old_observed_at is 'When the old price was fetched. [UTC]';
comment on column marts.price_changes.new_observed_at is 'When the new price was fetched. [UTC]';
comment on column marts.price_changes.since_at is 'First run that saw the new price without a break. [UTC]';
comment on column marts.price_changes.provenance is 'live or recorded. [text]';
