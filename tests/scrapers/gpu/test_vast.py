"""Vast.ai: the whole book in few requests, whatever the site does with limit and order; and layouts we do not know."""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scrapers.contract import Capture, UnexpectedPage
from scrapers.fetch import FetchSettings, fetch
from scrapers.gpu.vast import SOURCE, parse, scrub, search
from scrapers.reading import RunReading, read
from tests.loopback import Ask, Site
from tests.loopback.inprocess import captures_from
from tests.loopback.vast import Offer, Vast, book, invented

DAYS = [f"2026-07-{day}" for day in range(20, 28)]


def ids(run: RunReading) -> list[tuple[str, str]]:
    return sorted((offer.price_kind, offer.offer_id) for offer in run.settled.offers)


def ids_of(site: Vast) -> list[tuple[str, str]]:
    kinds = {"on-demand": "on_demand", "bid": "spot_floor"}
    return sorted((kinds[rental], str(offer["id"])) for rental, offers in site.offers.items() for offer in offers)


def capture(body: bytes, rental: str = "on-demand") -> Capture:
    at = datetime(2026, 7, 28, 6, tzinfo=UTC)
    digest = hashlib.sha256(body).hexdigest()
    return Capture("vast", search(rental), SOURCE.origin, 200, "application/json", at, body, digest)


def page(*offers: Offer) -> bytes:
    return json.dumps({"offers": offers}).encode()


OFFERS = invented(20)


# --- the whole book --------------------------------------------------------------------------------------------------


@pytest.mark.captures
@pytest.mark.parametrize("day", DAYS)
async def test_every_offer_of_a_real_book_arrives_in_about_25_requests(captures: Path, day: str) -> None:
    market = Vast(book(captures / "gpu" / "vast" / f"{day}.jsonl.gz"))
    with Site(market.routes()) as site:
        fetched = await fetch(SOURCE, FetchSettings(origins={"vast": site.origin}, paces={"vast": 1e5}))
    assert fetched.error is None
    run = read(SOURCE, fetched.captures)
    assert ids(run) == ids_of(market)
    assert not run.truncated
    assert len(site.asked) <= 30
    assert not any(b"203.0.113." in taken.body or b"example.net" in taken.body for taken in fetched.captures)


PLATEAUS = {"on-demand": invented(700, prices=[0.1, 0.2, 0.2002]), "bid": invented(300, 2, prices=[0.3])}
SPREAD = {"on-demand": invented(600), "bid": invented(900, 2)}


@pytest.mark.parametrize("cap", [17, 50, 64, 100, 500])
@pytest.mark.parametrize("offers", [PLATEAUS, SPREAD, {"on-demand": [], "bid": invented(64)}])
def test_no_cap_and_no_plateau_of_equal_prices_loses_an_offer(offers: dict[str, list[Offer]], cap: int) -> None:
    market = Vast(offers, cap=cap)
    run = read(SOURCE, captures_from(SOURCE, market.routes()))
    assert ids(run) == ids_of(market)
    assert not run.truncated


@pytest.mark.parametrize("honesty", ["sampled", "shuffled"])
@pytest.mark.parametrize("offers", [PLATEAUS, SPREAD])
def test_an_answer_that_is_a_sample_is_noticed_and_cut_until_it_fits(offers: Any, honesty: Any) -> None:
    market = Vast(offers, honesty=honesty)
    run = read(SOURCE, captures_from(SOURCE, market.routes()))
    assert ids(run) == ids_of(market)
    assert not run.truncated


def test_with_a_key_the_limit_is_honoured_and_few_requests_do() -> None:
    market = Vast(SPREAD)
    found = captures_from(SOURCE, market.routes(), key="k")
    assert ids(read(SOURCE, found)) == ids_of(market)
    assert len(found) <= 8


class FilterIgnored(Vast):
    def _matching(self, query: Any) -> Any:
        return super()._matching({name: value for name, value in query.items() if name != "dph_total"})


def test_a_price_filter_that_is_not_honoured_marks_the_run_truncated() -> None:
    run = read(SOURCE, captures_from(SOURCE, FilterIgnored(SPREAD).routes()))
    assert run.truncated
    assert ids(run) != ids_of(FilterIgnored(SPREAD))


def test_an_answer_that_was_never_followed_marks_the_run_truncated() -> None:
    found = captures_from(SOURCE, Vast(SPREAD).routes())
    assert read(SOURCE, found[:-4]).truncated


def test_one_price_below_zero_does_not_end_the_walk() -> None:
    odd = OFFERS[0] | {"id": 7, "dph_base": -0.5, "dph_total": -0.5}
    market = Vast({"on-demand": [*SPREAD["on-demand"], odd], "bid": []})
    assert ids(read(SOURCE, captures_from(SOURCE, market.routes()))) == ids_of(market)


def test_the_pace_stays_below_what_the_site_allows() -> None:
    assert SOURCE.requests_per_minute < 10
    with Site(Vast(SPREAD, per_minute=1).routes()) as site:
        assert [answer.status for answer in map(site.answer, [_ask(), _ask()])] == [200, 429]


def _ask() -> Ask:
    return Ask("GET", "/api/v0/bundles/", {"q": '{"type":"bid"}'}, {}, b"")


