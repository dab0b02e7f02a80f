-- The audited claims of the article. $verdict: NULL for any.
select claim_id, claim, verdict, recomputed, right_number, qualifier, live_evidence, evidence_at
from marts.claims_audit
where $verdict is null or verdict = $verdict
order by claim_id
