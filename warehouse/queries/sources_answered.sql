-- Whose prices the newest run holds, and when they were last read.
select source, kind, outcome, last_success_at, records, ok as believed
from marts.source_health
order by kind, source
