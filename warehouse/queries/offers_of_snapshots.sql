-- The offers of given (source, run_id, snapshot). The bounds on run_id keep the scan to the blocks of those runs.
select
    offer.*,
    snapshots.snapshot
from core.gpu_offers as offer
inner join snapshots using (run_id, source)
where offer.run_id between $first_run and $last_run
order by offer.source, snapshots.snapshot, offer.price_kind, offer.offer_id
