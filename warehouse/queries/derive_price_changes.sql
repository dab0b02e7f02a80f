-- marts.price_changes as of one run: GPU prices against the newest run 24, 168 or 720 hours older (up to an hour less, for
-- no two runs take equally long, and up to 13 hours more), API prices against what was valid then.
insert into marts.price_changes by name
with windows as (
    select
        unnest([24, 168, 720]) as window_hours,
        $as_of::timestamptz - to_hours(window_hours - 1) as then_at
),

gpu_recent as (
    select
        *,
        concat_ws('|', board, source, gpu, gpu_count) as configuration,
        usd_per_gpu_hour is distinct from lag(usd_per_gpu_hour) over (
            partition by board, source, gpu, gpu_count
            order by run_id
        ) as moved
    from marts.gpu_price_history
    where as_of >= $as_of::timestamptz - to_hours(720 + 13)
        and run_id <= $run_id
        and usd_per_gpu_hour is not null
),

gpu_since as (
    select configuration, max(observed_at) filter (where moved) as since_at
    from gpu_recent
    group by configuration
),

gpu_then as (
    select gpu_recent.*, windows.window_hours
    from gpu_recent
    inner join windows
        on gpu_recent.as_of between windows.then_at - interval 14 hours and windows.then_at
    qualify row_number() over (partition by windows.window_hours, configuration order by run_id desc) = 1
),

gpu_moves as (
    select
        'gpu' as kind,
        past.window_hours,
        now.board,
        now.source,
        now.gpu,
        now.gpu_count,
        now.price_kind,
        past.usd_per_gpu_hour as old_usd_per_gpu_hour,
        now.usd_per_gpu_hour as new_usd_per_gpu_hour,
        now.usd_per_gpu_hour / past.usd_per_gpu_hour as factor,
        past.observed_at as old_observed_at,
        now.observed_at as new_observed_at,
        gpu_since.since_at,
        now.provenance
    from gpu_recent as now
    inner join gpu_then as past using (configuration)
    inner join gpu_since using (configuration)
    where now.run_id = $run_id
        and now.usd_per_gpu_hour <> past.usd_per_gpu_hour
),

api_now as (
    select *
    from marts.api_price_history
    where run_id <= $run_id
    qualify row_number() over (partition by price_key order by run_id desc) = 1
),

api_then as (
    select history.*, windows.window_hours
    from marts.api_price_history as history
    inner join windows on history.observed_at <= windows.then_at
    where history.run_id <= $run_id
    qualify row_number() over (partition by windows.window_hours, price_key order by run_id desc) = 1
),

api_moves as (
    select
        'api' as kind,
        past.window_hours,
        now.source,
        now.price_key,
        now.provider,
        now.model,
        now.model_name,
        now.component,
        now.tier,
        past.usd_per_mtok as old_usd_per_mtok,
        now.usd_per_mtok as new_usd_per_mtok,
        now.usd_per_mtok::double / nullif(past.usd_per_mtok, 0)::double as factor,
        past.observed_at as old_observed_at,
        now.observed_at as new_observed_at,
        now.observed_at as since_at,
        now.provenance
    from api_now as now
    inner join api_then as past using (price_key)
    where now.usd_per_mtok <> past.usd_per_mtok
)

select * from gpu_moves
union all by name
select * from api_moves
order by kind, window_hours, factor
