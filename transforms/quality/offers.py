"""GPU offers: is this a price, for hardware that can exist, seen when it says; and is the book as long as usual."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import polars as pl

from transforms.quality import limits
from transforms.quality.rows import names_of_true

OFFER_KEY: Final = ("source", "price_kind", "offer_id")
FLAGS: Final = ("no_memory", "odd_duration")
"""Said, never acted on: one field of a usable offer is missing or silly."""


@dataclass(frozen=True)
class CheckedOffers:
    """What `check_offers` answers; the columns stand there."""

    offers: pl.DataFrame
    books: pl.DataFrame


def usual_prices(history: pl.DataFrame) -> pl.DataFrame:
    """The median price of one whole GPU, USD per hour: gpu, price_kind, usd_per_gpu_hour.

    history: believed offers of earlier runs (status ok) with gpu, price_kind, usd_per_gpu_hour. GPUs seen too seldom
    to say what is usual are left out.
    """
    seen = history.drop_nulls(["gpu", "usd_per_gpu_hour"]).group_by("gpu", "price_kind")
    usual = seen.agg(pl.col("usd_per_gpu_hour").median(), readings=pl.len())
    return usual.filter(pl.col("readings") >= limits.USUAL_FROM_HISTORY).drop("readings")


def check_offers(
    offers: pl.DataFrame, gpus: pl.DataFrame, as_of: datetime, *, usual_prices: pl.DataFrame, usual_counts: pl.DataFrame
) -> CheckedOffers:
    """Gives every GPU offer of one run a status (ok, held, quarantined) and its reasons, and every book a verdict.

    offers: the fields of a GpuOffer with gpu (null = unknown name) and observed_at.
    gpus: gpu, memory_gib, bandwidth_gb_per_s. usual_prices: gpu, price_kind, usd_per_gpu_hour of one whole GPU.
    usual_counts: source, price_kind, offers, one row per earlier run. The last two may be empty.

    Answer: offers (input + status, reasons; one row per source, price kind and offer id, the latest of duplicates) and
    books (source, price_kind, offers, offers_usual, share, duplicates, verdict healthy|shrunk|collapsed, reasons).
    """
    once = _one_row_per_offer(offers)
    beside = _with_references(once, gpus, usual_prices)
    flags = beside.select(**_rules(as_of))
    reasons = names_of_true(flags)
    grave = flags.select(pl.any_horizontal([name for name in flags.columns if name not in FLAGS])).to_series()
    books = judge_books(offers, once, usual_counts)
    collapsed = books.filter(pl.col("verdict") == "collapsed").select(
        "source", "price_kind", collapsed=pl.lit(value=True)
    )
    judged = beside.with_columns(reasons=reasons, grave=grave).join(
        collapsed, on=["source", "price_kind"], how="left", validate="m:1", maintain_order="left"
    )
    status = pl.when("grave").then(pl.lit("quarantined")).when("collapsed").then(pl.lit("held")).otherwise(pl.lit("ok"))
    said = pl.when("collapsed").then(pl.concat_list("reasons", pl.lit("book_collapsed"))).otherwise("reasons")
    return CheckedOffers(judged.select(*offers.columns, status=status, reasons=said), books)


def judge_books(offers: pl.DataFrame, once: pl.DataFrame, usual_counts: pl.DataFrame) -> pl.DataFrame:
    """One row per book (source and price kind), those that brought nothing this time included."""
    book = ["source", "price_kind"]
    usual = usual_counts.group_by(book).agg(offers_usual=pl.col("offers").cast(pl.Float64).median())
    read = offers.group_by(book).agg(read=pl.len().cast(pl.Int64))
    kept = once.group_by(book).agg(offers=pl.len().cast(pl.Int64))
    beside = (
        kept.join(read, on=book, how="left", validate="1:1")
        .join(usual, on=book, how="full", coalesce=True, validate="1:1")
        .with_columns(pl.col("offers", "read").fill_null(0))
        .with_columns(share=pl.col("offers") / pl.col("offers_usual"))
    )
    verdict = (
        pl.when(pl.col("share") < limits.BOOK_COLLAPSED_BELOW)
        .then(pl.lit("collapsed"))
        .when(pl.col("share") < limits.BOOK_SHRUNK_BELOW)
        .then(pl.lit("shrunk"))
        .otherwise(pl.lit("healthy"))
    )
    said = pl.format("{} {} offers, usually {}", "offers", "price_kind", pl.col("offers_usual").round(0).cast(pl.Int64))
    reasons = pl.concat_list(pl.when(verdict != "healthy").then(said)).list.drop_nulls()
    duplicates = pl.col("read") - pl.col("offers")
    return beside.select(
        *book, "offers", "offers_usual", "share", duplicates=duplicates, verdict=verdict, reasons=reasons
    ).sort(book)


def _one_row_per_offer(offers: pl.DataFrame) -> pl.DataFrame:
    """A cursor reads the offers at its turning points twice; the later reading stays, marked where the two differ."""
    if not offers.select(OFFER_KEY).is_duplicated().any():
        return offers.with_columns(conflicting=pl.lit(value=False))
    differ = offers.group_by(OFFER_KEY).agg(
        conflicting=(pl.col("gpu_name").n_unique() > 1)
        | (pl.col("gpu_count").n_unique() > 1)
        | (pl.col("usd_per_hour").max() >= limits.HOLD_FACTOR * pl.col("usd_per_hour").min())
    )
    latest = offers.sort("observed_at", maintain_order=True).unique(OFFER_KEY, keep="last", maintain_order=True)
    return latest.join(differ, on=OFFER_KEY, how="left", validate="1:1", maintain_order="left")


def _with_references(offers: pl.DataFrame, gpus: pl.DataFrame, usual_prices: pl.DataFrame) -> pl.DataFrame:
    """Beside each offer: nominal memory, the price of one whole GPU of it, and the band that price should lie in.

    The band stands around the usual price; without one, around this book's own median and within what the hardware
    could be worth, since a slip in the whole book would move its median too.
    """
    nominal = gpus.select("gpu", nominal_gib="memory_gib", tb_per_s=pl.col("bandwidth_gb_per_s") / 1000)
    usual = usual_prices.select("gpu", "price_kind", usual="usd_per_gpu_hour")
    share_of_memory = pl.min_horizontal(pl.lit(1.0), pl.col("memory_gib") / pl.col("nominal_gib"))
    priced = offers.join(nominal, on="gpu", how="left", validate="m:1", maintain_order="left").with_columns(
        whole_gpu=pl.when(pl.col("gpu_count") > 0).then(
            pl.col("usd_per_hour")
            / pl.col("gpu_count")
            / pl.when((pl.col("gpu_count") >= 1) & (share_of_memory > 0)).then(share_of_memory).otherwise(1.0)
        )
    )
    believed = pl.col("usd_per_hour").is_not_null() & (pl.col("usd_per_hour") > 0)
    today = (
        priced.filter(believed)
        .group_by("gpu", "price_kind")
        .agg(today=pl.col("whole_gpu").median(), n=pl.len())
        .filter(pl.col("gpu").is_not_null() & (pl.col("n") >= limits.USUAL_FROM_OFFERS))
        .drop("n")
    )
    for reference in (usual, today):
        priced = priced.join(reference, on=["gpu", "price_kind"], how="left", validate="m:1", maintain_order="left")
    by_bandwidth, by_price = limits.USD_PER_HOUR_PER_TB_PER_S, limits.USUAL_PRICE_BAND
    hardware = [pl.col("tb_per_s") * bound for bound in by_bandwidth]
    return priced.with_columns(
        least=pl.coalesce(pl.col("usual") * by_price[0], pl.max_horizontal(pl.col("today") * by_price[0], hardware[0])),
        most=pl.coalesce(pl.col("usual") * by_price[1], pl.min_horizontal(pl.col("today") * by_price[1], hardware[1])),
    )


def _rules(as_of: datetime) -> dict[str, pl.Expr]:
    count, hours = pl.col("gpu_count"), pl.col("max_duration_hours")
    seen = pl.col("observed_at")
    whole = (count == count.round()) & (count >= 1)
    rules = {
        "unknown_gpu": pl.col("gpu").is_null(),
        "unpriced": ~((pl.col("usd_per_hour") > 0) & pl.col("usd_per_hour").is_finite()).fill_null(value=False),
        "price_below_band": (pl.col("usd_per_hour") > 0) & (pl.col("whole_gpu") < pl.col("least")),
        "price_above_band": pl.col("whole_gpu") > pl.col("most"),
        "impossible_gpu_count": ~((whole & (count <= limits.MOST_GPUS)) | ((count > 0) & (count < 1))),
        "impossible_memory": ~(pl.col("memory_gib") > 0),
        "memory_above_nominal": pl.col("memory_gib") > pl.col("nominal_gib") * limits.MOST_MEMORY_OF_NOMINAL,
        "no_memory": pl.col("memory_gib").is_null(),
        "no_time_left": hours <= 0,
        "odd_duration": hours > limits.LONGEST_RENTAL_HOURS,
        "clock_skew": ~seen.is_between(as_of - limits.OLDEST_OFFER, as_of + limits.CLOCK_SKEW),
        "conflicting_duplicate": pl.col("conflicting"),
    }
    return {name: rule.fill_null(value=False) for name, rule in rules.items()}
