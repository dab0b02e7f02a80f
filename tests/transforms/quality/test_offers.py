"""GPU offers: a price nobody would ask, hardware that cannot be, a book that is not whole."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.transforms.books import NOW, book, offer, vast_day
from transforms import quality

GPUS = pl.DataFrame(
    {
        "gpu": ["rtx-4090-24gb", "a100-pcie-80gb", "h100-sxm-80gb"],
        "memory_gib": [23.99, 80.0, 79.65],
        "bandwidth_gb_per_s": [1008.0, 1935.0, 3350.0],
    }
)
NO_USUAL = pl.DataFrame(schema={"gpu": pl.String, "price_kind": pl.String, "usd_per_gpu_hour": pl.Float64})
NO_COUNTS = pl.DataFrame(schema={"source": pl.String, "price_kind": pl.String, "offers": pl.Int64})
USUAL = pl.DataFrame([("rtx-4090-24gb", "on_demand", 0.4)], NO_USUAL.schema, orient="row")


def check(
    *rows: dict[str, Any],
    gpu: str | None = "rtx-4090-24gb",
    usual: pl.DataFrame = USUAL,
    counts: pl.DataFrame = NO_COUNTS,
    as_of: datetime = NOW,
) -> quality.CheckedOffers:
    hours = [row.get("max_duration_hours") for row in rows]
    offers = book(*rows).drop("status", "reasons")
    named = offers.with_columns(gpu=pl.lit(gpu, pl.String), max_duration_hours=pl.Series(hours, dtype=pl.Float64))
    return quality.check_offers(named, GPUS, as_of, usual_prices=usual, usual_counts=counts)


def judged(**fields: Any) -> tuple[str, list[str]]:
    """One offer of an RTX 4090, usually $0.40."""
    gpu = fields.pop("gpu", "rtx-4090-24gb")
    status, reasons = check(offer(1, **fields), gpu=gpu).offers.select("status", "reasons").row(0)
    return status, reasons


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"gpu": None}, "unknown_gpu"),
        ({"usd_per_hour": None}, "unpriced"),
        ({"usd_per_hour": 0.0}, "unpriced"),
        ({"usd_per_hour": -0.3}, "unpriced"),
        ({"usd_per_hour": float("inf")}, "unpriced"),
        ({"usd_per_hour": 0.4 / 8}, "price_below_band"),
        ({"usd_per_hour": 0.4 * 8}, "price_above_band"),
        ({"usd_per_hour": 0.4, "gpu_count": 8.0}, "price_below_band"),
        ({"gpu_count": 0.0}, "impossible_gpu_count"),
        ({"gpu_count": 1.5}, "impossible_gpu_count"),
        ({"gpu_count": 32.0, "usd_per_hour": 12.0}, "impossible_gpu_count"),
        ({"memory_gib": 0.0}, "impossible_memory"),
        ({"memory_gib": 48.0}, "memory_above_nominal"),
        ({"max_duration_hours": 0.0}, "no_time_left"),
        ({"observed_at": NOW + timedelta(minutes=11)}, "clock_skew"),
        ({"observed_at": NOW - timedelta(hours=14)}, "clock_skew"),
    ],
)
def test_an_offer_that_cannot_be_is_set_apart(fields: dict[str, Any], reason: str) -> None:
    status, reasons = judged(**fields)
    assert status == "quarantined"
    assert reason in reasons


@pytest.mark.parametrize(
    ("fields", "reasons"),
    [
        ({}, []),
        ({"gpu_count": 8.0, "usd_per_hour": 3.2}, []),
        ({"usd_per_hour": 0.4 / 5}, []),
        ({"memory_gib": None}, ["no_memory"]),
        ({"max_duration_hours": 73 * 8766.0}, ["odd_duration"]),
    ],
)
def test_an_offer_that_can_be_stays(fields: dict[str, Any], reasons: list[str]) -> None:
    assert judged(**fields) == ("ok", reasons)


def test_a_share_of_a_gpu_is_judged_as_the_whole_it_is_a_share_of() -> None:
    usual = USUAL.with_columns(gpu=pl.lit("a100-pcie-80gb"), usd_per_gpu_hour=pl.lit(2.4))
    share = offer(1, gpu_count=0.125, memory_gib=10.0, usd_per_hour=0.342)
    small = offer(2, gpu_count=1.0, memory_gib=10.0, usd_per_hour=0.342)
    whole = offer(3, gpu_count=1.0, memory_gib=80.0, usd_per_hour=0.342)
    checked = check(share, small, whole, gpu="a100-pcie-80gb", usual=usual).offers
    assert checked["status"].to_list() == ["ok", "ok", "quarantined"]


def test_without_any_history_the_hardware_itself_bounds_the_price() -> None:
    rows = [offer(1, usd_per_hour=40.0), offer(2, usd_per_hour=0.01), offer(3)]
    assert check(*rows, usual=NO_USUAL).offers["status"].to_list() == ["quarantined", "quarantined", "ok"]


def test_without_history_a_long_enough_book_says_what_is_usual() -> None:
    book_of_ten = [offer(number) for number in range(10)]
    checked = check(*book_of_ten, offer(10, usd_per_hour=0.04), usual=NO_USUAL).offers
    assert checked["reasons"].to_list()[-1] == ["price_below_band"]


def test_an_offer_read_twice_is_one_row_and_its_contradiction_is_said() -> None:
    later = {"observed_at": NOW + timedelta(minutes=1)}
    same, moved, other = offer(1), offer(2), offer(3)
    checked = check(
        same, moved, other, offer(1, **later), offer(2, usd_per_hour=0.31, **later), offer(3, gpu_count=2.0, **later)
    )
    assert checked.offers.sort("offer_id").select("usd_per_hour", "status").rows() == [
        (0.30, "ok"),
        (0.31, "ok"),
        (0.30, "quarantined"),
    ]
    assert checked.books["duplicates"].to_list() == [3]


@pytest.mark.parametrize(
    ("usually", "verdict", "status"), [(10, "healthy", "ok"), (15, "shrunk", "ok"), (101, "collapsed", "held")]
)
def test_a_book_is_measured_by_its_usual_length(usually: int, verdict: str, status: str) -> None:
    counts = pl.DataFrame([("vast", "on_demand", n) for n in (1, usually, usually)], NO_COUNTS.schema, orient="row")
    checked = check(*[offer(number) for number in range(10)], counts=counts)
    assert checked.books["verdict"].to_list() == [verdict]
    assert set(checked.offers["status"]) == {status}


def test_a_book_that_came_back_empty_is_collapsed() -> None:
    counts = pl.DataFrame([("vast", "on_demand", 10), ("vast", "spot_floor", 800)], NO_COUNTS.schema, orient="row")
    books = check(*[offer(number) for number in range(10)], counts=counts).books
    assert books.select("price_kind", "offers", "verdict", "reasons").rows() == [
        ("on_demand", 10, "healthy", []),
        ("spot_floor", 0, "collapsed", ["0 spot_floor offers, usually 800"]),
    ]


def test_what_is_usual_is_the_median_of_believed_offers_seen_often_enough() -> None:
    often = pl.DataFrame(
        {"gpu": ["a"] * 30, "price_kind": ["on_demand"] * 30, "usd_per_gpu_hour": [1.0] * 16 + [9.0] * 14}
    )
    seldom = often.head(29).with_columns(gpu=pl.lit("b"))
    assert quality.usual_prices(pl.concat([often, seldom])).rows() == [("a", "on_demand", 1.0)]


@pytest.mark.captures
def test_real_books_pass_and_slips_planted_in_them_do_not(captures: Path) -> None:
    def named(day: str) -> pl.DataFrame:
        """The product as the source names it and its memory: good enough where only prices are judged."""
        gpu = pl.concat_str("gpu_name", pl.lit(" "), pl.col("memory_gib").round().cast(pl.Int64))
        rows = vast_day(captures, day).drop("status", "reasons")
        return rows.with_columns(gpu=gpu, max_duration_hours=pl.lit(None, pl.Float64))

    before = pl.concat([named(f"2026-07-{day}") for day in (20, 21, 22)])
    today = named("2026-07-23")
    history = before.with_columns(usd_per_gpu_hour=pl.col("usd_per_hour") / pl.col("gpu_count"))
    gpus = today.select("gpu", memory_gib="memory_gib", bandwidth_gb_per_s=pl.lit(None, pl.Float64)).unique("gpu")
    counts = before.group_by("run_id", "source", "price_kind").agg(offers=pl.len().cast(pl.Int64))
    as_of = today["observed_at"].max()
    assert isinstance(as_of, datetime)

    def statuses(offers: pl.DataFrame) -> pl.DataFrame:
        checked = quality.check_offers(
            offers, gpus, as_of, usual_prices=quality.usual_prices(history), usual_counts=counts
        )
        assert checked.books["verdict"].to_list() == ["healthy", "healthy"]
        return checked.offers

    real = statuses(today)
    assert real.height == today.height
    assert (real["status"] != "ok").mean() < 0.01  # type: ignore[operator]
    planted = (pl.col("gpu_name") == "A100 SXM4") & (pl.col("price_kind") == "on_demand")
    for slip in (1 / 100, 1 / 8, 8, 100):
        wrong = today.with_columns(
            usd_per_hour=pl.when(planted).then(pl.col("usd_per_hour") * slip).otherwise("usd_per_hour")
        )
        caught = statuses(wrong).filter(planted)
        assert (caught["status"] == "quarantined").mean() > 0.8, slip  # type: ignore[operator]
