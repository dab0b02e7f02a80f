"""Priced rows -> boards with places and reasons, views of a board, and what stands behind one row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import polars as pl

from transforms.assumptions import Assumptions
from transforms.cost.self_hosted import SHAPE

FIELD: Final = ["board", "workload", "model"]
"""Rows compete within a field."""
KEY: Final = [*FIELD, "quant", "kind", "source", "provider", "tier", "gpu", "gpu_count", "endpoint"]

LEADERBOARD: Final = pl.Schema(
    {
        "board": pl.String(),
        "workload": pl.String(),
        "model": pl.String(),
        "quant": pl.String(),
        "quant_class": pl.String(),
        "place": pl.Int64(),
        "kind": pl.String(),
        "source": pl.String(),
        "provider": pl.String(),
        "tier": pl.String(),
        "endpoint": pl.String(),
        "gpu": pl.String(),
        "gpu_count": pl.Int64(),
        "market": pl.String(),
        "price_kind": pl.String(),
        "interconnect": pl.String(),
        "memory_gib": pl.Float64(),
        "price_rule": pl.String(),
        "machines": pl.Int64(),
        "reliability": pl.Float64(),
        "survival_6h": pl.Float64(),
        "snapshots": pl.Int64(),
        "usd_per_hour": pl.Float64(),
        "gpu_usd_per_hour": pl.Float64(),
        "gpu_usd_per_hour_p50": pl.Float64(),
        "storage_usd_per_hour": pl.Float64(),
        "traffic_usd_per_hour": pl.Float64(),
        "tp": pl.Int64(),
        "replicas": pl.Int64(),
        "concurrency": pl.Int64(),
        "isl_tokens": pl.Int64(),
        "osl_tokens": pl.Int64(),
        "cached_input_fraction": pl.Float64(),
        "weights_gib": pl.Float64(),
        "output_tokens_per_s": pl.Float64(),
        "output_tokens_per_s_low": pl.Float64(),
        "output_tokens_per_s_high": pl.Float64(),
        "tokens_per_s_per_user": pl.Float64(),
        "throughput_basis": pl.String(),
        "utilization": pl.Float64(),
        "usd_per_mtok": pl.Float64(),
        "usd_per_mtok_low": pl.Float64(),
        "usd_per_mtok_high": pl.Float64(),
        "usd_per_mtok_output": pl.Float64(),
        "usd_per_1k_requests": pl.Float64(),
        "ttft_ms": pl.Float64(),
        "tpot_ms": pl.Float64(),
        "promo": pl.Boolean(),
        "observed_at": pl.Datetime("us", "UTC"),
        "as_of": pl.Datetime("us", "UTC"),
        "age_hours": pl.Float64(),
        "freshness": pl.String(),
        "exclusion_reason": pl.String(),
        "provenance": pl.String(),
        "methodology_version": pl.String(),
    }
)


def leaderboard(
    self_hosted: pl.DataFrame, api: pl.DataFrame, methodology_version: str, as_of: datetime
) -> pl.DataFrame:
    """Put all boards into one frame, columns `LEADERBOARD`, best first; `place` counts the ranked rows of a field.

    A configuration seen in one snapshot only may be ranked, but not lead: where it would, it waits without a place.
    The combined board holds the trusted and the API rows that may be ranked. Equal prices are ordered by the row's key,
    so that the order of the input never shows. Of a configuration that may not be ranked only the cheapest
    quantisation is listed: the others share its reason. Raises ValueError where two rows share a key.
    """
    stamp = {
        "place": pl.lit(None, pl.Int64),
        "as_of": pl.lit(as_of).cast(pl.Datetime("us", "UTC")),
        "methodology_version": pl.lit(methodology_version),
    }
    told = [name for name in self_hosted.columns if name in LEADERBOARD]
    hosted = _unranked_once(_new_ones_wait(self_hosted).select(told))
    rows = pl.concat([hosted, api], how="diagonal_relaxed").with_columns(**stamp)
    missing = [pl.lit(None, dtype).alias(name) for name, dtype in LEADERBOARD.items() if name not in rows.columns]
    rows = rows.with_columns(missing).select(LEADERBOARD.names()).cast(LEADERBOARD)
    combined = rows.filter(pl.col("board").is_in(["trusted", "api"]), pl.col("exclusion_reason").is_null())
    boards = pl.concat([rows, combined.with_columns(board=pl.lit("combined"))])
    repeated = boards.select(KEY).is_duplicated()
    if repeated.any():
        raise ValueError(f"leaderboard: two rows for {boards.filter(repeated).select(KEY).row(0)}")
    return _placed(boards)


def fastest(board: pl.DataFrame) -> pl.DataFrame:
    """Ranked rows by the speed one user sees, the cheaper first among equals; an API states no speed: left out."""
    return board.filter(pl.col("place").is_not_null(), pl.col("tokens_per_s_per_user").is_not_null()).sort(
        *FIELD, "tokens_per_s_per_user", "usd_per_mtok", descending=[False, False, False, True, False]
    )


def pareto_front(board: pl.DataFrame) -> pl.DataFrame:
    """Ranked rows that no other row of their field beats in both price and speed per user, cheapest first."""
    by_price = board.filter(pl.col("place").is_not_null(), pl.col("tokens_per_s_per_user").is_not_null()).sort(
        *FIELD, "usd_per_mtok", "tokens_per_s_per_user", "place", descending=[False] * 4 + [True, False]
    )
    faster_before = pl.col("tokens_per_s_per_user").cum_max().shift(1).over(FIELD)
    return by_price.filter((pl.col("tokens_per_s_per_user") > faster_before).fill_null(True))


def right_sized(board: pl.DataFrame) -> pl.DataFrame:
    """The cheapest ranked configuration of each source for each quantisation, on every field of the board."""
    return (
        board.filter(pl.col("place").is_not_null(), pl.col("kind") == "self_hosted")
        .sort("place")
        .unique([*FIELD, "quant", "source"], keep="first", maintain_order=True)
    )


def frontier(board: pl.DataFrame, models: pl.DataFrame) -> pl.DataFrame:
    """The ranked API rows of the models kept as the frontier comparison, cheapest first within each workload."""
    names = models.filter(pl.col("frontier") == "yes").select("model")
    return (
        board.filter(pl.col("board") == "api", pl.col("place") == 1)
        .join(names, on="model", how="semi")
        .sort("workload", "usd_per_mtok", "model")
    )


def cheapest_price_points(offers: pl.DataFrame, estimates: pl.DataFrame, k: int) -> pl.DataFrame:
    """The k cheapest of all price points offer × model × quantisation for each workload, without forming them.

    offers: `offer_id`, the configuration (gpu, memory_gib, gpu_count, interconnect) and `usd_per_hour`.
    estimates: the configuration, model, quant, workload and `tokens_per_hour` (input and output, at the utilisation
    asked for). Exact because throughput depends on the configuration alone: the k-th best of the configurations' own
    cheapest offers bounds what can be among the k cheapest, and only offers under that bound are joined.
    """
    rank = ["usd_per_mtok", "offer_id", "model", "quant"]
    cheapest = offers.group_by(SHAPE).agg(usd_per_hour_min=pl.col("usd_per_hour").min())
    best = estimates.join(cheapest, on=SHAPE, how="inner", validate="m:1").with_columns(
        best=pl.col("usd_per_hour_min") / pl.col("tokens_per_hour") * 1e6
    )
    kth_best = pl.when(pl.len() < k).then(float("inf")).otherwise(pl.col("best").bottom_k(k).max())
    bounds = best.group_by("workload").agg(bound=kth_best)
    survivors = best.join(bounds, on="workload", how="left", validate="m:1").filter(pl.col("best") <= pl.col("bound"))
    candidates = offers.sort("usd_per_hour", "offer_id").group_by(SHAPE, maintain_order=True).head(k)
    return (
        survivors.join(candidates, on=SHAPE, how="inner")
        .with_columns(usd_per_mtok=pl.col("usd_per_hour") / pl.col("tokens_per_hour") * 1e6)
        .filter(pl.col("usd_per_mtok") <= pl.col("bound"))
        .sort("workload", *rank)
        .group_by("workload", maintain_order=True)
        .head(k)
        .drop("best", "bound", "usd_per_hour_min")
    )


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything one row of a board rests on, ready to be printed."""

    row: Mapping[str, Any]
    steps: tuple[str, ...]
    """The arithmetic in order, each line with its numbers."""
    price: Mapping[str, Any] | None
    """The row of `marts.gpu_prices`; None for an API."""
    offers: pl.DataFrame
    """The offers of the configuration, cheapest first, also those that do not count and why; API: its prices."""
    estimate: Mapping[str, Any] | None
    assumptions: Mapping[str, float]
    query: str
    """Name of the SQL file that shows the same, and its parameters beside it."""
    parameters: Mapping[str, Any]


