-- The newest moment the file speaks of; NULL where it holds no run.
select max(as_of) as as_of
from core.runs
