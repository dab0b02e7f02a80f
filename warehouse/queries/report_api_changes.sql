-- API prices that a seller itself lists and that differ between two runs. Registries repeat others and are left out.
-- $run_id, $then_run_id.
with changes as (
    select *
    from marts.api_price_history
    where run_id > $then_run_id and run_id <= $run_id and channel <> 'registry'
),

before as (
    select price_key, old_usd_per_mtok
    from changes
    qualify row_number() over (partition by price_key order by run_id) = 1
),

after as (
    select *
    from changes
    qualify row_number() over (partition by price_key order by run_id desc) = 1
)

select
    after.provider,
    after.model,
    after.model_name,
    after.component,
    after.tier,
    after.source,
    after.observed_at as since_at,
    before.old_usd_per_mtok,
    after.usd_per_mtok as new_usd_per_mtok,
    after.usd_per_mtok::double / nullif(before.old_usd_per_mtok, 0)::double as factor
from after
inner join before using (price_key)
where before.old_usd_per_mtok <> after.usd_per_mtok
order by abs(ln(factor)) desc nulls last, after.provider, after.model_name, after.component, after.price_key
