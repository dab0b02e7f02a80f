-- Facts kept by hand in warehouse/reference/*.csv, loaded as they stand. A column of a CSV is declared here.

create schema if not exists reference;

create table if not exists reference.gpus (
    gpu text not null,
    name text not null,
    vendor text not null,
    arch text,
    compute_capability text,
    form_factor text,
    memory_gb double not null check (memory_gb > 0),
    memory_gib double not null check (memory_gib > 0),
    memory_type text,
    bandwidth_gb_per_s double check (bandwidth_gb_per_s > 0),
    fp16_tflops double check (fp16_tflops > 0),
    fp8_tflops double check (fp8_tflops > 0),
    int8_tops double check (int8_tops > 0),
    fp4_tflops double check (fp4_tflops > 0),
    link text,
    link_gb_per_s double check (link_gb_per_s >= 0),
    link_max_gpus bigint,
    pcie_gb_per_s double check (pcie_gb_per_s >= 0),
    tdp_w double check (tdp_w > 0),
    sm_count bigint,
    boost_mhz double,
    verified text,
    source text,
    notes text
);
comment on table reference.gpus is 'One row per GPU identity: model, form factor and memory. Key: (gpu).';
comment on column reference.gpus.gpu is 'Our id, with form factor and memory in it. [id]';
comment on column reference.gpus.name is 'Name for people. [text]';
comment on column reference.gpus.vendor is 'Maker. [text]';
comment on column reference.gpus.arch is 'Architecture. [text]';
comment on column reference.gpus.compute_capability is 'CUDA compute capability or gfx target. [text]';
comment on column reference.gpus.form_factor is 'SXM, PCIe, NVL… [text]';
comment on column reference.gpus.memory_gb is 'Memory by its marketing name. [GB]';
comment on column reference.gpus.memory_gib is 'Memory the driver reports. [GiB]';
comment on column reference.gpus.memory_type is 'HBM3, GDDR6X… [text]';
comment on column reference.gpus.bandwidth_gb_per_s is 'Memory bandwidth, data sheet. [GB/s]';
comment on column reference.gpus.fp16_tflops is 'Dense FP16/BF16 with FP32 accumulate. [TFLOP/s]';
comment on column reference.gpus.fp8_tflops is 'Dense FP8; empty where not native. [TFLOP/s]';
comment on column reference.gpus.int8_tops is 'Dense INT8; empty where not native. [TOP/s]';
comment on column reference.gpus.fp4_tflops is 'Dense FP4; empty where not native. [TFLOP/s]';
comment on column reference.gpus.link is 'nvlink5, nvlink4, xgmi, pcie… [text]';
comment on column reference.gpus.link_gb_per_s is 'Link bandwidth per GPU, one direction. [GB/s]';
comment on column reference.gpus.link_max_gpus is 'GPUs one link domain holds. [GPUs]';
comment on column reference.gpus.pcie_gb_per_s is 'PCIe bandwidth, one direction. [GB/s]';
comment on column reference.gpus.tdp_w is 'Board power. [W]';
comment on column reference.gpus.sm_count is 'Streaming multiprocessors or compute units. [count]';
comment on column reference.gpus.boost_mhz is 'Boost clock. [MHz]';
comment on column reference.gpus.verified is 'How well the row is confirmed. [text]';
comment on column reference.gpus.source is 'Where the figures stand. [text]';
comment on column reference.gpus.notes is 'What else to know. [text]';

create table if not exists reference.gpu_names (
    source text not null,
    gpu_name text not null,
    memory_gb_min double,
    memory_gb_max double,
    gpu text not null,
    note text
);
comment on table reference.gpu_names is 'How sources spell GPUs. Key: (source, gpu_name, memory_gb_min).';
comment on column reference.gpu_names.source is 'Source, or * for any. [id]';
comment on column reference.gpu_names.gpu_name is 'The spelling; compared without case, spaces folded. [text]';
comment on column reference.gpu_names.memory_gb_min is 'Least native memory this row stands for; empty is any. [GiB]';
comment on column reference.gpu_names.memory_gb_max is 'Most native memory this row stands for; empty is any. [GiB]';
comment on column reference.gpu_names.gpu is 'The GPU meant. [id]';
comment on column reference.gpu_names.note is 'Why. [text]';

create table if not exists reference.models (
    model text not null,
    name text not null,
    provider text,
    hf_id text,
    aliases text,
    openness text not null check (openness in ('open', 'closed')),
    frontier text not null check (frontier in ('yes', 'no')),
    verified text,
    total_params_b double check (total_params_b > 0),
    active_params_b double check (active_params_b > 0),
    expert_params_b double check (expert_params_b >= 0),
    embedding_params_b double check (embedding_params_b >= 0),
    vision_params_b double check (vision_params_b >= 0),
    offloaded_params_b double check (offloaded_params_b >= 0),
    tied_embeddings bigint check (tied_embeddings in (0, 1)),
    layers bigint check (layers > 0),
    hidden bigint check (hidden > 0),
    heads bigint check (heads > 0),
    kv_heads bigint check (kv_heads > 0),
    head_dim bigint check (head_dim > 0),
    attention text,
    moe_layers bigint check (moe_layers >= 0),
    experts bigint check (experts >= 0),
    topk bigint check (topk >= 0),
    rest_quant text,
    kv_elems_per_token double check (kv_elems_per_token >= 0),
    index_elems_per_token double check (index_elems_per_token >= 0),
    kv_window_elems_per_token double check (kv_window_elems_per_token >= 0),
    window_tokens bigint check (window_tokens >= 0),
    state_bytes_per_seq double check (state_bytes_per_seq >= 0),
    kv_read_elems_per_token double check (kv_read_elems_per_token >= 0),
    sparse_topk_tokens bigint check (sparse_topk_tokens >= 0),
    kv_shards bigint check (kv_shards > 0),
    attn_flops_per_pair_decode double check (attn_flops_per_pair_decode >= 0),
    attn_flops_per_pair_prefill double check (attn_flops_per_pair_prefill >= 0),
    window_flops_per_pair double check (window_flops_per_pair >= 0),
    index_flops_per_pair double check (index_flops_per_pair >= 0),
    context_tokens bigint check (context_tokens > 0),
    native_quant text,
    serve_quants text,
    release_date date,
    licence text,
    source text,
    notes text
);
comment on table reference.models is 'One row per model, with what its weights and its cache weigh. Key: (model).';
comment on column reference.models.model is 'Our id. [id]';
comment on column reference.models.name is 'Name for people. [text]';
comment on column reference.models.provider is 'Who makes it. [text]';
comment on column reference.models.hf_id is 'Hugging Face id; empty where closed. [id]';
comment on column reference.models.aliases is 'Other Hugging Face ids of the same architecture, separated by a bar. [text]';
comment on column reference.models.openness is 'open or closed weights. [text]';
comment on column reference.models.frontier is 'yes: a closed model others are compared with. [yes/no]';
comment on column reference.models.verified is 'How well the architecture is confirmed: yes, params_only, press. [text]';
comment on column reference.models.total_params_b is 'Parameters. [billions]';
comment on column reference.models.active_params_b is 'Parameters used per token. [billions]';
comment on column reference.models.expert_params_b is 'Parameters in routed experts. [billions]';
comment on column reference.models.embedding_params_b is 'Parameters in the input embedding. [billions]';
comment on column reference.models.vision_params_b is 'Parameters of a vision or audio tower. [billions]';
comment on column reference.models.offloaded_params_b is 'Parameters kept off the GPU. [billions]';
comment on column reference.models.tied_embeddings is '1: input and output embedding are one. [0/1]';
comment on column reference.models.layers is 'Layers. [count]';
comment on column reference.models.hidden is 'Width of the hidden state. [elements]';
comment on column reference.models.heads is 'Attention heads. [count]';
comment on column reference.models.kv_heads is 'Key/value heads. [count]';
comment on column reference.models.head_dim is 'Width of a head. [elements]';
comment on column reference.models.attention is 'Kind of attention: gqa, mla… [text]';
comment on column reference.models.moe_layers is 'Layers with routed experts. [count]';
comment on column reference.models.experts is 'Routed experts per layer. [count]';
comment on column reference.models.topk is 'Experts used per token. [count]';
comment on column reference.models.rest_quant is 'Quantisation of what is not an expert, where it differs. [id]';
comment on column reference.models.kv_elems_per_token is 'Cache that grows with the context. [elements/token]';
comment on column reference.models.index_elems_per_token is 'Index cache of sparse attention. [elements/token]';
comment on column reference.models.kv_window_elems_per_token is 'Cache of sliding-window layers. [elements/token]';
comment on column reference.models.window_tokens is 'Length of the window. [tokens]';
comment on column reference.models.state_bytes_per_seq is 'State of linear-attention layers. [bytes/sequence]';
comment on column reference.models.kv_read_elems_per_token is 'Cache read per context token and step. [elements/token]';
comment on column reference.models.sparse_topk_tokens is 'Tokens sparse attention reads; empty is all. [tokens]';
comment on column reference.models.kv_shards is 'GPUs the cache can be split over. [GPUs]';
comment on column reference.models.attn_flops_per_pair_decode is 'Attention work per query and context token while decoding. [FLOP]';
comment on column reference.models.attn_flops_per_pair_prefill is 'Attention work per query and context token while prefilling. [FLOP]';
comment on column reference.models.window_flops_per_pair is 'The same for sliding-window layers. [FLOP]';
comment on column reference.models.index_flops_per_pair is 'The same for the index of sparse attention. [FLOP]';
comment on column reference.models.context_tokens is 'Longest context. [tokens]';
comment on column reference.models.native_quant is 'Quantisation the weights were published in. [id]';
comment on column reference.models.serve_quants is 'Quantisations on the boards, separated by a bar; empty is none. [text]';
comment on column reference.models.release_date is 'Released. [date]';
comment on column reference.models.licence is 'Licence of the weights. [text]';
comment on column reference.models.source is 'Where the figures stand. [text]';
comment on column reference.models.notes is 'What else to know. [text]';

create table if not exists reference.model_names (
    source text not null,
    model_name text not null,
    model text not null,
    note text
);
comment on table reference.model_names is 'How sources spell models. Key: (source, model_name).';
comment on column reference.model_names.source is 'Source, or * for any. [id]';
comment on column reference.model_names.model_name is 'The spelling. [text]';
comment on column reference.model_names.model is 'The model meant. [id]';
comment on column reference.model_names.note is 'Why. [text]';

create table if not exists reference.quants (
    quant text not null,
    name text not null,
    quant_class text not null check (quant_class in ('16bit', '8bit', '4bit', 'unknown')),
    weight_bytes_per_param double check (weight_bytes_per_param > 0),
    head_bytes_per_param double check (head_bytes_per_param > 0),
    moe_rest_bytes_per_param double check (moe_rest_bytes_per_param > 0),
    compute text,
    kernel text,
    source text,
    notes text
);
comment on table reference.quants is 'Quantisations and what a parameter weighs in them. Key: (quant).';
comment on column reference.quants.quant is 'Our id. [id]';
comment on column reference.quants.name is 'Name for people. [text]';
comment on column reference.quants.quant_class is '16bit, 8bit, 4bit or unknown. [text]';
comment on column reference.quants.weight_bytes_per_param is 'Weight of a parameter, scales included. [bytes/parameter]';
comment on column reference.quants.head_bytes_per_param is 'Weight of a parameter of the embeddings. [bytes/parameter]';
comment on column reference.quants.moe_rest_bytes_per_param is 'Weight of a parameter of an expert model outside its experts. [bytes/parameter]';
comment on column reference.quants.compute is 'Arithmetic it computes in, where native: 16bit, fp8, int8, fp4. [text]';
comment on column reference.quants.kernel is 'dense, weight_only or gguf. [text]';
comment on column reference.quants.source is 'Where the figures stand. [text]';
comment on column reference.quants.notes is 'What else to know. [text]';

create table if not exists reference.quant_names (
    source text not null,
    quant_name text not null,
    quant text not null,
    note text
);
comment on table reference.quant_names is 'How sources spell quantisations. Key: (source, quant_name).';
comment on column reference.quant_names.source is 'Source, or * for any. [id]';
comment on column reference.quant_names.quant_name is 'The spelling. [text]';
comment on column reference.quant_names.quant is 'The quantisation meant. [id]';
comment on column reference.quant_names.note is 'Why. [text]';

create table if not exists reference.workloads (
    workload text not null,
    purpose text,
    isl_tokens bigint not null check (isl_tokens >= 0),
    osl_tokens bigint not null check (osl_tokens > 0),
    cached_input_fraction double not null check (cached_input_fraction between 0 and 1),
    ttft_slo_ms double,
    min_tokens_per_s_per_user double,
    slo_percentile text,
    default_utilization double not null check (default_utilization > 0 and default_utilization <= 1),
    spot_allowed text not null check (spot_allowed in ('yes', 'no')),
    on_board text not null check (on_board in ('yes', 'no')),
    api_tier text not null check (api_tier in ('standard', 'batch')),
    source text
);
comment on table reference.workloads is 'What a request looks like and what it must hold. Key: (workload).';
comment on column reference.workloads.workload is 'Our id. [id]';
comment on column reference.workloads.purpose is 'What it stands for. [text]';
comment on column reference.workloads.isl_tokens is 'Prompt length. [tokens]';
comment on column reference.workloads.osl_tokens is 'Answer length. [tokens]';
comment on column reference.workloads.cached_input_fraction is 'Share of the prompt found in the prefix cache. [fraction]';
comment on column reference.workloads.ttft_slo_ms is 'Longest time to the first token; empty is none. [ms]';
comment on column reference.workloads.min_tokens_per_s_per_user is 'Least speed for one user; empty is none. [tokens/s]';
comment on column reference.workloads.slo_percentile is 'Percentile at which the limits hold. [text]';
comment on column reference.workloads.default_utilization is 'Share of the capacity that is used. [fraction]';
comment on column reference.workloads.spot_allowed is 'May interruptible machines serve it. [yes/no]';
comment on column reference.workloads.on_board is 'Does it have boards. [yes/no]';
comment on column reference.workloads.api_tier is 'API tier it is compared with: standard or batch. [text]';
comment on column reference.workloads.source is 'Where the lengths stand. [text]';

create table if not exists reference.benchmarks (
    benchmark text not null,
    publisher text not null,
    grade text not null,
    sample text not null,
    gpu text not null,
    gpu_count bigint not null,
    tp bigint,
    pp bigint,
    model text not null,
    quant text not null,
    kv_quant text not null,
    engine text not null,
    engine_version text,
    scenario text not null,
    concurrency bigint,
    isl_tokens bigint,
    osl_tokens bigint,
    output_tokens_per_s double not null,
    published text,
    source text not null
);
comment on table reference.benchmarks is 'Published measurements the estimator is calibrated on. Key: (benchmark).';
comment on column reference.benchmarks.benchmark is 'Our id. [id]';
comment on column reference.benchmarks.publisher is 'Who published it; left out as a whole when accuracy is checked. [id]';
comment on column reference.benchmarks.grade is 'A: vendor, audited or reproducible with its whole configuration; B: one third-party run, or derived by a stated formula. [text]';
comment on column reference.benchmarks.sample is 'core: counted in the accuracy figures, capped per GPU, model and quantisation; more: only fitted to. [text]';
comment on column reference.benchmarks.gpu is 'The GPU. [id]';
comment on column reference.benchmarks.gpu_count is 'GPUs of the whole system. [GPUs]';
comment on column reference.benchmarks.tp is 'Tensor-parallel size; empty where not stated. [GPUs]';
comment on column reference.benchmarks.pp is 'Pipeline-parallel size; empty where not stated. [GPUs]';
comment on column reference.benchmarks.model is 'The model. [id]';
comment on column reference.benchmarks.quant is 'The quantisation. [id]';
comment on column reference.benchmarks.kv_quant is 'Format of the cache; auto: the default of the engine. [id]';
comment on column reference.benchmarks.engine is 'Serving software. [id]';
comment on column reference.benchmarks.engine_version is 'Its version or time, as published. [text]';
comment on column reference.benchmarks.scenario is 'bs1: one request at a time; fixed_concurrency; offline_max: all at once or saturated; server: arrivals under a latency limit. [text]';
comment on column reference.benchmarks.concurrency is 'Requests in flight or submitted; empty: saturated, the engine decides. [count]';
comment on column reference.benchmarks.isl_tokens is 'Mean prompt length. [tokens]';
comment on column reference.benchmarks.osl_tokens is 'Mean output length. [tokens]';
comment on column reference.benchmarks.output_tokens_per_s is 'Generated tokens of the whole system. [tokens/s]';
comment on column reference.benchmarks.published is 'Commit or date of the source. [text]';
comment on column reference.benchmarks.source is 'Repository path or address. [text]';

create table if not exists reference.calibration (
    coefficient text not null,
    trait text not null,
    key text not null,
    value double not null,
    prior double,
    sd double,
    rows bigint
);
comment on table reference.calibration is 'Coefficients of the throughput estimate, fitted to the measurements. Key: (coefficient, trait, key).';
comment on column reference.calibration.coefficient is 'What it scales: bandwidth, compute, step… [id]';
comment on column reference.calibration.trait is 'What it depends on: all (the base value), chip, kernel, engine, attention, link… [id]';
comment on column reference.calibration.key is 'Value of that trait; empty for the base value. [id]';
comment on column reference.calibration.value is 'The fitted base value, or a factor on it. [number]';
comment on column reference.calibration.prior is 'What it was expected to be. [number]';
comment on column reference.calibration.sd is 'How far from it the fit may go: a standard deviation of its logarithm. [number]';
comment on column reference.calibration.rows is 'Measurements that have the trait. [count]';

create table if not exists reference.article_claims (
    claim text not null,
    part text,
    statement text,
    formula text not null,
    inputs text,
    claimed text,
    comparison text,
    against text,
    shown text,
    qualifier text,
    evidence text
);
comment on table reference.article_claims is 'Quantitative claims of the article under audit, and the formula each is held against. Key: (claim, part), empty cells included.';
comment on column reference.article_claims.claim is 'Number of the claim. [id]';
comment on column reference.article_claims.part is 'Part of a claim that says several things. [id]';
comment on column reference.article_claims.statement is 'What the article says. [text]';
comment on column reference.article_claims.formula is 'Formula it is recomputed with. [id]';
comment on column reference.article_claims.inputs is 'The article''s inputs: name=value, separated by semicolons. [text]';
comment on column reference.article_claims.claimed is 'The figure claimed. [text]';
comment on column reference.article_claims.comparison is 'How the figures are compared. [id]';
comment on column reference.article_claims.against is 'What it is compared with. [text]';
comment on column reference.article_claims.shown is 'How the right figure is printed. [text]';
comment on column reference.article_claims.qualifier is 'What else to know. [text]';
comment on column reference.article_claims.evidence is 'Which live row speaks to it. [text]';

create table if not exists reference.assumptions (
    assumption text not null,
    value double not null,
    unit text,
    note text,
    source text
);
comment on table reference.assumptions is 'Every figure that is a choice and not a fact. Key: (assumption).';
comment on column reference.assumptions.assumption is 'Name. [id]';
comment on column reference.assumptions.value is 'Value, in the row''s unit. [number]';
comment on column reference.assumptions.unit is 'Its unit. [text]';
comment on column reference.assumptions.note is 'What it decides. [text]';
comment on column reference.assumptions.source is 'Why this value. [text]';

create table if not exists reference.price_exceptions (
    source text not null,
    model_name text not null,
    rule text not null,
    source_url text,
    note text
);
comment on table reference.price_exceptions is 'Prices that break a rule and are right. Key: (source, model_name, rule).';
comment on column reference.price_exceptions.source is 'Source, or * for any. [id]';
comment on column reference.price_exceptions.model_name is 'Model as the source spells it. [text]';
comment on column reference.price_exceptions.rule is 'The rule broken. [id]';
comment on column reference.price_exceptions.source_url is 'Where the price stands. [url]';
comment on column reference.price_exceptions.note is 'Why it is right. [text]';

create table if not exists reference.provider_names (
    provider_name text not null,
    provider text not null,
    note text
);
comment on table reference.provider_names is 'How sources spell API hosts. Key: (provider_name).';
comment on column reference.provider_names.provider_name is 'The spelling. [text]';
comment on column reference.provider_names.provider is 'The host meant. [id]';
comment on column reference.provider_names.note is 'Why. [text]';

create table if not exists reference.article_rows (
    article_table text not null,
    row text not null,
    usd_per_hour double check (usd_per_hour > 0),
    tokens_per_s double check (tokens_per_s > 0),
    utilization double check (utilization > 0 and utilization <= 1),
    input_usd_per_mtok double check (input_usd_per_mtok >= 0),
    output_usd_per_mtok double check (output_usd_per_mtok >= 0),
    claimed_usd_per_mtok double check (claimed_usd_per_mtok >= 0),
    model text,
    quant text,
    gpus text,
    board text
);
comment on table reference.article_rows is 'Rows of the article''s tables with their inputs, to be reproduced. Key: (article_table, row).';
comment on column reference.article_rows.article_table is 'Table of the article. [id]';
comment on column reference.article_rows.row is 'Row of that table. [text]';
comment on column reference.article_rows.usd_per_hour is 'Price of the machine. [USD/h]';
comment on column reference.article_rows.tokens_per_s is 'Generated tokens. [tokens/s]';
comment on column reference.article_rows.utilization is 'Share of the capacity that is used. [fraction]';
comment on column reference.article_rows.input_usd_per_mtok is 'API price of input. [USD/1M tokens]';
comment on column reference.article_rows.output_usd_per_mtok is 'API price of output. [USD/1M tokens]';
comment on column reference.article_rows.claimed_usd_per_mtok is 'What the article prints. [USD/1M tokens]';
comment on column reference.article_rows.model is 'The model that stands for it today. [id]';
comment on column reference.article_rows.quant is 'The quantisation to set beside it; FP8 where the article''s FP16 does not fit. [id]';
comment on column reference.article_rows.gpus is 'The GPUs it may mean, separated by spaces. [id]';
comment on column reference.article_rows.board is 'The board whose prices speak to it. [text]';

create table if not exists reference.article_throughput (
    figure text not null,
    gpu text not null,
    gpu_count bigint not null,
    model text not null,
    quant text not null,
    isl_tokens bigint not null,
    osl_tokens bigint not null,
    concurrency bigint,
    article_tokens_per_s double,
    measured_tokens_per_s double,
    condition text,
    source text
);
comment on table reference.article_throughput is 'Speeds the article claims, beside what was measured for the same thing. Key: (figure, gpu, model, quant, isl_tokens, osl_tokens, concurrency), empty cells included.';
comment on column reference.article_throughput.figure is 'The article''s row. [text]';
comment on column reference.article_throughput.gpu is 'The GPU. [id]';
comment on column reference.article_throughput.gpu_count is 'GPUs. [GPUs]';
comment on column reference.article_throughput.model is 'The model. [id]';
comment on column reference.article_throughput.quant is 'The quantisation. [id]';
comment on column reference.article_throughput.isl_tokens is 'Prompt length. [tokens]';
comment on column reference.article_throughput.osl_tokens is 'Answer length. [tokens]';
comment on column reference.article_throughput.concurrency is 'Requests at once. [count]';
comment on column reference.article_throughput.article_tokens_per_s is 'What the article says. [tokens/s]';
comment on column reference.article_throughput.measured_tokens_per_s is 'What was measured; empty where nobody did. [tokens/s]';
comment on column reference.article_throughput.condition is 'Under which condition. [text]';
comment on column reference.article_throughput.source is 'Who measured. [text]';
