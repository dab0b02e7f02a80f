-- The API prices of given (source, run_id, snapshot). The bounds on run_id keep the scan to the blocks of those runs.
select
    price.*,
    snapshots.snapshot
from core.api_prices as price
inner join snapshots using (run_id, source)
where price.run_id between $first_run and $last_run
order by price.source, price.price_key
