-- The workloads that have a board, in the order of the reference table.
select workload, purpose, isl_tokens, osl_tokens, ttft_slo_ms, min_tokens_per_s_per_user, default_utilization
from reference.workloads
where on_board = 'yes'
