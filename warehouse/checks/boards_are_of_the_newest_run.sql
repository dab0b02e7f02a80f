-- Is a board older, or of another provenance, than the newest finished run?
select board.as_of, board.provenance, run.as_of as run_as_of, run.provenance as run_provenance, count(*) as n_rows
from marts.leaderboard as board
cross join (select * from core.runs where as_of is not null order by run_id desc limit 1) as run
where board.as_of <> run.as_of or board.provenance <> run.provenance
group by all
