"""From which load on renting is cheaper than buying: utilisation, tokens per hour, monthly volume."""

from __future__ import annotations

from typing import Final

import polars as pl

from transforms import ranking
from transforms.assumptions import Assumptions

GRID_PERCENT: Final = (100, 50, 30, 20, 10, 5)
SERVED: Final = ["board", "workload", "model", "quant"]
TOLD: Final = ["place", "quant_class", "source", "gpu", "gpu_count", "price_kind", "usd_per_hour"]
"""What is said of the configuration that is set against the APIs."""
STAMP: Final = ["as_of", "provenance", "methodology_version"]


def break_even(board: pl.DataFrame, models: pl.DataFrame, assumptions: Assumptions) -> pl.DataFrame:
    """Set the cheapest configuration of each board, workload, model and quantisation against the APIs.

    board: `marts.leaderboard`. Comparators: the same model at hosts that serve it in the same quantisation class
    (`same_model_cheapest`, `same_model_median`), at any host (`any_quant_cheapest`), and each frontier model.
    Where no host sells that class the row says `no_comparator`; where full load is not enough, `never`.
    `break_even_utilization` is of one machine's capacity under the workload's limits. `mtok_per_month` is the smallest
    volume at which some whole machine of the board (`volume_…`) pays, `mtok_per_month_always` the volume from which
    adding whole machines never loses again. `usd_per_mtok_at_…` is self-hosting at that utilisation in percent.
    """
    ranked = (pl.col("kind") == "self_hosted") & pl.col("place").is_not_null() & (pl.col("board") != "combined")
    hosted = _per_request(board.filter(ranked))
    cheapest = hosted.sort("place").unique(SERVED, keep="first", maintain_order=True)
    rivals = comparators(board, models)
    pairs = cheapest.join(rivals, on=["workload", "model"], how="inner").filter(
        pl.col("api_quant_class").is_null() | (pl.col("api_quant_class") == pl.col("quant_class"))
    )
    pairs = pl.concat([pairs, _without_comparator(cheapest, pairs)], how="diagonal")
    volumes = _smallest_volumes(hosted, pairs, assumptions)
    key = [*SERVED, "comparator", "comparator_model"]
    return (
        pairs.join(volumes, on=key, how="left", nulls_equal=True, validate="1:1")
        .with_columns(_break_even(), *_grid())
        .with_columns(
            tokens_per_hour=pl.col("break_even_utilization") * pl.col("full_requests_per_hour") * _tokens(),
            verdict=pl.when(pl.col("usd_per_request_api").is_null())
            .then(pl.lit("no_comparator"))
            .when(pl.col("break_even_utilization").is_null())
            .then(pl.lit("never"))
            .otherwise(pl.lit("self_hosted_from")),
        )
        .select(
            *SERVED,
            "quant_class",
            "source",
            "gpu",
            "gpu_count",
            "price_kind",
            "comparator",
            "comparator_model",
            "comparator_provider",
            "comparator_hosts",
            "usd_per_hour",
            usd_per_mtok_full_load="usd_per_mtok_at_100",
            usd_per_mtok_api=pl.col("usd_per_request_api") / _tokens() * 1e6,
            break_even_utilization="break_even_utilization",
            verdict="verdict",
            tokens_per_hour="tokens_per_hour",
            mtok_per_month="mtok_per_month",
            mtok_per_month_always="mtok_per_month_always",
            volume_source="volume_source",
            volume_gpu="volume_gpu",
            volume_gpu_count="volume_gpu_count",
            **{f"usd_per_mtok_at_{percent}": f"usd_per_mtok_at_{percent}" for percent in GRID_PERCENT[1:]},
            as_of="as_of",
            provenance="provenance",
            methodology_version="methodology_version",
        )
        .sort(*key, nulls_last=True)
    )


