"""What each way to spend less brings, on our own estimates and today's prices: USD per 1M tokens before and after.

Quantisation, batching, right-sizing, interruptible machines, scale to zero: one lever at a time, everything else as it
was, so the factors do not multiply up.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from transforms.assumptions import Assumptions
from transforms.offers import interruptions_per_hour
from transforms.plan import DAY_HOURS, cold_start_seconds

FIELD: Final = ["workload", "model"]
CLASSES: Final = {"16bit": 0, "8bit": 1, "4bit": 2}
LEVERS: Final = pl.Schema(
    {
        "workload": pl.String(),
        "model": pl.String(),
        "lever": pl.String(),
        "before": pl.String(),
        "after": pl.String(),
        "usd_per_mtok_before": pl.Float64(),
        "usd_per_mtok_after": pl.Float64(),
        "factor": pl.Float64(),
    }
)
"""`factor` is before over after: above 1 the lever saves."""


def single_stream(board: pl.DataFrame, configurations: pl.DataFrame) -> pl.DataFrame:
    """The leading trusted configuration of each workload and model, to be estimated serving one request at a time.

    configurations: as `cost.configurations` made them. Returns their rows with `concurrency` 1 and the latency limits
    lifted, ready for the estimator; price the result like any other and hand it to `what_if`.
    """
    keys = ["gpu", "memory_gib", "gpu_count", "interconnect", "model", "quant", "workload"]
    return configurations.join(_leaders(board), on=keys, how="semi", maintain_order="left").with_columns(
        concurrency=pl.lit(1.0),
        ttft_slo_ms=pl.lit(None, pl.Float64),
        min_tokens_per_s_per_user=pl.lit(None, pl.Float64),
    )


def what_if(board: pl.DataFrame, one_at_a_time: pl.DataFrame, assumptions: Assumptions) -> pl.DataFrame:
    """Set each lever of each workload and model against doing without it, columns `LEVERS`.

    board: `marts.leaderboard`. one_at_a_time: `cost.self_hosted` rows of the `single_stream` estimates.
    """
    leaders = _leaders(board)
    found = [
        _quantisation(board),
        _batching(leaders, one_at_a_time),
        _right_sizing(board, leaders),
        _interruptible(board, leaders, assumptions),
        _scale_to_zero(leaders, assumptions),
    ]
    ready = [rows.select(*LEVERS.names()[:-1]) for rows in found]
    return (
        pl.concat(ready)
        .with_columns(factor=pl.col("usd_per_mtok_before") / pl.col("usd_per_mtok_after"))
        .cast(LEVERS)
        .sort(*FIELD, "lever", "before", "after")
    )


def _leaders(board: pl.DataFrame) -> pl.DataFrame:
    return board.filter(pl.col("board") == "trusted", pl.col("place") == 1)


def _label() -> pl.Expr:
    return pl.format("{} x {}, {}, {}", "gpu_count", "gpu", "quant", "source")


def _quantisation(board: pl.DataFrame) -> pl.DataFrame:
    """The cheapest configuration of each class of bits against that of the next class with more."""
    best = (
        board.filter(
            pl.col("board") == "trusted", pl.col("place").is_not_null(), pl.col("quant_class").is_in(list(CLASSES))
        )
        .sort("place")
        .unique([*FIELD, "quant_class"], keep="first", maintain_order=True)
        .with_columns(label=_label(), bits=pl.col("quant_class").replace_strict(CLASSES, return_dtype=pl.Int64))
        .sort(*FIELD, "bits")
    )
    return best.with_columns(
        lever=pl.lit("quantisation"),
        before=pl.col("label").shift(1).over(FIELD),
        after="label",
        usd_per_mtok_before=pl.col("usd_per_mtok").shift(1).over(FIELD),
        usd_per_mtok_after="usd_per_mtok",
    ).filter(pl.col("before").is_not_null())


def _batching(leaders: pl.DataFrame, one_at_a_time: pl.DataFrame) -> pl.DataFrame:
    """The leading configuration with one request at a time against as many as the limits allow."""
    keys = [*FIELD, "quant", "source", "gpu", "gpu_count"]
    alone = one_at_a_time.filter(pl.col("board") == "trusted").select(*keys, usd_per_mtok_before="usd_per_mtok")
    return leaders.join(alone, on=keys, how="inner", validate="1:1").with_columns(
        lever=pl.lit("batching"),
        before=pl.format("{}, one request at a time", _label()),
        after=pl.format("{} requests at a time", "concurrency"),
        usd_per_mtok_after="usd_per_mtok",
    )


def _right_sizing(board: pl.DataFrame, leaders: pl.DataFrame) -> pl.DataFrame:
    """The cheapest of the largest machines on the board against the leading configuration, in the same quantisation."""
    largest = (
        board.filter(pl.col("board") == "trusted", pl.col("place").is_not_null())
        .sort("gpu_count", "place", descending=[True, False])
        .unique([*FIELD, "quant"], keep="first", maintain_order=True)
        .select(*FIELD, "quant", before=_label(), usd_per_mtok_before="usd_per_mtok")
    )
    return (
        leaders.join(largest, on=[*FIELD, "quant"], how="inner", validate="1:1")
        .with_columns(lever=pl.lit("right-sizing"), after=_label(), usd_per_mtok_after="usd_per_mtok")
        .filter(pl.col("before") != pl.col("after"))
    )


def _interruptible(board: pl.DataFrame, leaders: pl.DataFrame, assumptions: Assumptions) -> pl.DataFrame:
    """The leader against the cheapest interruptible configuration, with the time lost to interruptions paid for."""
    lost = interruptions_per_hour(assumptions) * assumptions.restart_hours
    cheapest = board.filter(pl.col("board") == "interruptible", pl.col("place") == 1).select(
        *FIELD,
        after=_label(),
        usd_per_mtok_after=pl.col("usd_per_mtok") * (1 + lost),
    )
    return leaders.join(cheapest, on=FIELD, how="inner", validate="1:1").with_columns(
        lever=pl.lit("interruptible"), before=_label(), usd_per_mtok_before="usd_per_mtok"
    )


def _scale_to_zero(leaders: pl.DataFrame, assumptions: Assumptions) -> pl.DataFrame:
    """Always on at the workload's utilisation against the same load in one block a day at the planned headroom.

    The machine is on for the block and one cold start, and off for the rest of the day.
    """
    cold_hours = cold_start_seconds(pl.col("weights_gib"), assumptions) / 3600
    awake = (DAY_HOURS * pl.col("utilization") / assumptions.headroom + cold_hours).clip(upper_bound=DAY_HOURS)
    return leaders.filter(pl.col("utilization") < assumptions.headroom).with_columns(
        lever=pl.lit("scale to zero"),
        before=pl.format("always on at {} utilization", "utilization"),
        after=pl.format("on for {} h a day", awake.round(1)),
        usd_per_mtok_before="usd_per_mtok",
        usd_per_mtok_after=pl.col("usd_per_mtok") * awake / DAY_HOURS,
    )
