-- Whole API prices of the newest run in which each source was asked. $source, $models: NULL for any.
-- Only of sources that have a place on the boards: registries are second readings.
select price.*
from core.api_prices as price
inner join (
    select source, max(run_id) as run_id
    from core.source_runs
    where kind = 'api'
    group by source
) as newest using (source, run_id)
where ($source is null or price.source = $source)
  and ($models is null or list_contains($models, price.model))
  and price.source in (select source from marts.leaderboard where board = 'api')
