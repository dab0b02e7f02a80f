from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transforms import books
from tests.transforms.books import ASSUMPTIONS, GPU_NAMES, GPUS, NOW, book, offer
from transforms import normalise, offers


def checked(*rows: dict[str, Any]) -> pl.DataFrame:
    return normalise.gpu_offers(book(*rows), GPUS, GPU_NAMES)[0]


def priced(*rows: dict[str, Any], later: timedelta = timedelta(0)) -> pl.DataFrame:
    return offers.gpu_prices(checked(*rows), GPUS, ASSUMPTIONS, NOW + later)


def ten(**fields: Any) -> list[dict[str, Any]]:
    """Ten trusted machines at 0.31, 0.32, … 0.40."""
    return [offer(n, usd_per_hour=0.30 + n / 100, **fields) for n in range(1, 11)]


def only(prices: pl.DataFrame, **values: Any) -> dict[str, Any]:
    matching = prices.filter(**values)
    assert matching.height == 1, matching
    return matching.row(0, named=True)


@pytest.mark.parametrize(
    ("fields", "board"),
    [
        ({}, "trusted"),
        ({"reliability": 0.94}, "community"),
        ({"reliability": None}, "community"),
        ({"reliability": float("nan")}, "community"),
        ({"verification": "unverified"}, "community"),
        ({"verification": "deverified"}, "community"),
        ({"price_kind": "spot_floor"}, "interruptible"),
        ({"market": "cloud", "verification": None, "reliability": None, "machine_id": None}, "trusted"),
        ({"market": "cloud", "verification": "community", "reliability": None}, "community"),
        ({"market": "cloud", "price_kind": "preemptible"}, "interruptible"),
    ],
)
def test_each_offer_stands_on_its_board(fields: dict[str, Any], board: str) -> None:
    placed = offers.on_boards(checked(offer(1, **fields)), GPUS, ASSUMPTIONS)
    assert placed.select("board", "exclusion_reason").row(0) == (board, None)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"gpu_name": "RTX 9090"}, "unknown_gpu"),
        ({"memory_gib": 11.9, "gpu_count": 0.5}, "slice: 11.9 GiB of a larger GPU"),
        ({"status": "quarantined", "reasons": ["price_below_band"]}, "price_below_band"),
        ({"status": "held"}, "held"),
        ({"price_kind": "reserved"}, "reserved: prepaid"),
        ({"usd_per_hour": None}, "unpriced"),
        ({"usd_per_hour": 0.0}, "unpriced"),
        ({"usd_per_hour": float("nan")}, "unpriced"),
        ({"usd_per_hour": float("inf")}, "unpriced"),
        ({"gpu_count": 1.5}, "impossible_gpu_count"),
        ({"in_stock": False}, "out_of_stock"),
        (
            {"gpu_name": "A100 SXM4", "memory_gib": 80.0, "gpu_count": 2.0, "nvlink_gb_per_s": 0.0},
            "no_nvlink: unlike its kind",
        ),
    ],
)
def test_an_offer_that_sets_no_price_says_why(fields: dict[str, Any], reason: str) -> None:
    placed = offers.on_boards(checked(offer(1, **fields)), GPUS, ASSUMPTIONS)
    assert placed["exclusion_reason"].to_list() == [reason]


def test_below_half_the_trusted_median_is_bait_on_demand_and_a_floor_when_interruptible() -> None:
    bait = offer(20, usd_per_hour=0.17, verification="unverified")
    floor = offer(21, usd_per_hour=0.10, price_kind="spot_floor")
    placed = offers.on_boards(checked(*ten(), bait, floor), GPUS, ASSUMPTIONS)
    reasons = dict(placed.select("offer_id", "exclusion_reason").rows())
    assert reasons["20"] == "bait_suspect: 0.17 USD per GPU and hour, below 0.178"
    assert reasons["21"] is None


def test_with_ten_machines_the_price_is_the_second_cheapest_ones() -> None:
    row = only(priced(*ten()))
    assert row["price_rule"] == "p10"
    assert row["usd_per_hour"] == pytest.approx(0.32)
    assert (row["n_machines"], row["n_offers"], row["n_hosts"], row["offer_id"]) == (10, 10, 10, "2")
    assert row["usd_per_hour_p50"] == pytest.approx(0.355)


def test_with_three_to_nine_machines_it_is_the_median_of_the_lowest_three_and_below_that_thin() -> None:
    row = only(priced(*ten()[:5]))
    assert (row["price_rule"], row["exclusion_reason"]) == ("median3", None)
    assert row["usd_per_hour"] == pytest.approx(0.32)
    thin = only(priced(*ten()[:2]))
    assert (thin["price_rule"], thin["exclusion_reason"]) == ("thin", "thin: 2 machines above suspicion")


@pytest.mark.parametrize("machines", range(1, 11))
def test_percentiles_are_in_order_however_few_machines_there_are(machines: int) -> None:
    row = only(priced(*ten()[:machines]))
    lowest, tenth, quarter, median = (row[f"usd_per_hour_{name}"] for name in ("min", "p10", "p25", "p50"))
    assert lowest <= tenth <= quarter <= median
    if machines > 2:
        assert {tenth, quarter} <= {each["usd_per_hour"] for each in ten()}


