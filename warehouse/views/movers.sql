create or replace view marts.movers as
with believed as (
    select moved.*
    from marts.price_changes as moved
    semi join marts.gpu_prices as price
        on price.board = moved.board
        and price.source = moved.source
        and price.gpu = moved.gpu
        and price.gpu_count = moved.gpu_count
        and price.exclusion_reason is null
    semi join marts.gpu_price_history as past
        on past.board = moved.board
        and past.source = moved.source
        and past.gpu = moved.gpu
        and past.gpu_count = moved.gpu_count
        and past.observed_at = moved.old_observed_at
        and past.exclusion_reason is null
    where moved.kind = 'gpu'
    union all by name
    select moved.*
    from marts.price_changes as moved
    anti join marts.api_price_history as listed on listed.price_key = moved.price_key and listed.channel = 'registry'
    where moved.kind = 'api'
)

select
    kind,
    window_hours,
    board,
    source,
    gpu,
    gpu_count,
    price_key,
    provider,
    model,
    model_name,
    component,
    tier,
    coalesce(old_usd_per_gpu_hour, old_usd_per_mtok::double) as old_usd,
    coalesce(new_usd_per_gpu_hour, new_usd_per_mtok::double) as new_usd,
    case when kind = 'gpu' then 'GPU-hour' when component = 'request' then 'request' else '1M tokens' end as per,
    factor,
    old_observed_at,
    since_at,
    provenance
from believed;
comment on view marts.movers is 'What moved over a day, a week and a month and is believed: GPU configurations ranked then and now, API prices that sellers list themselves. Key: (kind, window_hours, board, source, gpu, gpu_count, price_key), empty cells included.';
comment on column marts.movers.kind is 'gpu or api. [text]';
comment on column marts.movers.window_hours is 'How far back the old price lies: 24, 168 or 720, up to 1 less or 13 more, as the runs fell. [h]';
comment on column marts.movers.board is 'Board of a GPU price. [text]';
comment on column marts.movers.source is 'Where it was read. [id]';
comment on column marts.movers.gpu is 'The GPU. [id]';
comment on column marts.movers.gpu_count is 'GPUs in the machine. [GPUs]';
comment on column marts.movers.price_key is 'Which API price. [id]';
comment on column marts.movers.provider is 'Who sells the API. [text]';
comment on column marts.movers.model is 'The model. [id]';
comment on column marts.movers.model_name is 'Model as the source spells it. [text]';
comment on column marts.movers.component is 'What is charged. [text]';
comment on column marts.movers.tier is 'API tier. [text]';
comment on column marts.movers.old_usd is 'Price then, per what `per` says. [USD]';
comment on column marts.movers.new_usd is 'Price now, per what `per` says. [USD]';
comment on column marts.movers.per is 'What the prices are for: GPU-hour, 1M tokens or request. [text]';
comment on column marts.movers.factor is 'New over old; empty where the old price was 0. [ratio]';
comment on column marts.movers.old_observed_at is 'When the old price was fetched. [UTC]';
comment on column marts.movers.since_at is 'First run that saw the new price without a break. [UTC]';
comment on column marts.movers.provenance is 'live or recorded. [text]';
