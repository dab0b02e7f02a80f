-- Versions, dates and assumptions behind the newest finished run.
with run as (
    select *
    from core.runs
    where as_of is not null
    order by run_id desc
    limit 1
)

select facts.key, facts.value, run.methodology_version as version
from run
cross join lateral (
    select unnest([
        {'key': 'contract_version', 'value': $contract_version},
        {'key': 'methodology_version', 'value': run.methodology_version},
        {'key': 'software_version', 'value': run.software_version},
        {'key': 'run_id', 'value': run.run_id},
        {'key': 'as_of', 'value': strftime(run.as_of, '%Y-%m-%dT%H:%M:%SZ')},
        {'key': 'provenance', 'value': run.provenance},
        {'key': 'first_run', 'value': $first_run},
        {'key': 'built_in', 'value': strftime(run.started_at, '%Y-%m')},
        {'key': 'schema_fingerprint', 'value': $schema_fingerprint}
    ], recursive := true)
) as facts
union all
select 'assumption.' || assumption, concat_ws(' ', value::text, unit), run.methodology_version
from reference.assumptions
cross join run
