"""How a source is asked: paths walked, pace kept, keys hidden, robots obeyed, unchanged pages not sent twice."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import pickle
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from scrapers.contract import Capture, Request, Source
from scrapers.fetch import Fetched, FetchSettings, fetch, fetch_all
from scrapers.pace import Pace
from scrapers.visit import Hosts
from scrapers.walk import FetchError
from tests.scrapers.misbehaving import QUICK, SOURCE, asking, chain, forever, raw, reply, site, then

OFFERS = b'{"offers":[1,2,3]}'
KEY = "sk-planted-7f3a91"


def paths(fetched: Fetched) -> list[str]:
    return [capture.request.path for capture in fetched.captures]


# --- the walk --------------------------------------------------------------------------------------------------------


async def test_what_follows_is_asked_once_and_in_order() -> None:
    source = replace(
        SOURCE, follow=chain({"/offers": ["/2", "/3", "/2"], "/2": ["/4", "/offers"], "/3": ["/2", "/4"], "/4": ["/3"]})
    )
    async with site(reply(OFFERS)) as wire:
        fetched = await fetch(source, asking(wire))
        assert fetched.error is None
        assert paths(fetched) == ["/offers", "/2", "/3", "/4"]
        assert (fetched.requests, fetched.bytes) == (4, 4 * len(OFFERS))
        assert [head.split()[1] for head in wire.heads] == paths(fetched)


async def test_the_same_search_with_its_keys_in_another_order_is_the_same_search() -> None:
    first = [
        Request("/s", "POST", {"a": 1, "b": {"c": 2, "d": 3}}),
        Request("/s", "POST", {"b": {"d": 3, "c": 2}, "a": 1}),
    ]
    async with site(reply(OFFERS)) as wire:
        assert len((await fetch(replace(SOURCE, first=first), asking(wire))).captures) == 1
        assert "content-type: application/json" in wire.heads[0].lower()


async def test_a_walk_that_is_too_long_is_cut_and_says_so() -> None:
    source = replace(SOURCE, max_requests=3, follow=lambda capture: [Request(capture.request.path + "x")])
    async with site(reply(OFFERS)) as wire:
        fetched = await fetch(source, asking(wire))
        assert (len(wire.heads), len(fetched.captures), fetched.truncated) == (3, 3, True)
        assert fetched.truncated_why == "stopped after 3 requests, the most for this source; 1 or more would follow"
        assert fetched.error is None


async def test_a_walk_of_exactly_the_most_requests_is_whole() -> None:
    source = replace(SOURCE, max_requests=2, follow=chain({"/offers": ["/2"]}))
    async with site(reply(OFFERS)) as wire:
        assert not (await fetch(source, asking(wire))).truncated


async def test_a_capture_says_what_was_asked_when_and_what_came() -> None:
    noon = datetime(2026, 11, 25, 12, tzinfo=UTC)
    good = reply(
        OFFERS, 201, "application/json; charset=utf-8", etag='"a1"', last_modified="Wed, 25 Nov 2026 11:00:00 GMT"
    )
    async with site(good) as wire:
        fetched = await fetch(SOURCE, replace(asking(wire), now=lambda: noon))
        assert fetched.captures == (
            Capture(
                source="shop",
                request=SOURCE.first[0],
                url=f"{wire.origin}/offers",
                status=201,
                content_type="application/json; charset=utf-8",
                fetched_at=noon,
                body=OFFERS,
                sha256=hashlib.sha256(OFFERS).hexdigest(),
                etag='"a1"',
                last_modified="Wed, 25 Nov 2026 11:00:00 GMT",
            ),
        )


async def test_a_page_with_an_anchor_may_carry_the_bot_check_of_its_network() -> None:
    page = b"<html><h1>offers table</h1><script src='/cdn-cgi/challenge-platform/scripts/jsd/main.js'></script></html>"
    async with site(reply(page, kind="text/html")) as wire:
        assert (await fetch(replace(SOURCE, content_types=["text/html"]), asking(wire))).error is None


async def test_a_page_that_talks_of_challenges_is_none() -> None:
    async with site(reply(b'{"offers":["Just a moment: Enable JavaScript and cookies"]}')) as wire:
        assert (await fetch(SOURCE, asking(wire))).error is None


# --- several sources -------------------------------------------------------------------------------------------------


async def test_a_source_that_fails_costs_the_others_nothing() -> None:
    def broken(capture: Capture) -> list[Request]:
        raise KeyError("next")

    async with site(reply(OFFERS)) as good, site(then(raw(b"HTTP/1.1 200 OK\r\n\r\n"), forever(b" ", 0.05))) as slow:
        settings = replace(
            QUICK,
            origins={
                "shop": good.origin,
                "crashing": good.origin,
                "slow": slow.origin,
                "nowhere": "http://127.0.0.1:1",
            },
            response_timeout_s=0.3,
            attempts=1,
        )
        names = ["slow", "nowhere", "crashing", "shop"]
        sources = [replace(SOURCE, name=name, requests_per_minute=60_000) for name in names]
        sources[2] = replace(sources[2], follow=broken)
        sources.append(replace(SOURCE, name="bad-origin", origin="shop.example"))
        results = {fetched.source: fetched async for fetched in fetch_all(sources, settings)}
    faults = {name: fetched.error and fetched.error.fault for name, fetched in results.items()}
    assert faults == {
        "shop": None,
        "slow": "timeout",
        "nowhere": "refused",
        "crashing": "module",
        "bad-origin": "dns",
    }
    assert len(results["shop"].captures) == len(results["crashing"].captures) == 1


async def test_leaving_early_stops_the_rest() -> None:
    async with site(reply(OFFERS)) as quick, site(then(raw(b"HTTP/1.1 200 OK\r\n\r\n"), forever(b" ", 0.05))) as slow:
        settings = replace(QUICK, origins={"shop": quick.origin, "other": slow.origin})
        stream = fetch_all([SOURCE, replace(SOURCE, name="other")], settings)
        assert (await anext(stream)).source == "shop"
        before = asyncio.all_tasks()
        await stream.aclose()  # type: ignore[attr-defined]
        assert not [task for task in before if not task.done() and "_fetch" in repr(task.get_coro())]


async def test_a_source_without_its_required_key_is_absent() -> None:
    keyed = replace(SOURCE, key="SHOP_KEY", key_required=True)
    assert [fetched async for fetched in fetch_all([keyed], QUICK)] == []
    alone = await fetch(keyed, QUICK)
    assert alone.error is not None and "SHOP_KEY is not set" in str(alone.error)


# --- pace ------------------------------------------------------------------------------------------------------------


async def test_no_window_holds_more_requests_than_the_pace_allows_also_across_retries() -> None:
    """600 a minute: ten in a second, never eleven, however the answers come."""
    busy = reply(b"too frequent", 429, "text/plain", retry_after="0")
    source = replace(SOURCE, follow=lambda capture: [Request(capture.request.path + "x")], max_requests=10)
    async with site(reply(OFFERS), busy, reply(OFFERS), busy, *[reply(OFFERS)] * 8) as wire:
        fetched = await fetch(source, replace(asking(wire), paces={"shop": 600.0}))
        assert len(wire.heads) == fetched.requests == 12
        at = wire.arrived_at
        assert all(eleventh - first > 1.0 for first, eleventh in zip(at, at[10:], strict=False))
        assert min(later - sooner for sooner, later in pairwise(at)) > 0.095


async def test_sources_at_one_host_share_its_pace() -> None:
    async with site(reply(OFFERS)) as wire:
        settings = replace(asking(wire, other=wire.origin), paces={"shop": 600.0, "other": 60_000.0})
        results = [fetched async for fetched in fetch_all([SOURCE, replace(SOURCE, name="other")], settings)]
        assert len(results) == 2
        assert wire.arrived_at[1] - wire.arrived_at[0] > 0.095


async def test_a_host_that_says_too_much_is_left_alone_by_all_its_sources() -> None:
    async with site(reply(b"too frequent", 429, "text/plain"), reply(OFFERS)) as wire:
        settings = asking(wire, other=wire.origin)
        results = [fetched async for fetched in fetch_all([SOURCE, replace(SOURCE, name="other")], settings)]
        assert [fetched.error for fetched in results] == [None, None]
        assert wire.arrived_at[1] - wire.arrived_at[0] >= 0.09


async def test_a_pace_counts_from_the_answer() -> None:
    pace, clock = Pace(600.0), asyncio.get_running_loop().time
    async with pace.turn():
        await asyncio.sleep(0.08)
        answered = clock()
    async with pace.turn():
        assert clock() - answered >= 0.099


async def test_progress_tells_how_long_the_pace_will_take() -> None:
    told: list[tuple[str, int, int, float, str]] = []
    source = replace(SOURCE, follow=chain({"/offers": ["/2", "/3"]}))
    async with site(reply(OFFERS)) as wire:
        settings = replace(asking(wire), paces={"shop": 1200.0})
        await fetch(source, settings, on_progress=lambda *step: told.append(step))
    assert [step[:3] + step[4:] for step in told] == [
        ("shop", 0, 1, "the first page"),
        ("shop", 1, 2, "/2"),
        ("shop", 2, 1, "/3"),
        ("shop", 3, 0, "done"),
    ]
    assert [round(step[3], 1) for step in told] == pytest.approx([0.0, 0.1, 0.05, 0.0], abs=0.051)


async def test_progress_tells_of_a_wait() -> None:
    told: list[tuple[float, str]] = []
    async with site(reply(b"too frequent", 429, "text/plain"), reply(OFFERS)) as wire:
        await fetch(SOURCE, asking(wire), on_progress=lambda *step: told.append((round(step[3], 1), step[4])))
    assert (0.1, "answered 429; waiting") in told


# --- who we are ------------------------------------------------------------------------------------------------------


async def test_we_say_who_we_are_and_keep_no_cookies() -> None:
    source = replace(SOURCE, follow=chain({"/offers": ["/2"]}))
    async with site(reply(OFFERS, set_cookie="id=42; Path=/")) as wire:
        await fetch(source, asking(wire))
        for head in wire.heads:
            assert "user-agent: pertoken/0.1.0 (+https://project.example)" in head.lower()
            assert "cookie" not in head.lower()


async def test_a_proxy_in_the_environment_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with site(reply(OFFERS)) as wire:
        assert (await fetch(SOURCE, asking(wire))).error is None


# --- keys ------------------------------------------------------------------------------------------------------------


def keyed(header: str = "Authorization", template: str = "Bearer {key}") -> Source:
    return replace(SOURCE, key="SHOP_KEY", key_header=header, key_format=template)


async def test_the_key_goes_to_its_source_only() -> None:
    async with site(reply(OFFERS)) as wire:
        settings = replace(asking(wire, other=wire.origin), keys={"shop": f" {KEY}\n"})
        await fetch(keyed("X-API-Key", "{key}"), settings)
        await fetch(replace(SOURCE, name="other"), settings)
        assert f"x-api-key: {KEY}\r\n" in wire.heads[0].replace("X-API-Key", "x-api-key")
        assert KEY not in wire.heads[1]


@pytest.mark.parametrize(
    "answer",
    [
        reply(b"", 302, location=f"/echo/{KEY}/login"),
        reply(b"", 302, location=f"https://elsewhere.example/?key={KEY}"),
        reply(f"no such key {KEY}".encode(), 401, "text/plain"),
        reply(f"no such key {KEY}".encode(), 500, "text/plain"),
        reply(OFFERS, kind=KEY),
        reply(OFFERS, content_encoding=KEY),
        reply(b"{}", 404),
        raw(f"{KEY}\r\n\r\n".encode()),
    ],
)
async def test_a_key_never_shows_though_the_site_throws_it_back(
    answer: object, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with site(answer) as wire:  # type: ignore[arg-type]
        settings = replace(asking(wire), keys={"shop": KEY})
        fetched = await fetch(keyed(), settings)
        assert KEY in wire.heads[0]
    assert fetched.error is not None and fetched.error.__context__ is None
    # At DEBUG the HTTP library logs what the site sent.
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("httpcore")]
    for shown in (repr(settings), repr(fetched), str(fetched.error), pickle.dumps(fetched).decode("latin-1"), *ours):
        assert KEY not in shown


async def test_a_key_is_in_no_log_at_any_level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with site(reply(b"", 503), reply(OFFERS)) as wire:
        assert (await fetch(keyed("X-API-Key", "{key}"), replace(asking(wire), keys={"shop": KEY}))).error is None
    assert {"httpx", "stamina"} <= {record.name for record in caplog.records}
    assert KEY not in "".join(repr(vars(record)) for record in caplog.records)


async def test_a_key_in_a_good_answer_is_not_kept() -> None:
    async with site(reply(f'{{"offers":[],"you":"{KEY}"}}'.encode())) as wire:
        fetched = await fetch(keyed(), replace(asking(wire), keys={"shop": KEY}))
        assert fetched.captures[0].body == b'{"offers":[],"you":"***"}'


@pytest.mark.parametrize("key", [f"{KEY}\r\nX-Evil: 1", f"{KEY}\x00", f"{KEY}é"])
async def test_a_key_that_breaks_the_header_is_not_sent_and_not_shown(key: str) -> None:
    async with site(reply(OFFERS)) as wire:
        fetched = await fetch(keyed(), replace(asking(wire), keys={"shop": key}))
        assert fetched.error is not None and fetched.error.fault == "key"
        assert KEY not in repr(fetched)
        assert not wire.heads


# --- what must never be stored ---------------------------------------------------------------------------------------


async def test_the_body_is_scrubbed_before_it_becomes_a_capture() -> None:
    source = replace(SOURCE, scrub=lambda body: body.replace(b"203.0.113.9", b""))
    async with site(reply(b'{"offers":[{"ip":"203.0.113.9"}]}')) as wire:
        (capture,) = (await fetch(source, asking(wire))).captures
        assert capture.body == b'{"offers":[{"ip":""}]}'
        assert capture.sha256 == hashlib.sha256(capture.body).hexdigest()


async def test_a_body_that_cannot_be_scrubbed_is_not_kept_and_not_quoted() -> None:
    def scrub(body: bytes) -> bytes:
        raise ValueError(body.decode())

    async with site(reply(b'{"offers":[{"ip":"203.0.113.9"}]}')) as wire:
        fetched = await fetch(replace(SOURCE, scrub=scrub), asking(wire))
        assert fetched.error is not None and "could not be scrubbed (ValueError)" in str(fetched.error)
        assert "203.0.113.9" not in repr(fetched)


# --- robots.txt ------------------------------------------------------------------------------------------------------

PAGES = replace(SOURCE, robots=True, follow=chain({"/offers": ["/offers/2"]}))


@pytest.mark.parametrize(
    ("robots", "fault"),
    [
        (reply(b"", 404), None),
        (reply(b"", 403), None),
        (reply(b"User-agent: *\nDisallow: /admin", kind="text/plain"), None),
        (reply(b"User-agent: *\nDisallow: /\n\nUser-agent: pertoken\nAllow: /", kind="text/plain"), None),
        (reply(b"<html>not a robots file</html>", kind="text/html"), None),
        (reply(b"User-agent: *\nDisallow: /offers", kind="text/plain"), "robots"),
        (reply(b"User-agent: pertoken\nDisallow: /", kind="text/plain"), "robots"),
        (reply(b"", 503), "robots"),
        (reply(b"<title>Just a moment...</title>", 503, "text/html"), "robots"),
        (reply(b"", 302, location="https://elsewhere.example/robots.txt"), "robots"),
        (reply(b" " * 600_000, kind="text/plain"), "robots"),
    ],
)
async def test_robots_txt_decides_before_anything_else_is_asked(robots: object, fault: str | None) -> None:
    async with site(robots, reply(OFFERS)) as wire:  # type: ignore[arg-type]
        fetched = await fetch(PAGES, replace(asking(wire), attempts=1))
        asked = [head.split()[1] for head in wire.heads]
        assert (fetched.error and fetched.error.fault) == fault
        assert asked == (["/robots.txt"] if fault else ["/robots.txt", "/offers", "/offers/2"])


async def test_robots_txt_is_asked_once_per_host_and_sets_the_pace() -> None:
    async with site(reply(b"User-agent: *\nCrawl-delay: 0.2", kind="text/plain"), reply(OFFERS)) as wire:
        settings = asking(wire, other=wire.origin)
        _ = [
            f
            async for f in fetch_all(
                [replace(PAGES, follow=chain({})), replace(SOURCE, name="other", robots=True)], settings
            )
        ]
        assert [head.split()[1] for head in wire.heads] == ["/robots.txt", "/offers", "/offers"]
        assert wire.arrived_at[2] - wire.arrived_at[1] >= 0.195


# --- conditional requests --------------------------------------------------------------------------------------------


async def test_an_unchanged_page_is_the_earlier_body_seen_again() -> None:
    first, second = datetime(2026, 11, 25, 6, tzinfo=UTC), datetime(2026, 11, 25, 12, tzinfo=UTC)
    modified = "Wed, 25 Nov 2026 05:00:00 GMT"
    async with site(
        reply(OFFERS, etag='"a1"', last_modified=modified), raw(b'HTTP/1.1 304 N\r\netag: "a2"\r\n\r\n')
    ) as wire:
        settings = asking(wire)
        (before,) = (await fetch(SOURCE, replace(settings, now=lambda: first))).captures
        again = await fetch(SOURCE, replace(settings, now=lambda: second), earlier={before.url: before})
        assert again.captures == (replace(before, fetched_at=second, etag='"a2"'),)
        assert again.bytes == 0
        assert 'if-none-match: "a1"' in wire.heads[1].lower()
        assert f"if-modified-since: {modified}".lower() in wire.heads[1].lower()
        assert "if-" not in wire.heads[0].lower()


async def test_a_changed_page_replaces_the_earlier_one() -> None:
    async with site(reply(OFFERS, etag='"a1"'), reply(b'{"offers":[9]}', etag='"b1"')) as wire:
        (before,) = (await fetch(SOURCE, asking(wire))).captures
        (after,) = (await fetch(SOURCE, asking(wire), earlier={before.url: before})).captures
        assert (after.body, after.etag) == (b'{"offers":[9]}', '"b1"')


async def test_an_earlier_page_that_is_no_longer_good_is_not_good_for_being_unchanged() -> None:
    async with site(reply(b'{"offers":[]}', etag='"a1"'), raw(b"HTTP/1.1 304 N\r\n\r\n")) as wire:
        (before,) = (await fetch(SOURCE, asking(wire))).captures
        stricter = replace(SOURCE, anchors=[b'"offers":[{'])
        fetched = await fetch(stricter, asking(wire), earlier={before.url: before})
        assert fetched.error is not None and fetched.error.fault == "anchor"


async def test_a_search_is_never_conditional() -> None:
    source = replace(SOURCE, first=[Request("/offers", "POST", {})])
    async with site(reply(OFFERS, etag='"a1"')) as wire:
        (before,) = (await fetch(source, asking(wire))).captures
        await fetch(source, asking(wire), earlier={before.url: before})
        assert "if-none-match" not in wire.heads[1].lower()


# --- light, and kept as data -----------------------------------------------------------------------------------------


def test_the_client_is_imported_only_when_something_is_asked() -> None:
    code = "import sys, scrapers.fetch, scrapers.recorded_responses; print({'httpx', 'stamina'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"set()\n"


def test_an_error_survives_being_sent_to_another_process() -> None:
    error = FetchError("shop", "status", "answered 404", "GET https://shop.example/offers")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_hosts_keep_the_slowest_pace() -> None:
    hosts = Hosts()
    assert hosts.at("https://a", 60).pace.gap_s == 1.0
    assert hosts.at("https://a", 10).pace.gap_s == 6.0
    assert hosts.at("https://a", 60).pace.gap_s == 6.0
    assert json.dumps(FetchSettings().user_agent) == '"pertoken/0.1.0"'