def explain(
    row: Mapping[str, Any],
    *,
    gpu_prices: pl.DataFrame,
    gpu_offers: pl.DataFrame,
    api_prices: pl.DataFrame,
    estimates: pl.DataFrame,
    assumptions: Assumptions,
) -> Explanation:
    """Show how a leaderboard row came about. Frames are the published tables, or the pipeline's own.

    Raises ValueError where the row's price is not among `gpu_prices`.
    """
    return (
        _explain_api(row, api_prices, assumptions)
        if row["kind"] == "api"
        else _explain_self_hosted(row, gpu_prices, gpu_offers, estimates, assumptions)
    )


def _new_ones_wait(rows: pl.DataFrame) -> pl.DataFrame:
    """Configurations seen once get no place where they would stand above every established row of their field."""
    if "is_new" not in rows.columns:
        return rows
    ranked = pl.col("exclusion_reason").is_null()
    is_new = pl.col("is_new").fill_null(False)
    established = pl.col("usd_per_mtok").filter(ranked & ~is_new).min().over(FIELD)
    leads = ranked & is_new & (pl.col("usd_per_mtok") < established).fill_null(True)
    waiting = pl.when(leads).then(pl.lit("new: seen in one snapshot, may not lead yet"))
    return rows.with_columns(exclusion_reason=pl.coalesce("exclusion_reason", waiting))


