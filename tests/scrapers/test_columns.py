"""Offers as columns are the same offers as records."""

from __future__ import annotations

import pytest

from scrapers.contract import GpuOffer, GpuOffers, Reading
from scrapers.frames import offers_frame

RECORDS = [
    GpuOffer(
        source="vast",
        offer_id=str(number),
        offer_key=f"{number}:1",
        market="marketplace",
        price_kind="on_demand",
        usd_per_hour=number / 10 if number % 3 else None,
        gpu_name="RTX 4090",
        gpu_count=1.0,
        memory_gib=24.0,
        in_stock=True,
        region="Norway" if number % 2 else None,
    )
    for number in range(7)
]


def test_columns_hold_every_field_of_the_records() -> None:
    offers = GpuOffers.of(RECORDS)
    assert list(offers) == RECORDS
    assert offers[-1] == RECORDS[-1]
    assert list(offers[2:5]) == RECORDS[2:5]
    assert offers_frame([Reading(offers)]).equals(offers_frame([Reading(RECORDS)]))


@pytest.mark.parametrize("gone", [[], [0], [6], [2, 3], [0, 1, 2, 3, 4, 5, 6]])
def test_what_is_taken_out_takes_nothing_else_along(gone: list[int]) -> None:
    kept = [record for number, record in enumerate(RECORDS) if number not in gone]
    assert list(GpuOffers.of(RECORDS).without(gone)) == kept


def test_pages_stand_one_after_the_other() -> None:
    assert list(GpuOffers.together(map(GpuOffers.of, [RECORDS[:3], [], RECORDS[3:]]))) == RECORDS
    assert list(GpuOffers.together([])) == []
