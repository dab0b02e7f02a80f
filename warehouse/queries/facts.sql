-- Some rows of the methodology.
select key, value
from main.methodology
where key in (select unnest($keys))
