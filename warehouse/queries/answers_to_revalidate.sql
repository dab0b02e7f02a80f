-- The newest good answer to each GET that carried an ETag or a date, since $first_run: it is asked for again only if changed.
select *
from raw.captures
where run_id >= $first_run
    and method = 'GET'
    and status = 200
    and (etag is not null or last_modified is not null)
qualify row_number() over (partition by source, url order by run_id desc, seq desc) = 1
order by source, url
