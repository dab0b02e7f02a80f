"""What holds for every marketplace, and the traps that one of them set before."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scrapers.contract import Capture, GpuOffer, Reading, Source, UnexpectedPage
from scrapers.frames import OFFER_SCHEMA, PRICE_SCHEMA, offers_frame, prices_frame
from scrapers.gpu import runpod, vultr
from scrapers.reading import read
from scrapers.recorded_responses import recorded
from scrapers.registry import SOURCES
from tests.conftest import ROOT
from tests.loopback.inprocess import captures_from
from tests.loopback.sites import routes
from tests.test_captures import captures_of
from transforms import normalise

MARKETPLACES = [source for source in SOURCES if source.kind == "gpu"]
NAMES_WE_CANNOT_PLACE = {
    "Tesla V100",  # PCIe and SXM2 under one name
    "Tesla P100",  # likewise, with 16 GB
    "Quadro P4000",
    "Quadro P5000",
    "CMP 170HX",
    "RTX 3060 laptop",
    "RTX 3070 laptop",
    "RTX 4060 laptop",
    "RTX 5060 laptop",
}
every_marketplace = pytest.mark.parametrize("source", MARKETPLACES, ids=lambda source: source.name)


@cache
def taken(name: str) -> tuple[Capture, ...]:
    return tuple(captures_of(next(source for source in MARKETPLACES if source.name == name)))


def with_body(capture: Capture, body: bytes) -> Capture:
    return replace(capture, body=body, sha256=hashlib.sha256(body).hexdigest())


@every_marketplace
@pytest.mark.parametrize("broken", [b"<!doctype html><p>Sorry</p>", b"null", b"[]", b"{}", b'{"data":', b"\xff\xfe"])
def test_another_page_raises_and_leads_nowhere(source: Source, broken: bytes) -> None:
    for capture in taken(source.name):
        with pytest.raises(UnexpectedPage) as raised:
            source.parse(with_body(capture, broken))
        assert raised.value.source == source.name
        assert source.follow(with_body(capture, broken)) == ()


@every_marketplace
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_noise_raises_nothing_but_an_unexpected_page(source: Source, data: st.DataObject) -> None:
    capture = data.draw(st.sampled_from(taken(source.name)))
    at = data.draw(st.integers(0, len(capture.body)))
    noise = data.draw(st.sampled_from([b"NaN", b"null", b"-1", b"1e999", b"{", b'"', b"\x80", b"9" * 30, b""]))
    broken = with_body(capture, capture.body[:at] + noise + capture.body[at + len(noise) :])
    source.follow(broken)
    with suppress(UnexpectedPage):
        for offer in source.parse(broken).offers:
            assert offer.usd_per_hour is None or 0 < offer.usd_per_hour < 1e6
            assert offer.gpu_count > 0


@every_marketplace
def test_a_renamed_price_never_reads_as_no_price(source: Source) -> None:
    price = rb'"(dph_base|hourly_cost|cost_per_hour|securePrice|prices?|retailPrice|price_cents_per_hour|hourly_price)"'
    for capture in taken(source.name):
        renamed = re.sub(price, rb'"new_\1"', capture.body)
        if renamed != capture.body:
            with pytest.raises(UnexpectedPage, match="missing required field"):
                source.parse(with_body(capture, renamed))


async def test_the_recordings_read_whole() -> None:
    for source in MARKETPLACES:
        if source.key_required:
            continue
        fetched = await recorded(source)
        run = read(source, fetched.captures)
        assert (fetched.error, fetched.notes, run.refused, run.truncated) == (None, (), [], False), source.name
        assert len(run.settled.offers) >= source.min_records
        assert set(source.canaries) <= {offer.gpu_name for offer in run.settled.offers}


def test_the_stand_ins_answer_as_recorded() -> None:
    served = routes(None, datetime(2026, 7, 27, tzinfo=UTC).date())
    for source in MARKETPLACES:
        if not source.key_required:
            run = read(source, captures_from(source, served[source.name]))
            assert len(run.settled.offers) >= source.min_records
            assert not run.truncated


# --- names -----------------------------------------------------------------------------------------------------------


def reference(name: str) -> pl.DataFrame:
    return pl.read_csv(ROOT / "warehouse" / "reference" / name, infer_schema_length=None)


def named(offers: list[GpuOffer]) -> pl.DataFrame:
    frame = offers_frame([Reading(offers)]).with_columns(
        run_id=pl.lit("r"), observed_at=pl.lit(datetime(2026, 7, 28, tzinfo=UTC)), provenance=pl.lit("live")
    )
    return normalise.gpu_offers(frame, reference("gpus.csv"), reference("gpu_names.csv"))[0]


def test_every_name_leads_to_a_gpu_we_know() -> None:
    names, gpus = reference("gpu_names.csv"), reference("gpus.csv")
    assert set(names["gpu"]) <= set(gpus["gpu"])
    assert set(names["source"]) <= {source.name for source in MARKETPLACES}
    assert names.filter(pl.col("memory_gb_min") >= pl.col("memory_gb_max")).is_empty()


@pytest.mark.captures
def test_every_name_of_a_week_of_books_is_placed_or_known_to_be_unplaceable(captures: Path) -> None:
    rows = [
        json.loads(line)
        for path in sorted((captures / "gpu" / "vast").glob("*.jsonl.gz"))
        for line in gzip.decompress(path.read_bytes()).splitlines()
    ]
    sizes = {(row["gpu_name"], row["gpu_ram"]) for row in rows}
    offers = named([_bare(name, memory, str(number)) for number, (name, memory) in enumerate(sorted(sizes))])
    unplaced = set(offers.filter(pl.col("gpu").is_null())["gpu_name"])
    assert {name for name in unplaced if not name.startswith("GTX ")} <= NAMES_WE_CANNOT_PLACE
    placed = {(row["gpu_name"], round(row["memory_gib"])): row["gpu"] for row in offers.to_dicts()}
    assert (placed["A100 SXM4", 40], placed["A100 SXM4", 80]) == ("a100-sxm-40gb", "a100-sxm-80gb")
    assert (placed["RTX 4090", 24], placed["RTX 4090", 48]) == ("rtx-4090-24gb", "rtx-4090-48gb")
    assert placed["RTX 4090D", 48] == "rtx-4090d-48gb"


def _bare(name: str, memory_mib: float, number: str) -> GpuOffer:
    return GpuOffer(
        source="vast",
        offer_id=number,
        offer_key=number,
        market="marketplace",
        price_kind="on_demand",
        usd_per_hour=1.0,
        gpu_name=name,
        gpu_count=1.0,
        memory_gib=memory_mib / 1024,
        in_stock=True,
    )


# --- traps -----------------------------------------------------------------------------------------------------------


def test_the_a100_for_34_cents_is_an_eighth_with_10_gb() -> None:
    offers = list(read(vultr.SOURCE, taken("vultr")).settled.offers)
    (eighth,) = [offer for offer in offers if offer.usd_per_hour == 0.342]
    assert (eighth.gpu_count, eighth.memory_gib) == (0.125, 10.0)
    (row,) = named([eighth]).to_dicts()
    assert (row["gpu"], row["is_slice"], row["usd_per_gpu_hour"]) == ("a100-pcie-80gb", True, None)


@pytest.mark.parametrize(("six_months", "believed"), [(None, False), (0.30, False), (0.43, True), (0.50, True)])
def test_half_a_dollar_needs_a_term_near_it(six_months: float | None, believed: bool) -> None:
    (capture,) = taken("runpod")
    answer = json.loads(capture.body)
    (card,) = [gpu for gpu in answer["data"]["gpuTypes"] if gpu["id"] == "NVIDIA GeForce RTX 4070 Ti"]
    assert card["securePrice"] == 0.5
    card["sixMonthPrice"] = six_months
    reading = runpod.parse(with_body(capture, json.dumps(answer).encode()))
    assert ("NVIDIA GeForce RTX 4070 Ti:secure" in {offer.offer_id for offer in reading.offers}) == believed


def test_stock_of_a_region_only_narrows_what_the_plans_say() -> None:
    captures = taken("vultr")
    stocked = {o.offer_key for o in read(vultr.SOURCE, captures).settled.offers if o.in_stock}
    lists = [c for c in captures if c.request.path.endswith("/availability")]
    without = [c for c in captures if c not in lists]
    unlisted = {o.offer_key for o in vultr.settle(without, read(vultr.SOURCE, without).settled).offers if o.in_stock}
    assert lists
    assert stocked < unlisted
    assert "vcg-a100-12c-120g-80vram:ewr" in unlisted - stocked


# --- frames ----------------------------------------------------------------------------------------------------------


def test_frames_have_every_column_also_without_a_record() -> None:
    assert dict(offers_frame([]).schema) == OFFER_SCHEMA
    assert dict(prices_frame([Reading()]).schema) == PRICE_SCHEMA
    assert OFFER_SCHEMA["available_units"] == pl.Int64
    assert PRICE_SCHEMA["usd_per_mtok"] == pl.Decimal(18, 9)


def test_a_frame_holds_what_the_records_hold() -> None:
    offers = list(read(vultr.SOURCE, taken("vultr")).settled.offers)
    frame = offers_frame([Reading(offers[:5]), Reading(offers[5:])])
    assert dict(frame.schema) == OFFER_SCHEMA
    assert [GpuOffer(**row) for row in frame.to_dicts()] == offers
