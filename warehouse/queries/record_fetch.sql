insert into raw.fetches
    (run_id, source, requests, bytes, seconds, truncated, truncated_why, error, finished_at)
values ($run_id, $source, $requests, $bytes, $seconds, $truncated, $truncated_why, $error, $finished_at)
