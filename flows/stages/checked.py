"""Normalised and checked: names into ids, then every guard."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from flows.stages.parsed import Parsed
from transforms import normalise, offers, quality
from transforms.assumptions import Assumptions
from warehouse.store import Warehouse

HISTORY_SNAPSHOTS = 28
"""Runs looked back for what is usual: a week of six-hourly runs."""


def check(
    warehouse: Warehouse, run_id: str, parsed: Parsed, reference: Mapping[str, pl.DataFrame]
) -> dict[str, pl.DataFrame]:
    """Names into ids, then every guard. Returns the rows of this run for schema core, by table name."""
    named_offers, unknown_gpus = normalise.gpu_offers(parsed.offers, reference["gpus"], reference["gpu_names"])
    checked_offers = quality.check_offers(
        named_offers,
        reference["gpus"],
        parsed.as_of,
        usual_prices=warehouse.usual_gpu_prices(run_id, runs=HISTORY_SNAPSHOTS),
        usual_counts=warehouse.usual_offer_counts(run_id, runs=HISTORY_SNAPSHOTS).filter(
            pl.col("source").is_in(parsed.sources["source"].implode())
        ),
    )
    named_prices, unknown_models = normalise.api_prices(
        parsed.prices, reference["model_names"], reference["quant_names"]
    )
    earlier = warehouse.source_runs_before(run_id, runs=HISTORY_SNAPSHOTS)
    checked_prices = quality.check_prices(
        named_prices,
        _asked(parsed.sources, warehouse, run_id),
        parsed.as_of,
        last_good=warehouse.last_good_prices(run_id),
        previous=warehouse.prices_before(run_id),
        decisions=warehouse.decisions(),
        trailing_counts=earlier.filter(pl.col("outcome") == "ok").select("source", "records"),
        exceptions=reference["price_exceptions"],
        provider_names=reference["provider_names"],
    )
    assumptions = Assumptions.of(reference["assumptions"])
    unknown = pl.concat([unknown_gpus, unknown_models])
    return {
        "gpu_offers": offers.on_boards(checked_offers.offers, reference["gpus"], assumptions),
        "api_prices": checked_prices.prices,
        "unknown_names": unknown,
        "price_changes": checked_prices.changes,
        "findings": parsed.findings,
        "source_runs": _source_runs(parsed.sources, checked_offers, checked_prices, unknown),
    }


def _asked(sources: pl.DataFrame, warehouse: Warehouse, run_id: str) -> pl.DataFrame:
    """The API sources of this run for the price guards, each with the reason to suspect its bodies, if there is one.

    A source of which anything was set apart counts as partial: what is missing from it was not taken off its list.
    """
    sizes = quality.odd_sizes(warehouse.body_sizes(run_id))
    set_apart = pl.col("set_apart") & (pl.col("outcome") == "ok")
    asked = sources.filter(pl.col("kind") == "api").select(
        "source",
        pl.when(set_apart).then(pl.lit("partial")).otherwise("outcome").alias("outcome"),
        "canaries",
        "min_records",
    )
    return asked.join(sizes, on="source", how="left", validate="1:1")


def _source_runs(
    sources: pl.DataFrame, checked_offers: quality.CheckedOffers, checked_prices: quality.Checked, unknown: pl.DataFrame
) -> pl.DataFrame:
    statuses = pl.concat(
        [checked_offers.offers.select("source", "status"), checked_prices.prices.select("source", "status")]
    )
    counts = statuses.group_by("source").agg(
        *((pl.col("status") == status).sum().cast(pl.Int64).alias(status) for status in ("ok", "held", "quarantined"))
    )
    verdicts = pl.concat(
        [
            frame.filter(pl.col("verdict") != "healthy").select("source", "verdict", "reasons")
            for frame in (checked_offers.books, checked_prices.sources)
        ]
    ).unique("source", keep="first", maintain_order=True)
    names = unknown.group_by("source").agg(pl.len().cast(pl.Int64).alias("unknown_names"))
    return (
        sources.drop("canaries", "min_records", "set_apart")
        .join(counts, on="source", how="left", validate="1:1")
        .join(names, on="source", how="left", validate="1:1")
        .join(verdicts, on="source", how="left", validate="1:1")
        .with_columns(pl.col("ok", "held", "quarantined", "unknown_names").fill_null(0))
    )
