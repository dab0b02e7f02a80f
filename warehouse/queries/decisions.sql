-- The newest decision per price.
select *
from core.decisions
qualify row_number() over (partition by subject order by decided_at desc) = 1
order by subject
