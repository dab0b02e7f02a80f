-- The article's claims, recomputed.
select
    claim_id,
    claim,
    inputs,
    recomputed,
    verdict,
    right_number,
    qualifier,
    live_evidence,
    evidence_at
from marts.claims_audit
order by claim_id
