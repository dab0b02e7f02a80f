-- What the boards speak of, once: their moment, the rules they were made by, and whether they are live.
select
    max(as_of) as as_of,
    max(methodology_version) as methodology_version,
    max(provenance) as provenance
from marts.leaderboard
