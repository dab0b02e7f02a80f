-- How each source fared in the newest run.
select
    source,
    kind,
    outcome,
    last_success_at,
    failures_in_a_row,
    records,
    ok,
    held,
    quarantined,
    unknown_names,
    truncated,
    error,
    verdict,
    array_to_string(reasons, ', ') as reasons
from marts.source_health
order by kind desc, source
