-- API prices that a seller itself lists and that changed, came or went, in the 31 days before the newest run. What the
-- first answer of a source holds is no news. Newest first.
with newest as (
    select max(as_of) as as_of
    from core.runs
),

first_answers as (
    select source, min(run_id) as run_id
    from marts.api_price_history
    group by source
)

select
    history.run_id,
    history.observed_at,
    history.source,
    history.provider,
    history.model,
    history.model_name,
    history.component,
    history.tier,
    history.endpoint,
    history.change,
    history.old_usd_per_mtok::double as old_usd,
    history.usd_per_mtok::double as new_usd,
    history.provenance
from marts.api_price_history as history
inner join first_answers using (source)
cross join newest
where history.run_id > first_answers.run_id
    and history.channel <> 'registry'
    and history.observed_at > newest.as_of - interval 31 days
order by history.run_id desc, history.source, history.provider, history.model_name, history.tier, history.component,
    history.price_key
