-- marts.gpu_price_history: the rows of one run.
insert into marts.gpu_price_history by name
select
    $run_id as run_id,
    $as_of::timestamptz as as_of,
    board,
    source,
    gpu,
    gpu_count,
    market,
    price_kind,
    interconnect,
    usd_per_hour,
    usd_per_hour_min,
    usd_per_hour_p10,
    usd_per_hour_p25,
    usd_per_hour_p50,
    usd_per_gpu_hour,
    n_offers,
    n_machines,
    price_rule,
    observed_at,
    provenance
from marts.gpu_prices
where freshness = 'fresh'
order by board, source, gpu, gpu_count, price_kind