def _unranked_once(rows: pl.DataFrame) -> pl.DataFrame:
    cheapest = pl.col("usd_per_mtok").rank("ordinal").over(*FIELD, "source", "gpu", "gpu_count")
    # A plan may use what its workload's board may not: interruptible rows stay whole.
    listed = pl.col("exclusion_reason").str.starts_with("interruptible:").fill_null(True)
    return rows.sort("quant").filter(listed | (cheapest == 1))


def _placed(boards: pl.DataFrame) -> pl.DataFrame:
    unranked = pl.col("exclusion_reason").is_not_null()
    order = [*FIELD, unranked, "usd_per_mtok", *(name for name in KEY if name not in FIELD)]
    return boards.sort(order, nulls_last=True).with_columns(
        place=pl.when(~unranked).then(pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over(FIELD))
    )


def _explain_self_hosted(
    row: Mapping[str, Any],
    gpu_prices: pl.DataFrame,
    gpu_offers: pl.DataFrame,
    estimates: pl.DataFrame,
    assumptions: Assumptions,
) -> Explanation:
    boards = [row["board"]] if row["board"] != "combined" else ["trusted"]
    configuration = {name: row[name] for name in ("source", "gpu", "gpu_count")}
    prices = _matching(gpu_prices.filter(pl.col("board").is_in(boards)), configuration)
    if prices.is_empty():
        raise ValueError(f"no price of {row['gpu_count']} x {row['gpu']} at {row['source']} on the {boards[0]} board")
    price = prices.row(0, named=True)
    market = _matching(gpu_offers.filter(pl.col("board").is_in(boards)), {n: row[n] for n in ("source", "gpu")})
    book = market.filter(pl.col("run_id") == pl.col("run_id").max()).sort("usd_per_gpu_hour", "offer_id")
    served = {name: row[name] for name in ("gpu", "gpu_count", "interconnect", "model", "quant", "workload")}
    estimate = _matching(estimates, served | {"memory_gib": price["memory_gib"]})
    used = [
        "disk_weights_factor",
        "disk_spare_gb",
        "storage_month_hours",
        "storage_usd_per_gb_month_unsaid",
        "egress_bytes_per_output_token",
        "ingress_bytes_per_input_token",
        "trusted_reliability_min",
        "bait_share",
        "p10_machines_min",
        "median_machines_min",
    ]
    return Explanation(
        row=row,
        steps=_self_hosted_steps(row, price),
        price=price,
        offers=book,
        estimate=estimate.row(0, named=True) if estimate.height else None,
        assumptions={name: getattr(assumptions, name) for name in used},
        query="offers_behind_price",
        parameters={"board": boards[0], "source": row["source"], "gpu": row["gpu"]},
    )


