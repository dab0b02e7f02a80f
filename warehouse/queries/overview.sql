-- Per workload and model the cheapest way on the combined board: self-hosted, beside the same model at an API host.
-- $workload, $model, $quant: NULL for any. $top: models per workload, cheapest first.
with ranked as (
    select
        workload, model, quant, kind, source, provider, gpu, gpu_count, usd_per_hour, usd_per_mtok, usd_per_mtok_low,
        usd_per_mtok_high, output_tokens_per_s, throughput_basis, utilization, observed_at, provenance
    from marts.leaderboard
    where board = 'combined'
      and place is not null
      and ($workload is null or workload = $workload)
      and ($model is null or model = $model)
      and ($quant is null or quant = $quant)
    qualify row_number() over (partition by workload, model, kind order by usd_per_mtok, source, provider, gpu) = 1
),
paired as (
    select
        coalesce(s.workload, a.workload) as workload,
        coalesce(s.model, a.model) as model,
        s.usd_per_mtok as self_usd_per_mtok,
        s.usd_per_mtok_low as self_usd_per_mtok_low,
        s.usd_per_mtok_high as self_usd_per_mtok_high,
        s.gpu, s.gpu_count, s.quant as self_quant, s.source as self_source, s.usd_per_hour,
        s.output_tokens_per_s, s.throughput_basis, s.observed_at as self_observed_at,
        a.usd_per_mtok as api_usd_per_mtok, a.provider as api_provider, a.quant as api_quant,
        a.source as api_source, a.observed_at as api_observed_at,
        coalesce(s.provenance, a.provenance) as provenance
    from (select * from ranked where kind = 'self_hosted') as s
    full join (select * from ranked where kind = 'api') as a using (workload, model)
)
select *
from paired
where self_usd_per_mtok is not null or $model is not null
qualify row_number() over (
    partition by workload order by least(self_usd_per_mtok, coalesce(api_usd_per_mtok, self_usd_per_mtok)), model
) <= $top
order by workload, least(coalesce(self_usd_per_mtok, api_usd_per_mtok), coalesce(api_usd_per_mtok, self_usd_per_mtok)), model
