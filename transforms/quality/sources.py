"""Verdicts on a whole source: enough rows, the right ones, not too much changed at once, a body of usual size."""

from __future__ import annotations

import polars as pl

from transforms.quality import limits
from transforms.quality.history import carried


def judge_sources(
    asked: pl.DataFrame, rows: pl.DataFrame, previous: pl.DataFrame, trailing_counts: pl.DataFrame
) -> pl.DataFrame:
    """One row per source asked: outcome, verdict (healthy, suspect, frozen, failed), reasons, and the counts behind it.

    rows: this run's, one per key, with moved, expected and person. known: rows that have a last good price;
    changed_share is over them, and the announced and the accepted do not count as changed.
    """
    unexplained = pl.col("moved") & ~pl.col("expected") & pl.col("person").ne_missing("accept")
    read = rows.group_by("source").agg(
        records=pl.len().cast(pl.Int64),
        known=pl.col("old_usd_per_mtok").is_not_null().sum().cast(pl.Int64),
        changed=unexplained.sum().cast(pl.Int64),
        names=pl.col("model_name").str.to_lowercase().unique(),
    )
    # Against what the run before read, not against all we remember: a page that has changed for good is new only once.
    still_there = previous.filter(~carried()).join(
        rows.select("price_key", there=pl.lit(value=True)), on="price_key", how="left", validate="m:1"
    )
    before = still_there.group_by("source").agg(
        read_before=pl.len().cast(pl.Int64), vanished=pl.col("there").is_null().sum().cast(pl.Int64)
    )
    usual = trailing_counts.group_by("source").agg(records_usual=pl.col("records").cast(pl.Float64).median())
    beside = asked
    for frame in (read, before, usual):
        beside = beside.join(frame, on="source", how="left", validate="1:1", maintain_order="left")
    beside = beside.with_columns(
        pl.col("records", "known", "changed", "read_before", "vanished").fill_null(0),
        pl.col("names").fill_null(pl.lit([], pl.List(pl.String))),
    ).with_columns(
        doubts=pl.concat_list(_doubts()).list.drop_nulls(),
        changed_share=pl.when(pl.col("known") > 0).then(pl.col("changed") / pl.col("known")),
    )
    frozen = (pl.col("known") >= limits.FREEZE_FROM_KNOWN_ROWS) & (
        pl.col("changed_share") > limits.FREEZE_ABOVE_CHANGED_SHARE
    )
    verdict = (
        pl.when(pl.col("outcome") == "failed")
        .then(pl.lit("failed"))
        .when(frozen)
        .then(pl.lit("frozen"))
        .when(pl.col("doubts").list.len() > 0)
        .then(pl.lit("suspect"))
        .otherwise(pl.lit("healthy"))
    )
    reasons = pl.concat_list("doubts", _say(frozen, "many_rows_changed")).list.drop_nulls()
    return beside.select(
        "source", "outcome", "records", "records_usual", "known", "changed_share", verdict=verdict, reasons=reasons
    )


def _doubts() -> list[pl.Expr]:
    answered = pl.col("outcome") != "failed"
    canaries = pl.col("canaries").list.eval(pl.element().str.to_lowercase())
    canaries_seen = canaries.list.set_intersection("names").list.len()
    turnover = pl.col("vanished") > limits.FREEZE_ABOVE_CHANGED_SHARE * pl.col("read_before")
    return [
        _say(answered & (pl.col("records") < pl.col("min_records")), "too_few_rows"),
        _say(
            answered & (pl.col("records") < limits.LEAST_SHARE_OF_USUAL_ROWS * pl.col("records_usual")),
            "fewer_rows_than_usual",
        ),
        _say(answered & (canaries.list.len() > 0) & (canaries_seen == 0), "canaries_missing"),
        _say(answered & turnover & (pl.col("read_before") >= limits.FREEZE_FROM_KNOWN_ROWS), "known_rows_vanished"),
        pl.when(answered).then("suspect"),
    ]


def _say(condition: pl.Expr, reason: str) -> pl.Expr:
    return pl.when(condition).then(pl.lit(reason))


def odd_sizes(sizes: pl.DataFrame) -> pl.DataFrame:
    """Sources whose answer is far smaller or larger than the last good answer to the same request.

    sizes: source, path, body_bytes, last_good_bytes (null = never answered before). Answer: source, suspect (String).
    """
    ratio = pl.col("body_bytes") / pl.col("last_good_bytes")
    low, high = limits.BODY_SIZE_RATIO
    said = pl.format("body {} times the last good ({})", ratio.round(2), "path")
    return (
        sizes.filter((pl.col("last_good_bytes") > 0) & ~ratio.is_between(low, high))
        .group_by("source", maintain_order=True)
        .agg(suspect=said.first())
    )
