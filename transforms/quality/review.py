"""What waits for a person, with all that is known of it, and a decision turned into rows."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

import polars as pl

from transforms.quality.history import carried

WAITING_FIELDS: Final = (
    "source",
    "provider",
    "model_name",
    "model",
    "component",
    "tier",
    "status",
    "reasons",
    "usd_per_mtok",
)


def waiting(prices: pl.DataFrame, agreement: pl.DataFrame, decisions: pl.DataFrame) -> pl.DataFrame:
    """The held and quarantined prices of one run that no decision has settled yet, largest move first.

    prices: checked prices of one run, carried rows included. agreement: as `check_prices` answers it, or empty.
    Answer: price_key, source, provider, model_name, model, component, tier, status, reasons, usd_per_mtok (as read),
    last_good_usd_per_mtok, last_good_at, factor (new over old), second ("litellm 1.32, openrouter 1.30"), raw_text,
    observed_at.
    """
    good = prices.filter(carried()).select(
        "price_key", last_good_usd_per_mtok="usd_per_mtok", last_good_at="observed_at"
    )
    said = pl.format("{} {}", "second_source", pl.col("second_usd_per_mtok").cast(pl.Float64))
    seconds = agreement.sort("gap").group_by("price_key", maintain_order=True).agg(second=said.str.join(", "))
    settled = decisions.select(price_key="subject", usd_per_mtok="value_usd_per_mtok").unique()
    factor = pl.col("usd_per_mtok").cast(pl.Float64) / pl.col("last_good_usd_per_mtok").cast(pl.Float64)
    size = pl.max_horizontal(pl.col("factor"), 1 / pl.col("factor"))
    return (
        prices.filter(pl.col("status").is_in(["held", "quarantined"]) & ~carried())
        .join(settled, on=["price_key", "usd_per_mtok"], how="anti", maintain_order="left")
        .join(good, on="price_key", how="left", validate="1:1", maintain_order="left")
        .join(seconds, on="price_key", how="left", validate="1:1", maintain_order="left")
        .with_columns(factor=factor)
        .sort(size, "price_key", descending=[True, False], nulls_last=True)
        .select(
            "price_key",
            *WAITING_FIELDS,
            "last_good_usd_per_mtok",
            "last_good_at",
            "factor",
            "second",
            "raw_text",
            "observed_at",
        )
    )


def decide(
    waiting: pl.DataFrame,
    subject: str,
    verdict: Literal["accept", "reject"],
    *,
    reason: str,
    decided_by: str,
    decided_at: datetime,
) -> pl.DataFrame:
    """A person's word on one price (`subject` = its price_key) or on all of a source (`subject` = its name), as rows.

    A decision holds for that key at that value and no other. Raises ValueError for a subject that does not wait, for an
    empty reason, and for accepting what has no price.
    """
    if not reason.strip():
        raise ValueError("A decision needs a reason: say why the price is right or wrong.")
    chosen = waiting.filter((pl.col("price_key") == subject) | (pl.col("source") == subject))
    if chosen.is_empty():
        raise ValueError(
            f"Nothing waits for review under {subject!r}; run the review without a subject to see what does."
        )
    if (
        chosen.height == 1
        and verdict == "accept"
        and not chosen.select((pl.col("usd_per_mtok") > 0).fill_null(value=False)).item()
    ):
        raise ValueError(f"{subject!r} was read without a price, so there is none to accept.")
    return chosen.filter(pl.col("usd_per_mtok") > 0).select(
        decided_at=pl.lit(decided_at),
        subject="price_key",
        value_usd_per_mtok="usd_per_mtok",
        verdict=pl.lit(verdict),
        reason=pl.lit(reason.strip()),
        decided_by=pl.lit(decided_by),
    )