# --- layouts that are not the one we know ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (page(*OFFERS)[:-400], "body"),
        (b"<!doctype html><title>Just a moment</title>", "body"),
        (b"[" * 200_000, "body"),
        (b'{"offers":[{"id":' + b"9" * 6000 + b"}]}", "offers[0].id"),
        (b'{"success":true}', "offers"),
        (b'{"offers":{}}', "offers"),
        (page(*OFFERS).replace(b'"gpu_ram"', b'"gpu_memory"'), "offers[0].gpu_ram"),
        (page(*OFFERS[:3], OFFERS[3] | {"gpu_ram": "24 GB"}), "offers[3].gpu_ram"),
        (page(*OFFERS[:3], OFFERS[3] | {"num_gpus": True}), "offers[3].num_gpus"),
        (page(*(offer | {"dph_base": None} for offer in OFFERS)), "offers[].dph_base"),
    ],
    ids=["cut", "html", "nested", "huge", "no offers", "no list", "renamed", "text", "bool", "all null"],
)
def test_another_layout_raises_and_names_the_field(body: bytes, where: str) -> None:
    with pytest.raises(UnexpectedPage) as raised:
        parse(capture(body))
    assert raised.value.source == "vast"
    assert raised.value.where == where
    assert "capture" in raised.value.what
    assert SOURCE.follow(capture(body)) == ()


@pytest.mark.parametrize(
    ("field", "value", "kind"),
    [
        ("dph_base", None, "unpriced"),
        ("dph_base", 0, "unpriced"),
        ("dph_base", -0.2, "unpriced"),
        ("dph_base", float("nan"), "unpriced"),
        ("dph_base", float("inf"), "unpriced"),
        ("num_gpus", 0, "quarantined"),
        ("gpu_ram", -24564, "quarantined"),
        ("gpu_name", "", "quarantined"),
        ("gpu_name", "RTX \x1b[31m4090", "quarantined"),
        ("machine_id", None, "quarantined"),
        ("id", 2**80, "quarantined"),
    ],
)
def test_one_impossible_offer_is_set_apart_and_the_others_stay(field: str, value: Any, kind: str) -> None:
    reading = parse(capture(page(*OFFERS[:5], OFFERS[5] | {field: value})))
    assert [finding.kind for finding in reading.findings] == [kind]
    assert reading.findings[0].where == f"offers[].{field}"
    priced = [offer.offer_id for offer in reading.offers if offer.usd_per_hour is not None]
    assert priced == [str(offer["id"]) for offer in OFFERS[:5]]


def test_of_a_key_that_stands_twice_the_last_counts() -> None:
    body = page(OFFERS[0]).replace(b'"dph_base": ', b'"dph_base": 1e-3, "dph_base": ')
    assert parse(capture(body)).offers[0].usd_per_hour == OFFERS[0]["dph_base"]


def test_a_new_field_is_told_once_per_run() -> None:
    market = Vast({"on-demand": [offer | {"platform_levy": 0.1} for offer in SPREAD["on-demand"]], "bid": []})
    run = read(SOURCE, captures_from(SOURCE, market.routes()))
    extra = [finding for _, reading in run.readings for finding in reading.findings if finding.kind == "extra_field"]
    assert [finding.where for finding in extra] == ["offers[].platform_levy"]


VALUES: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just([]) | st.just({})
)


@given(st.sampled_from(sorted(OFFERS[0])), VALUES)
@settings(max_examples=150, deadline=None)
def test_whatever_a_field_holds_no_offer_is_impossible(field: str, value: Any) -> None:
    try:
        reading = parse(capture(page(*OFFERS[:3], OFFERS[3] | {field: value})))
    except UnexpectedPage:
        return
    for offer in reading.offers:
        assert offer.usd_per_hour is None or 0 < offer.usd_per_hour < 1e6
        assert offer.memory_gib is not None and 0 < offer.memory_gib < 1e5
        assert 1 <= offer.gpu_count <= 1024
        assert offer.reliability is None or 0 <= offer.reliability <= 1
        assert offer.storage_usd_per_gb_month is None or offer.storage_usd_per_gb_month >= 0


@given(st.integers(0, 4000), st.binary(max_size=6))
@settings(max_examples=150, deadline=None)
def test_broken_bytes_raise_nothing_but_an_unexpected_page(at: int, noise: bytes) -> None:
    body = page(*OFFERS[:2])
    broken = capture(scrub(body[:at] + noise + body[at + len(noise) :]))
    SOURCE.follow(broken)
    with suppress(UnexpectedPage):
        parse(broken)


# --- what is never stored --------------------------------------------------------------------------------------------

SECRETS = st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S", "Zs"]), min_size=3, max_size=20)


@given(SECRETS, st.permutations(["id", "public_ipaddr", "gpu_name", "hostname", "webpage", "dph_base"]))
@settings(max_examples=150, deadline=None)
def test_whose_machine_it_is_does_not_survive(secret: str, order: list[str]) -> None:
    secret = f"§{secret}§"
    known = {"id": 1, "gpu_name": 'RTX "4090"', "dph_base": 0.29}
    offer = {name: known.get(name, secret) for name in order}
    stored = scrub(json.dumps({"offers": [offer, offer]}).encode())
    assert json.loads(stored) == {"offers": [known, known]}
    cut = scrub(json.dumps({"offers": [offer]}).encode()[:-3])
    assert json.dumps(secret)[1:-1].encode() not in cut


def test_an_address_in_any_field_is_masked_and_other_numbers_stay() -> None:
    body = b'{"offers":[{"note":"ssh 198.51.100.23:22","driver_version":"550.163.01","rate":0.19999999999999998}]}'
    assert scrub(body) == body.replace(b"198.51.100.23", b"0.0.0.0")


def test_scrubbing_changes_nothing_else() -> None:
    body = page(*OFFERS)
    kept = re.sub(rb'"(public_ipaddr|hostname|webpage)": ("[^"]*"|null)(, )?', b"", body)
    assert json.loads(scrub(body)) == json.loads(kept)
