-- GPUs and models that no run up to an earlier one had on offer and a later run has, from sources that answered before;
-- and spellings that nobody knows yet, seen for the first time. $run_id, $then_run_id.
with known_sources as (
    select distinct source
    from core.source_runs
    where run_id <= $then_run_id and outcome <> 'failed'
),

gpus as (
    select gpu as name, source, min(run_id) as run_id, min(observed_at) as since_at, min(usd_per_gpu_hour) as usd
    from marts.gpu_price_history
    where run_id <= $run_id
    group by gpu, source
),

models as (
    select
        model as name,
        source,
        min(run_id) as run_id,
        min(observed_at) as since_at,
        min(usd_per_mtok) filter (where component = 'output') as usd
    from marts.api_price_history
    where run_id <= $run_id and model is not null and channel <> 'registry'
    group by model, source
),

spellings as (
    select 'unknown ' || kind as kind, name, source, min(run_id) as run_id, min(observed_at) as since_at
    from core.unknown_names
    where run_id <= $run_id and kind in ('gpu', 'model')
    group by all
),

seen as (
    select 'gpu' as kind, * from gpus
    union all by name
    select 'model' as kind, * from models
    union all by name
    select * from spellings
)

select
    kind,
    name,
    string_agg(distinct source, ', ' order by source) filter (where source in (from known_sources)) as sources,
    min(since_at) as since_at,
    min(usd)::double as usd
from seen
group by kind, name
having min(run_id) > $then_run_id and sources is not null
order by kind, since_at, name
