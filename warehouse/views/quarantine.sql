create or replace view core.quarantine as
select
    run_id,
    observed_at,
    'gpu_offer' as kind,
    source,
    offer_key as subject,
    gpu_name as name,
    status,
    reasons
from core.gpu_offers
where status <> 'ok'
union all
select
    run_id,
    observed_at,
    'api_price' as kind,
    source,
    price_key as subject,
    model_name as name,
    status,
    reasons
from core.api_prices
where status <> 'ok'
union all
select
    finding.run_id,
    run.started_at as observed_at,
    'response' as kind,
    finding.source,
    finding.where_ as subject,
    finding.sha256 as name,
    finding.kind as status,
    [finding.what] as reasons
from core.findings as finding
inner join core.runs as run using (run_id)
where finding.kind = 'quarantined';
comment on view core.quarantine is 'Every offer, price and part of a response that was set apart, with its reasons. Key: none.';
comment on column core.quarantine.run_id is 'The run. [id]';
comment on column core.quarantine.observed_at is 'When it was fetched; for a response, when the run began. [UTC]';
comment on column core.quarantine.kind is 'gpu_offer, api_price or response. [text]';
comment on column core.quarantine.source is 'The source. [id]';
comment on column core.quarantine.subject is 'offer_key, price_key, or the part of the response. [id]';
comment on column core.quarantine.name is 'GPU or model as the source spells it; the SHA-256 of a response. [text]';
comment on column core.quarantine.status is 'held, quarantined, stale, retired or contact_sales. [text]';
comment on column core.quarantine.reasons is 'Why. [text]';
