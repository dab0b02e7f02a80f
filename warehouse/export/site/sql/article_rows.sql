-- The article's tables: as printed, recomputed from its own inputs (rounded to cents at full load first, as it does, and
-- exactly), and what the newest run says of the same thing, counted the article's way. A rented machine: the cheapest
-- ranked one for batch work (1,024 tokens in and out, no limits), GPU and disk over generated tokens. An API: the cheapest
-- seller by input plus output price.
with rented as (
    select
        article.row,
        (board.gpu_usd_per_hour + board.storage_usd_per_hour)
        / (board.output_tokens_per_s * 3600 * article.utilization) * 1e6 as usd_per_mtok,
        board.usd_per_hour,
        board.output_tokens_per_s,
        board.gpu,
        board.quant,
        board.source as seller,
        board.price_kind
    from reference.article_rows as article
    inner join marts.leaderboard as board
        on board.workload = 'batch'
        and board.kind = 'self_hosted'
        and board.place is not null
        and board.gpu_count = 1
        and board.board = article.board
        and board.model = article.model
        and board.quant = article.quant
        and list_contains(string_split(article.gpus, ' '), board.gpu)
    qualify row_number() over (partition by article.row order by usd_per_mtok, board.gpu, board.source) = 1
),

endpoints as (
    select
        prices.model,
        prices.provider,
        prices.source,
        max(prices.usd_per_mtok) filter (where prices.component = 'input')::double as input_usd_per_mtok,
        max(prices.usd_per_mtok) filter (where prices.component = 'output')::double as output_usd_per_mtok
    from core.api_prices as prices
    where
        prices.run_id = (select max(newest.run_id) from core.api_prices as newest)
        and prices.status = 'ok'
        and prices.channel <> 'registry'
        and prices.tier = 'standard'
        and prices.time_band = 'all'
        and prices.context_min_tokens = 0
    group by prices.model, prices.provider, prices.source, prices.endpoint, prices.quant
),

sold as (
    select *
    from endpoints
    where input_usd_per_mtok is not null and output_usd_per_mtok is not null
    qualify row_number() over (
        partition by model order by input_usd_per_mtok + output_usd_per_mtok, provider, source
    ) = 1
)

select
    article.article_table,
    article.row,
    article.usd_per_hour,
    article.tokens_per_s,
    article.utilization,
    article.input_usd_per_mtok,
    article.claimed_usd_per_mtok,
    coalesce(
        round(article.usd_per_hour / (article.tokens_per_s * 3600) * 1e6, 2) / article.utilization,
        article.output_usd_per_mtok
    ) as article_usd_per_mtok,
    coalesce(
        article.usd_per_hour / (article.tokens_per_s * 3600 * article.utilization) * 1e6, article.output_usd_per_mtok
    ) as exact_usd_per_mtok,
    coalesce(rented.usd_per_mtok, sold.output_usd_per_mtok) as now_usd_per_mtok,
    sold.input_usd_per_mtok as now_input_usd_per_mtok,
    rented.usd_per_hour as now_usd_per_hour,
    rented.output_tokens_per_s as now_tokens_per_s,
    rented.gpu as now_gpu,
    rented.quant as now_quant,
    coalesce(rented.seller, sold.provider) as now_seller,
    rented.price_kind as now_price_kind
from reference.article_rows as article
left join rented using (row)
left join sold on article.article_table = 'apis' and article.model = sold.model
order by article.article_table <> 'configurations', article.article_table <> 'apis', article.utilization desc, article.row
