-- API prices that moved and were not believed between two runs, newest first; each price once. $run_id, $then_run_id.
select
    provider,
    model,
    source,
    component,
    tier,
    old_usd_per_mtok,
    new_usd_per_mtok,
    factor,
    verdict,
    evidence,
    observed_at,
    price_key
from core.price_changes
where run_id > coalesce($then_run_id, '') and run_id <= $run_id and verdict in ('held', 'rejected')
qualify row_number() over (partition by price_key order by run_id desc) = 1
order by observed_at desc, abs(ln(factor)) desc nulls last, price_key
