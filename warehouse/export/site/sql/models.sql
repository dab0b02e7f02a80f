-- Models that stand on some board.
select
    models.model,
    models.name,
    models.frontier = 'yes' as is_frontier,
    models.openness = 'open' as is_open,
    models.total_params_b,
    models.active_params_b
from reference.models as models
where models.model in (select leaderboard.model from marts.leaderboard where leaderboard.place is not null)
order by lower(models.name)
