-- Size of each answer of a run beside the newest answer to the same request in the runs before it.
with asked as (
    select run_id, source, concat_ws(' ', method, path, request_json) as request, path, body_bytes
    from raw.captures
    where run_id <= $run_id
        and run_id >= $first_run
        and status between 200 and 299
)

select
    now.source,
    now.path,
    now.body_bytes,
    max_by(past.body_bytes, past.run_id) as last_good_bytes
from asked as now
left join asked as past
    on past.source = now.source and past.request = now.request and past.run_id < now.run_id
where now.run_id = $run_id
group by now.source, now.request, now.path, now.body_bytes
order by now.source, now.path
