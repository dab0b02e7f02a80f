-- The assumptions behind the boards.
select assumption, value, unit, note, source
from reference.assumptions
order by assumption
