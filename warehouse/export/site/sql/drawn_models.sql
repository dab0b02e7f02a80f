-- Models with a history to draw: the same prices as api_price_history.
select distinct model
from marts.api_price_history
where
    model is not null
    and channel <> 'registry'
    and tier = 'standard'
    and context_min_tokens = 0
    and component in ('input', 'output', 'cache_read')
order by model
