"""The guard over time: what each price was when it was last believed, how far it moved, and what carries the gap."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import polars as pl

from transforms.quality import limits
from transforms.quality.rows import same, same_but

FAMILY: Final = ("source", "provider", "model_name", "component", "tier")
"""What stays when a page splits a price by context, by hours or by endpoint, and gives it new keys."""


def with_past(
    rows: pl.DataFrame, last_good: pl.DataFrame, previous: pl.DataFrame, decisions: pl.DataFrame
) -> pl.DataFrame:
    """Beside each row (key `price_key`) what is known of it.

    Adds old_usd_per_mtok, old_promo_until, old_list_usd_per_mtok (last good; null = never seen),
    known_least, known_most (Float64: last good prices of the same seller, model, component and tier under any key),
    was_status (this very price in the previous run: held, quarantined, …; null = another price or none),
    person (the newest decision on this very price: accept, reject or null).
    """
    old = last_good.select(
        "price_key",
        old_usd_per_mtok="usd_per_mtok",
        old_promo_until="promo_until",
        old_list_usd_per_mtok="list_usd_per_mtok",
    )
    usd = pl.col("usd_per_mtok").cast(pl.Float64)
    known = last_good.group_by(family=same(FAMILY)).agg(known_least=usd.min(), known_most=usd.max())
    read_before = previous.filter(~carried()).select(
        "price_key", was_usd="usd_per_mtok", was_status="status", was_at="observed_at"
    )
    decided = (
        decisions.sort("decided_at")
        .group_by("subject", "value_usd_per_mtok")
        .agg(person=pl.col("verdict").last())
        .rename({"subject": "price_key", "value_usd_per_mtok": "usd_per_mtok"})
    )
    repeated = (pl.col("was_usd") == pl.col("usd_per_mtok")) & (pl.col("was_at") < pl.col("observed_at"))
    return (
        rows.join(old, on="price_key", how="left", validate="m:1", maintain_order="left")
        .with_columns(family=same(FAMILY))
        .join(known, on="family", how="left", validate="m:1", maintain_order="left")
        .join(read_before.unique("price_key"), on="price_key", how="left", validate="m:1", maintain_order="left")
        .join(decided, on=["price_key", "usd_per_mtok"], how="left", validate="m:1", maintain_order="left")
        .with_columns(was_status=pl.when(repeated).then("was_status"))
        .drop("was_usd", "was_at", "family")
    )


def carried() -> pl.Expr:
    """True for a row that a run repeated from an earlier one, instead of reading it."""
    return pl.col("reasons").list.contains("carried_forward")


def with_movement(rows: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """Adds factor (new over old), moved (Boolean, against last good) and expected (a promotion's announced end)."""
    new, old = pl.col("usd_per_mtok").cast(pl.Float64), pl.col("old_usd_per_mtok").cast(pl.Float64)
    factor = pl.when((new > 0) & (old > 0)).then(new / old)
    over = pl.col("old_promo_until") <= as_of.date()
    back_to_list = pl.col("usd_per_mtok") == pl.col("old_list_usd_per_mtok")
    list_unsaid = pl.col("old_list_usd_per_mtok").is_null() & (factor < limits.REJECT_FACTOR)
    return rows.with_columns(
        factor=factor,
        moved=pl.col("old_usd_per_mtok").is_not_null() & pl.col("usd_per_mtok").ne_missing(pl.col("old_usd_per_mtok")),
        expected=((factor > 1) & over & (back_to_list | list_unsaid)).fill_null(value=False),
    )


def _why_carried() -> pl.Expr:
    return (
        pl.when(pl.col("read_status").is_not_null())
        .then("read_status")
        .when(pl.col("outcome") == "failed")
        .then(pl.lit("source_failed"))
        .when((pl.col("outcome") == "partial") | (pl.col("verdict") != "healthy"))
        .then(pl.lit("absent_from_suspect"))
        .otherwise(pl.lit("absent"))
    )


def size_of_move() -> pl.Expr:
    """How many times dearer or cheaper than before, whichever way; at least 1."""
    return pl.max_horizontal(pl.col("factor"), 1 / pl.col("factor"))


def carry_forward(
    rows: pl.DataFrame, verdicts: pl.DataFrame, last_good: pl.DataFrame, previous: pl.DataFrame, as_of: datetime
) -> pl.DataFrame:
    """The last good price of every key that brought no usable one in this run, with why; observed_at keeps its age.

    rows: this run's, with status. verdicts: source, outcome, verdict of the sources asked; others carry nothing.
    status ok up to `limits.FRESH_FOR`, then stale; retired after a second absence from a source that is otherwise well.
    """
    read = rows.select("price_key", read_status="status")
    settled = pl.col("read_status").is_in(["ok", "retired", "contact_sales"]).fill_null(value=False)
    gone_before = pl.col("status").is_in(["retired", "contact_sales"])
    before = (
        previous.filter(carried() | gone_before)
        .group_by("price_key")
        .agg(was_absent=pl.col("reasons").list.contains("absent").any(), was_gone=gone_before.any())
    )
    asked = verdicts.select("source", "outcome", "verdict")
    age = pl.lit(as_of) - pl.col("observed_at")
    kept = (
        last_good.filter(age <= limits.REMEMBER_FOR)
        .join(read, on="price_key", how="left", validate="1:1", maintain_order="left")
        .filter(~settled)
        .join(asked, on="source", how="inner", validate="m:1", maintain_order="left")
        .join(before, on="price_key", how="left", validate="1:1", maintain_order="left")
    )
    kept = _with_superseded(kept, rows).with_columns(
        pl.col("was_absent", "was_gone").fill_null(value=False), why=_why_carried()
    )
    absent = pl.col("read_status").is_null()
    absent_again = pl.col("was_absent") & (pl.col("why") == "absent")
    superseded = absent & pl.col("superseded")
    gone = superseded | (absent & (pl.col("was_gone") | absent_again))
    why_gone = pl.when(superseded).then(pl.lit("superseded")).otherwise(pl.lit("absent_twice"))
    still_absent = pl.when(absent & pl.col("was_absent") & (pl.col("why") != "absent")).then(pl.lit("absent"))
    return kept.with_columns(
        status=pl.when(gone)
        .then(pl.lit("retired"))
        .when(age <= limits.FRESH_FOR)
        .then(pl.lit("ok"))
        .otherwise(pl.lit("stale")),
        reasons=pl.concat_list(
            pl.lit("carried_forward"), pl.when(gone).then(why_gone).otherwise("why"), still_absent
        ).list.drop_nulls(),
    )


def _with_superseded(kept: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Adds superseded: one price for all hours has become a peak and an off-peak price, or the other way round.

    Waiting for a second absence here would leave an old price beside the new ones, and perhaps below them.
    """
    now = rows.filter(pl.col("status") == "ok").select(
        but_hours=same_but("time_band"), banded=pl.col("time_band") != "all"
    )
    then = kept.with_columns(but_hours=same_but("time_band"), banded=pl.col("time_band") == "all")
    return then.join(
        now.unique().with_columns(superseded=pl.lit(value=True)),
        on=["but_hours", "banded"],
        how="left",
        validate="m:1",
        maintain_order="left",
    ).with_columns(pl.col("superseded").fill_null(value=False))
