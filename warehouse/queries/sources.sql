-- How each source fared: last success, age, rows and what is wrong with it.
select
    source, kind, outcome, last_success_at, age_hours, records, ok, held, quarantined, unknown_names, truncated, seconds, error
from marts.source_health
order by kind desc, source