def comparators(board: pl.DataFrame, models: pl.DataFrame) -> pl.DataFrame:
    """What one request costs at the APIs a model is compared with, per workload.

    Columns: workload, model (the self-hosted one), comparator, comparator_model, comparator_provider (NULL for a
    median), comparator_hosts, api_quant_class (NULL: any), usd_per_request_api.
    """
    sold = board.filter(pl.col("board") == "api", pl.col("place").is_not_null()).select(
        "workload",
        "model",
        comparator_model="model",
        comparator_provider="provider",
        api_quant_class="quant_class",
        usd_per_request_api=pl.col("usd_per_1k_requests") / 1000,
    )
    by_price = sold.sort("usd_per_request_api", "comparator_provider")
    cheapest = {
        "comparator_model": pl.col("comparator_model").first(),
        "comparator_provider": pl.col("comparator_provider").first(),
        "comparator_hosts": pl.col("comparator_provider").n_unique().cast(pl.Int64),
        "usd_per_request_api": pl.col("usd_per_request_api").first(),
    }
    of_class = by_price.group_by("workload", "model", "api_quant_class", maintain_order=True)
    median = cheapest | {
        "comparator_provider": pl.lit(None, pl.String),
        "usd_per_request_api": pl.col("usd_per_request_api").median(),
    }
    own = [
        of_class.agg(**cheapest).with_columns(comparator=pl.lit("same_model_cheapest")),
        of_class.agg(**median).with_columns(comparator=pl.lit("same_model_median")),
        by_price.group_by("workload", "model", maintain_order=True)
        .agg(**cheapest)
        .with_columns(comparator=pl.lit("any_quant_cheapest"), api_quant_class=pl.lit(None, pl.String)),
    ]
    frontier = (
        ranking.frontier(board, models)
        .select(
            "workload",
            comparator=pl.lit("frontier"),
            comparator_model="model",
            comparator_provider="provider",
            comparator_hosts=pl.lit(1, pl.Int64),
            api_quant_class=pl.lit(None, pl.String),
            usd_per_request_api=pl.col("usd_per_1k_requests") / 1000,
        )
        .join(board.filter(pl.col("kind") == "self_hosted").select("workload", "model").unique(), on="workload")
    )
    return pl.concat([*own, frontier], how="diagonal")


def _tokens() -> pl.Expr:
    return pl.col("isl_tokens") + pl.col("osl_tokens")


def _per_request(hosted: pl.DataFrame) -> pl.DataFrame:
    """What a machine costs whatever it does, what a request adds, and how many requests it can take in an hour."""
    full = pl.col("output_tokens_per_s") * 3600 / pl.col("osl_tokens")
    return hosted.select(
        *SERVED,
        *TOLD,
        *STAMP,
        "isl_tokens",
        "osl_tokens",
        fixed_usd_per_hour=pl.col("gpu_usd_per_hour") + pl.col("storage_usd_per_hour"),
        full_requests_per_hour=full,
        traffic_usd_per_request=pl.col("traffic_usd_per_hour") / (full * pl.col("utilization")),
    )


def _saving() -> pl.Expr:
    """USD saved per request by not buying it; NULL where the traffic alone costs more than the API."""
    saving = pl.col("usd_per_request_api") - pl.col("traffic_usd_per_request")
    return pl.when(saving > 0).then(saving)


def _break_even() -> pl.Expr:
    utilization = pl.col("fixed_usd_per_hour") / (_saving() * pl.col("full_requests_per_hour"))
    return pl.when(utilization <= 1).then(utilization).alias("break_even_utilization")


def _grid() -> list[pl.Expr]:
    def at(percent: int) -> pl.Expr:
        served = pl.col("full_requests_per_hour") * (percent / 100)
        per_request = pl.col("fixed_usd_per_hour") / served + pl.col("traffic_usd_per_request")
        return (per_request / _tokens() * 1e6).alias(f"usd_per_mtok_at_{percent}")

    return [at(percent) for percent in GRID_PERCENT]


def _without_comparator(cheapest: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    same = pairs.filter(pl.col("comparator") == "same_model_cheapest")
    return cheapest.join(same, on=SERVED, how="anti").with_columns(
        comparator=pl.lit("same_model_cheapest"), comparator_model=pl.col("model")
    )


def _smallest_volumes(hosted: pl.DataFrame, pairs: pl.DataFrame, assumptions: Assumptions) -> pl.DataFrame:
    """Over all configurations of a field: the smallest volume one machine needs, and the one that stays worth it.

    With price p per machine, capacity c and saving s per request, one machine pays from p/s (if that is within c).
    Adding machine n+1 at volume n·c costs p at once, so it never loses again from n = p/(s·c - p) on; that many
    machines pay from n·p/s.
    """
    key = [*SERVED, "comparator", "comparator_model"]
    rivals = pairs.select(*key, "usd_per_request_api").filter(pl.col("usd_per_request_api").is_not_null())
    machine = pl.col("fixed_usd_per_hour") / _saving()
    margin = _saving() * pl.col("full_requests_per_hour") - pl.col("fixed_usd_per_hour")
    steps = pl.max_horizontal((pl.col("fixed_usd_per_hour") / margin).ceil(), 1.0)
    monthly = assumptions.month_hours * _tokens() / 1e6
    return (
        hosted.join(rivals, on=SERVED, how="inner")
        .with_columns(_break_even())
        .filter(pl.col("break_even_utilization").is_not_null())
        .with_columns(
            mtok_per_month=machine * monthly,
            mtok_per_month_always=pl.when(margin > 0).then(steps * machine * monthly),
        )
        .sort("mtok_per_month", "place")
        .group_by(key, maintain_order=True)
        .agg(
            pl.col("mtok_per_month").first(),
            pl.col("mtok_per_month_always").min(),
            volume_source=pl.col("source").first(),
            volume_gpu=pl.col("gpu").first(),
            volume_gpu_count=pl.col("gpu_count").first(),
        )
    )
