-- Workloads of the boards.
select
    workload,
    purpose,
    isl_tokens,
    osl_tokens,
    cached_input_fraction,
    ttft_slo_ms,
    min_tokens_per_s_per_user,
    default_utilization,
    spot_allowed,
    api_tier,
    source
from reference.workloads
where on_board = 'yes'