def _self_hosted_steps(row: Mapping[str, Any], price: Mapping[str, Any]) -> tuple[str, ...]:
    tokens = row["isl_tokens"] + row["osl_tokens"]
    requests = row["output_tokens_per_s"] * 3600 / row["osl_tokens"]
    served = requests * row["utilization"]
    count, unit = row["gpu_count"], price["usd_per_gpu_hour"]
    behind = f"{price['price_rule']} over {price['n_machines']} machines of this size"
    if price["n_machines_any_size"] is not None:
        behind += f", {price['n_machines_any_size']} of any size"
    return (
        f"GPU part: {count} x {row['gpu']} at {unit:.4f} = {row['gpu_usd_per_hour']:.4f} USD/h ({behind})",
        f"Disk for {row['weights_gib']:.1f} GiB of weights: {row['storage_usd_per_hour']:.4f} USD/h",
        f"Traffic at this utilization: {row['traffic_usd_per_hour']:.4f} USD/h",
        f"All-in: {row['usd_per_hour']:.4f} USD/h",
        f"Throughput ({row['throughput_basis']}): {row['output_tokens_per_s']:.1f} output tokens/s at full load, "
        f"between {row['output_tokens_per_s_low']:.1f} and {row['output_tokens_per_s_high']:.1f}",
        f"Requests: {row['output_tokens_per_s']:.1f} x 3600 / {row['osl_tokens']} = {requests:.1f} per hour at full "
        f"load, {served:.1f} at utilization {row['utilization']:g}",
        f"Per request: {row['usd_per_hour']:.4f} / {served:.1f} = {row['usd_per_1k_requests'] / 1000:.8f} USD",
        f"Per 1M tokens: over {row['isl_tokens']} + {row['osl_tokens']} = {tokens} tokens a request: "
        f"{row['usd_per_mtok']:.4f} USD (band {row['usd_per_mtok_low']:.4f} to {row['usd_per_mtok_high']:.4f})",
    )


def _explain_api(row: Mapping[str, Any], api_prices: pl.DataFrame, assumptions: Assumptions) -> Explanation:
    sold = {name: row[name] for name in ("source", "provider", "model", "quant", "endpoint")}
    components = _matching(api_prices, sold).sort("tier", "component", "context_min_tokens")
    tokens = row["isl_tokens"] + row["osl_tokens"]
    cached = row["isl_tokens"] * row["cached_input_fraction"]
    steps: tuple[str, ...] = (
        f"Request: {row['isl_tokens']} tokens in ({cached:.0f} of them from the cache), {row['osl_tokens']} out, "
        f"{row['tier']} tier",
    )
    if row["usd_per_mtok"] is not None:
        steps += (
            f"Per request: {row['usd_per_1k_requests'] / 1000:.8f} USD by the prices below",
            f"Per 1M tokens: over {tokens} tokens a request: {row['usd_per_mtok']:.4f} USD",
        )
    if row["exclusion_reason"] is not None:
        steps += (f"Not ranked: {row['exclusion_reason']}",)
    return Explanation(
        row=row,
        steps=steps,
        price=None,
        offers=components,
        estimate=None,
        assumptions={name: getattr(assumptions, name) for name in ("api_fresh_hours", "api_uptime_min")},
        query="prices_behind_endpoint",
        parameters=sold,
    )


def _matching(frame: pl.DataFrame, values: Mapping[str, Any]) -> pl.DataFrame:
    return frame.filter(pl.col(name).eq_missing(pl.lit(value)) for name, value in values.items())
