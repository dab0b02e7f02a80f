-- Does a ranked row name a model, GPU or workload that is not in the reference?
select board, workload, model, gpu
from marts.leaderboard
where place is not null
    and (
        model not in (select model from reference.models)
        or workload not in (select workload from reference.workloads)
        or gpu not in (select gpu from reference.gpus)
    )
