-- Names of the newest run that the reference tables do not know, most rows first.
select source, kind, name, detail, rows, observed_at
from core.unknown_names
qualify rank() over (partition by source order by observed_at desc) = 1
order by rows desc, source, name
limit $top