def test_a_cloud_needs_one_list_price_and_only_what_is_in_stock() -> None:
    plan = {"source": "vultr", "market": "cloud", "machine_id": None, "verification": None, "reliability": None}
    row = only(
        priced(
            offer(1, usd_per_hour=0.50, offer_key="plan:ewr", **plan),
            offer(2, usd_per_hour=0.45, offer_key="plan:fra", in_stock=False, **plan),
        )
    )
    assert (row["price_rule"], row["usd_per_hour"], row["exclusion_reason"]) == ("list", 0.50, None)


def test_a_machine_counts_once_however_many_offers_and_sizes_it_has() -> None:
    sizes = [offer(n, machine_id="m1", gpu_count=float(n), usd_per_hour=0.3 * n) for n in (1, 2, 4, 8)]
    prices = priced(*sizes, offer(9, machine_id="m1", usd_per_hour=0.33))
    assert prices["price_rule"].unique().to_list() == ["thin"]
    assert only(prices, gpu_count=1)["n_machines"] == 1
    assert only(prices, gpu_count=1)["n_offers"] == 2


def test_the_price_per_gpu_over_all_sizes_stands_beside_each_size() -> None:
    prices = priced(*ten(), offer(20, gpu_count=2.0, usd_per_hour=0.90), offer(21, gpu_count=4.0, usd_per_hour=1.26))
    two = only(prices, gpu_count=2)
    assert (two["price_rule"], two["usd_per_hour"], two["n_machines"]) == ("thin", 0.90, 1)
    assert (two["n_machines_any_size"], two["usd_per_gpu_hour_any_size"]) == (12, pytest.approx(0.32))


def test_a_negative_or_senseless_rate_makes_no_offer_cheaper() -> None:
    for rate in (-5.0, float("nan"), None):
        row = only(priced(*ten(storage_usd_per_gb_month=rate)))
        assert row["storage_usd_per_gb_month"] is None
        disk = pl.DataFrame([row]).select(offers.disk_usd_per_hour(pl.lit(10.0), ASSUMPTIONS)).item()
        assert disk == pytest.approx((20 * offers.GIB_IN_GB + 50) * 0.20 / 720)


def test_memory_is_what_a_driver_shows_not_what_a_brochure_says() -> None:
    assert only(priced(offer(1, market="cloud", memory_gib=24.0)))["memory_gib"] == 23.99
    assert only(priced(offer(1, memory_gib=22.5)))["memory_gib"] == 22.5


def test_a_minimum_purchase_is_paid_for() -> None:
    row = only(priced(offer(1, market="cloud", min_purchase_gpus=8, usd_per_hour=0.4)))
    assert (row["gpu_count"], row["usd_per_hour"]) == (8, pytest.approx(3.2))


def test_age_makes_a_price_stale_and_then_takes_it_off_the_board() -> None:
    def at(hours: float) -> tuple[str, str | None]:
        row = only(priced(*ten(), later=timedelta(hours=hours)))
        return row["freshness"], row["exclusion_reason"]

    assert at(7) == ("fresh", None)
    assert at(7.1) == ("stale", None)
    assert at(13.1) == ("expired", "expired: 13.1 h old")


def test_a_failed_run_leaves_the_last_good_book_with_its_age() -> None:
    broken = [offer(n, run_id="r2", observed_at=NOW + timedelta(hours=6), status="held") for n in range(3)]
    elsewhere = [offer(50 + n, run_id="r2", source="other", observed_at=NOW + timedelta(hours=6)) for n in range(3)]
    prices = priced(*ten(), *broken, *elsewhere, later=timedelta(hours=6))
    row = only(prices, source="vast")
    assert (row["usd_per_hour"], row["age_hours"]) == (pytest.approx(0.32), 6.0)


def test_history_says_how_long_configurations_and_offers_last() -> None:
    def run(name: str, hours: float, machines: range, **fields: Any) -> list[dict[str, Any]]:
        return [offer(n, run_id=name, observed_at=NOW + timedelta(hours=hours), **fields) for n in machines]

    prices = priced(
        *run("r1", 0, range(10)),
        *run("r2", 6, range(5, 15)),
        *run("r3", 12, range(10, 20)),
        *run("r3", 12, range(30, 33), gpu_name="H100 SXM", memory_gib=79.65, usd_per_hour=2.0),
        later=timedelta(hours=12),
    )
    old, new = only(prices, gpu="rtx-4090-24gb"), only(prices, gpu="h100-sxm-80gb")
    assert (old["snapshots"], old["is_new"], old["survival_6h"]) == (3, False, pytest.approx(0.5))
    assert (new["snapshots"], new["is_new"], new["survival_6h"]) == (1, True, None)


