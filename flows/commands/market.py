"""Boards priced anew, on today's published prices, for what the published boards do not hold: own workloads, models,
GPU prices, or another way to serve. The same steps as a refresh takes, for one workload and a few models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from flows.custom import OwnPrice, offers_of
from flows.settings import BadSetting
from flows.terminal import frame
from transforms import cost, offers, ranking, throughput
from transforms.assumptions import Assumptions

Reference = Mapping[str, pl.DataFrame]


def estimate(configurations: pl.DataFrame, reference: Reference) -> pl.DataFrame:
    """Throughput of each configuration, with the reference tables an estimate needs."""
    return throughput.estimate(
        configurations, *(reference[name] for name in ("gpus", "models", "quants", "calibration", "benchmarks"))
    )


def gpu_prices(published: Path, reference: Reference, own: Sequence[OwnPrice] = ()) -> pl.DataFrame:
    """`marts.gpu_prices` as published, with own prices as further sources. Raises BadSetting for a taken name."""
    public = frame(published, "board_prices", source=None, gpu=None)
    if not own:
        return public
    if taken := {price.source for price in own} & set(public["source"]):
        raise BadSetting(
            f"own GPU prices cannot be named after a source: {', '.join(sorted(taken))}; name them otherwise"
        )
    (moment,) = frame(published, "newest_board").iter_rows(named=True)
    book = offers_of(own, reference, moment["as_of"])
    priced = offers.gpu_prices(book, reference["gpus"], Assumptions.of(reference["assumptions"]), moment["as_of"])
    return pl.concat([public, priced.select(public.columns).cast(public.schema)])


def self_hosted(prices: pl.DataFrame, estimates: pl.DataFrame, reference: Reference) -> pl.DataFrame:
    """What each configuration costs for what it serves, all-in."""
    assumptions = Assumptions.of(reference["assumptions"])
    served = estimates.filter(pl.col("reason").is_null())
    return cost.self_hosted(prices, served, reference["workloads"], reference["quants"], assumptions)


def board(
    published: Path, reference: Reference, own: Sequence[OwnPrice], models: Sequence[str], workload: str
) -> pl.DataFrame:
    """`marts.leaderboard` of one workload: `models` self-hosted and at APIs, and the frontier models at APIs."""
    workloads = reference["workloads"].filter(pl.col("workload") == workload)
    served = reference["models"].filter(pl.col("model").is_in(models))
    bought = [*models, *reference["models"].filter(pl.col("frontier") == "yes")["model"]]
    prices = gpu_prices(published, reference, own)
    newest = frame(published, "newest_api_prices", source=None, models=bought)
    api_prices = cost.once_per_seller(newest, reference["provider_names"])
    (moment,) = frame(published, "newest_board").iter_rows(named=True)
    hosted = self_hosted(prices, estimate(cost.configurations(prices, served, workloads), reference), reference)
    assumptions = Assumptions.of(reference["assumptions"])
    api = cost.api(api_prices, workloads, reference["models"], reference["quants"], assumptions, moment["as_of"])
    return ranking.leaderboard(hosted, api, moment["methodology_version"], moment["as_of"])
