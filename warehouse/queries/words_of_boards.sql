-- Every word that a row of the boards can be named by, but for places.
select distinct word
from (
    select unnest([
        board, workload, model, quant, kind, lower(source), lower(provider), tier, lower(endpoint), gpu, gpu_count || 'x'
    ]) as word
    from marts.leaderboard
)
where word is not null
