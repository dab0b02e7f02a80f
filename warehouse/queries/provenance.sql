-- Whether the boards stand on live or on recorded responses, and of which days.
select
    max(provenance) as provenance,
    min(observed_at) as first_observed,
    max(observed_at) as last_observed
from marts.leaderboard
