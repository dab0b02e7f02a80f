-- Is a percentile of a configuration's machines below a lower one?
select board, source, gpu, gpu_count, usd_per_hour_min, usd_per_hour_p10, usd_per_hour_p25, usd_per_hour_p50
from marts.gpu_prices
where usd_per_hour_min > usd_per_hour_p10
    or usd_per_hour_p10 > usd_per_hour_p25
    or usd_per_hour_p25 > usd_per_hour_p50
