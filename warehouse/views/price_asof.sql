create or replace macro main.price_asof(ts) as table
select
    'gpu' as kind,
    board,
    source,
    gpu,
    gpu_count,
    price_kind,
    null::text as provider,
    null::text as model,
    null::text as model_name,
    null::text as quant,
    null::text as component,
    null::text as tier,
    null::text as endpoint,
    usd_per_hour,
    null::decimal(18, 9) as usd_per_mtok,
    observed_at
from marts.gpu_price_history
where observed_at <= ts::timestamptz
    and observed_at >= ts::timestamptz - interval 13 hours
qualify row_number() over (
    partition by board, source, gpu, gpu_count order by observed_at desc, run_id desc
) = 1
union all
select
    'api' as kind,
    null as board,
    source,
    null as gpu,
    null as gpu_count,
    null as price_kind,
    provider,
    model,
    model_name,
    quant,
    component,
    tier,
    endpoint,
    null as usd_per_hour,
    usd_per_mtok,
    observed_at
from (
    select *
    from marts.api_price_history
    where observed_at <= ts::timestamptz
    qualify row_number() over (partition by price_key order by observed_at desc, run_id desc) = 1
)
where change <> 'gone';
comment on macro table main.price_asof is 'Every price valid at a moment: GPU configurations seen in the 13 hours before it, API prices since their last change. One argument: a timestamp.';
