-- marts.gpu_price_history: the rows of one run. What was carried over from an earlier run is not seen again.
insert into marts.gpu_price_history by name
select
    $run_id as run_id,
    $as_of::timestamptz as as_of,
    board,
    source,
    market,
    price_kind,
    gpu,
    gpu_count,
    usd_per_hour,
    usd_per_gpu_hour,
    usd_per_hour_min,
    usd_per_hour_p10,
    usd_per_hour_p25,
    usd_per_hour_p50,
    price_rule,
    n_offers,
    n_machines,
    exclusion_reason,
    observed_at,
    provenance
from marts.gpu_prices
where freshness = 'fresh'
order by board, source, gpu, gpu_count
