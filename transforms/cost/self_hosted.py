"""GPU prices and throughput -> what rented machines cost per token, all-in."""

from __future__ import annotations

from typing import Final

import polars as pl

from transforms import offers
from transforms.assumptions import Assumptions
from transforms.cost.request import denominations

SHAPE: Final = ["gpu", "memory_gib", "gpu_count", "interconnect"]
"""What a GPU configuration's throughput hangs on."""
SERVED: Final = ["model", "quant", "workload"]


def configurations(gpu_prices: pl.DataFrame, models: pl.DataFrame, workloads: pl.DataFrame) -> pl.DataFrame:
    """Every distinct thing to estimate: GPU configuration x model and quantisation x workload, never offers.

    Columns: gpu, memory_gib, gpu_count, interconnect, model, quant, workload and the workload's lengths and limits.
    """
    served = (
        models.select("model", quant=pl.col("serve_quants").str.split("|"))
        .explode("quant")
        .filter(pl.col("quant").fill_null("") != "")
    )
    asked = workloads.filter(pl.col("on_board") == "yes").select(
        "workload",
        "isl_tokens",
        "osl_tokens",
        "cached_input_fraction",
        "ttft_slo_ms",
        "min_tokens_per_s_per_user",
    )
    return gpu_prices.select(SHAPE).unique().sort(SHAPE).join(served, how="cross").join(asked, how="cross")


def self_hosted(
    gpu_prices: pl.DataFrame,
    estimates: pl.DataFrame,
    workloads: pl.DataFrame,
    quants: pl.DataFrame,
    assumptions: Assumptions,
) -> pl.DataFrame:
    """Price every GPU configuration for everything it can serve, all-in.

    estimates: one row per (gpu, memory_gib, gpu_count, interconnect, model, quant, workload); those that do not fit or
    miss the limits are left out here, their reason stands with the estimate. `usd_per_hour` is the GPU part, the disk
    for the weights and the traffic at the row's utilization, so that price per token x tokens served = price per hour.
    The band is the price from the board's to the median, over the throughput from high to low.
    """
    fitting = estimates.filter(pl.col("fits"), pl.col("output_tokens_per_s").is_not_null()).drop(
        "isl_tokens", "osl_tokens", "cached_input_fraction", strict=False
    )
    if fitting.select(*SHAPE, *SERVED).is_duplicated().any():
        raise ValueError("estimates: more than one row for a configuration, model, quantisation and workload")
    asked = workloads.select(
        "workload", "isl_tokens", "osl_tokens", "cached_input_fraction", "default_utilization", "spot_allowed"
    )
    rows = (
        gpu_prices.join(fitting, on=SHAPE, how="inner", maintain_order="left")
        .join(asked, on="workload", how="left", validate="m:1", maintain_order="left")
        .join(quants.select("quant", "quant_class"), on="quant", how="left", validate="m:1", maintain_order="left")
        .with_columns(
            kind=pl.lit("self_hosted"),
            machines=pl.col("n_machines"),
            utilization=pl.col("default_utilization").cast(pl.Float64),
        )
    )
    return priced(rows, assumptions).with_columns(exclusion_reason=_unrankable(assumptions))


def priced(rows: pl.DataFrame, assumptions: Assumptions) -> pl.DataFrame:
    """Adds what the rows cost at their `utilization`.

    Needs usd_per_hour (GPU part), usd_per_hour_p50, weights_gib, output_tokens_per_s with _low and _high, isl_tokens,
    osl_tokens and the terms of the offer. `usd_per_hour` becomes the all-in price, its parts stand beside it.
    """
    at_full_load = pl.col("output_tokens_per_s") * 3600 / pl.col("osl_tokens")
    traffic = (
        pl.col("osl_tokens") * assumptions.egress_bytes_per_output_token * pl.col("egress_usd_per_gb").fill_null(0.0)
        + pl.col("isl_tokens")
        * (1 - pl.col("cached_input_fraction"))
        * assumptions.ingress_bytes_per_input_token
        * pl.col("ingress_usd_per_gb").fill_null(0.0)
    ) / 1e9
    parts = rows.with_columns(
        gpu_usd_per_hour=pl.col("usd_per_hour"),
        gpu_usd_per_hour_p50=pl.max_horizontal("usd_per_hour", "usd_per_hour_p50"),
        storage_usd_per_hour=offers.disk_usd_per_hour(pl.col("weights_gib"), assumptions),
        traffic_usd_per_request=traffic,
        requests_per_hour=at_full_load,
    )
    served = pl.col("requests_per_hour") * pl.col("utilization")
    low = pl.col("output_tokens_per_s_low") / pl.col("output_tokens_per_s")
    high = pl.col("output_tokens_per_s_high") / pl.col("output_tokens_per_s")
    cheapest = pl.col("gpu_usd_per_hour") + pl.col("storage_usd_per_hour")
    dearest = pl.col("gpu_usd_per_hour_p50") + pl.col("storage_usd_per_hour")
    per_request = cheapest / served + pl.col("traffic_usd_per_request")
    tokens = pl.col("isl_tokens") + pl.col("osl_tokens")
    return parts.with_columns(
        traffic_usd_per_hour=pl.col("traffic_usd_per_request") * served,
        usd_per_hour=per_request * served,
        usd_per_mtok_low=(cheapest / (served * high) + pl.col("traffic_usd_per_request")) / tokens * 1e6,
        usd_per_mtok_high=(dearest / (served * low) + pl.col("traffic_usd_per_request")) / tokens * 1e6,
        **denominations(per_request),
    )


def _unrankable(assumptions: Assumptions) -> pl.Expr:
    weights = pl.col("weights_gib")
    return (
        pl.when(pl.col("exclusion_reason").is_not_null())
        .then("exclusion_reason")
        .when((pl.col("board") == "interruptible") & (pl.col("spot_allowed") != "yes"))
        .then(pl.lit("interruptible: not for this workload"))
        .when(offers.disk_too_small(weights, assumptions))
        .then(pl.lit("disk_too_small for the weights"))
    )
