-- The names an alert can speak of, by kind: model, workload, gpu, source.
select 'model' as kind, model as name
from reference.models
union all
select 'workload' as kind, workload as name
from reference.workloads
union all
select 'gpu' as kind, gpu as name
from reference.gpus
union all
select 'source' as kind, source as name
from marts.source_health