def test_survival_over_a_day_is_brought_to_six_hours() -> None:
    day = [offer(n, run_id="r1") for n in range(16)]
    next_day = [offer(n, run_id="r2", observed_at=NOW + timedelta(hours=24)) for n in range(1)]
    row = only(priced(*day, *next_day, later=timedelta(hours=24)))
    assert (row["survival_6h"], row["survival_gap_hours"]) == (pytest.approx(0.5), 24.0)


def test_the_first_run_of_all_is_not_new() -> None:
    assert not only(priced(*ten()))["is_new"]


def test_all_in_adds_the_disk_at_the_offers_rate_once_for_the_whole_offer() -> None:
    rows = offers.on_boards(checked(offer(1, gpu_count=2.0, usd_per_hour=0.6)), GPUS, ASSUMPTIONS)
    row = offers.all_in(rows, 10 / offers.GIB_IN_GB, ASSUMPTIONS).row(0, named=True)
    assert row["disk_usd_per_hour"] == pytest.approx((2 * 10 + 50) * 0.2 / 720)
    assert row["usd_per_hour_all_in"] == pytest.approx(0.6 + 70 * 0.2 / 720)


PRICES = st.lists(st.floats(0.25, 0.49).map(lambda usd: round(usd, 4)), min_size=10, max_size=25)


@settings(max_examples=30, deadline=None)
@given(PRICES)
def test_no_single_offer_can_lower_the_price_of_ten_machines(asked: list[float]) -> None:
    rows = [offer(n, usd_per_hour=usd) for n, usd in enumerate(asked)]
    cheapest = min(rows, key=lambda row: row["usd_per_hour"])
    halved = [row | {"usd_per_hour": row["usd_per_hour"] / 2} if row is cheapest else row for row in rows]
    before, after = only(priced(*rows)), only(priced(*halved))
    assert after["usd_per_hour"] == before["usd_per_hour"]


@settings(max_examples=20, deadline=None)
@given(PRICES, st.integers(0, 10_000))
def test_a_slice_a_duplicate_or_another_order_changes_nothing(asked: list[float], seed: int) -> None:
    rows = [offer(n, usd_per_hour=usd) for n, usd in enumerate(asked)]
    piece = offer(99, gpu_count=0.25, memory_gib=6.0, usd_per_hour=0.05)
    shuffled = [*rows, rows[0], piece]
    random.Random(seed).shuffle(shuffled)
    assert priced(*rows).equals(priced(*shuffled))


@settings(max_examples=20, deadline=None)
@given(PRICES, st.floats(0.25, 1.0))
def test_a_price_never_rises_when_an_offer_becomes_cheaper(asked: list[float], factor: float) -> None:
    """As long as the cheaper offer stays above suspicion."""
    rows = [offer(n, usd_per_hour=usd + 0.25) for n, usd in enumerate(asked)]
    bar = 0.5 * float(pl.Series([row["usd_per_hour"] for row in rows]).median())  # type: ignore[arg-type]
    cheaper = [rows[-1] | {"usd_per_hour": max(rows[-1]["usd_per_hour"] * factor, bar * 1.001)}, *rows[:-1]]
    assert only(priced(*cheaper))["usd_per_hour"] <= only(priced(*rows))["usd_per_hour"]


@pytest.mark.captures
def test_the_real_books_price_trusted_machines_apart_from_cheap_strangers(captures: Path) -> None:
    days = [f"2026-07-{day}" for day in range(20, 28)]
    named, _ = normalise.gpu_offers(pl.concat([books.vast_day(captures, day) for day in days]), GPUS, GPU_NAMES)
    for day in days:
        book_of_day = named.filter(run_id=day)
        prices = offers.gpu_prices(book_of_day, GPUS, ASSUMPTIONS, book_of_day["observed_at"].max())  # type: ignore[arg-type]
        single = only(prices, board="trusted", gpu="rtx-4090-24gb", gpu_count=1)
        strangers = book_of_day.filter(gpu="rtx-4090-24gb", price_kind="on_demand")["usd_per_gpu_hour"].min()
        assert 0.25 < single["usd_per_gpu_hour_any_size"] < 0.42, (day, single)
        assert strangers < single["usd_per_hour_min"] <= single["usd_per_hour"] < 0.55
        mods = only(prices, board="trusted", gpu="rtx-4090-48gb", gpu_count=1)
        assert single["memory_gib"] < 24 < 47 < mods["memory_gib"]
        assert (prices["n_machines"] <= prices["n_offers"]).all()

    prices = offers.gpu_prices(named, GPUS, ASSUMPTIONS, named["observed_at"].max())  # type: ignore[arg-type]
    lasting = prices.filter(gpu="rtx-4090-24gb", gpu_count=1)
    assert lasting["snapshots"].to_list() == [8, 8, 8]
    assert lasting["survival_6h"].is_between(0.5, 0.95).all()
    small = only(prices, board="trusted", gpu="a100-sxm-40gb", gpu_count=1)
    large = only(prices, board="trusted", gpu="a100-sxm-80gb", gpu_count=1)
    assert small["usd_per_gpu_hour_any_size"] < large["usd_per_gpu_hour_any_size"]
