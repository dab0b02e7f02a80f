"""Priced and ranked: offers x estimates x workloads -> boards, and what is decided on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import polars as pl

from flows.stages.raw import METHODOLOGY_VERSION
from scrapers.contract import Source
from transforms import audit, breakeven, cost, offers, ranking, throughput
from transforms.assumptions import Assumptions
from warehouse.store import Warehouse


def rank(
    warehouse: Warehouse, run_id: str, as_of: datetime, sources: Sequence[Source], reference: Mapping[str, pl.DataFrame]
) -> dict[str, pl.DataFrame]:
    """From what is stored up to this run to the boards. Returns the tables of schema marts, by name."""
    assumptions = Assumptions.of(reference["assumptions"])
    models, quants, workloads, gpus = (reference[name] for name in ("models", "quants", "workloads", "gpus"))
    gpu_prices = offers.gpu_prices(_offers_up_to(warehouse, run_id), gpus, assumptions, as_of)
    # What does not fit or misses the service level is two thirds of all, on no board: `pertoken estimate` says why.
    estimates = estimate(cost.configurations(gpu_prices, models, workloads), reference).filter(
        pl.col("reason").is_null()
    )
    boarded = [source.name for source in sources if source.kind == "api" and not source.cross_check]
    current = warehouse.current_prices(run_id).filter(pl.col("source").is_in(boarded))
    api_prices = cost.once_per_seller(current, reference["provider_names"])
    leaderboard = ranking.leaderboard(
        cost.self_hosted(gpu_prices, estimates, workloads, quants, assumptions),
        cost.api(api_prices, workloads, models, quants, assumptions, as_of),
        METHODOLOGY_VERSION,
        as_of,
    )
    article = reference["article_claims"]
    claims = audit.evidence(audit.claims(article), article, gpu_prices, api_prices)
    return {
        "gpu_prices": gpu_prices,
        "throughput": estimates,
        "leaderboard": leaderboard,
        "break_even": breakeven.break_even(leaderboard, models, assumptions),
        "api_comparison": cost.api_comparison(api_prices, as_of),
        "claims_audit": claims,
    }


def _offers_up_to(warehouse: Warehouse, run_id: str) -> pl.DataFrame:
    return pl.concat([warehouse.rows("core.gpu_offers", run_id), warehouse.offers_before(run_id)], how="diagonal")


def estimate(configurations: pl.DataFrame, reference: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Throughput of each configuration, with the reference tables an estimate needs."""
    return throughput.estimate(
        configurations, *(reference[name] for name in ("gpus", "models", "quants", "calibration", "benchmarks"))
    )
