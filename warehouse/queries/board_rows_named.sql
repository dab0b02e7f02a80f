-- Whole rows of the boards that each of $words names: by board, workload, model, quantisation, source, provider, tier,
-- endpoint, GPU, count of GPUs ("2x") or place ("#1"). Ranked ones first, cheapest first.
select *
from marts.leaderboard
where list_bool_and(
    list_transform(
        $words::text[],
        lambda word: coalesce(
            list_contains(
                [
                    board, workload, model, quant, kind, lower(source), lower(provider), tier, lower(endpoint), gpu,
                    gpu_count || 'x', '#' || place
                ],
                word
            ),
            false
        )
    )
)
  and ($board is null or board = $board)
order by place is null, usd_per_mtok nulls last, board, workload, model, quant, source, provider, gpu, gpu_count, endpoint
limit $top
