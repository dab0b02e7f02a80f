"""What a network or a site can do to us, done on real sockets. The rows of docs/reliability.md name these tests."""

from __future__ import annotations

import asyncio
import gzip
import re
import socket
import ssl
import tracemalloc
import zlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime
from ipaddress import ip_address
from pathlib import Path

import pytest
import trustme

from scrapers.answer import Answer, is_challenge
from scrapers.contract import Request
from scrapers.fetch import FetchSettings, fetch
from scrapers.guard import is_public
from scrapers.visit import AGAIN
from scrapers.walk import Fault, Fetched
from tests.scrapers.misbehaving import (
    IMPATIENT,
    QUICK,
    SOURCE,
    Script,
    asking,
    chain,
    close,
    forever,
    raw,
    reply,
    reset,
    silence,
    site,
    then,
)

OFFERS = b'{"offers":[' + b'{"price":1.25},' * 200 + b"{}]}"
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
SIZED = HEAD + b"content-length: 5000\r\n\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"
CHALLENGE = (
    b"<!doctype html><title>Just a moment...</title><noscript>Enable JavaScript and cookies to continue</noscript>"
    b"<script>window._cf_chl_opt={};s.src='/cdn-cgi/challenge-platform/h/g/orchestrate'</script>"
)


def zipped(sent: bytes) -> Script:
    return reply(sent, content_encoding="gzip")


def to(location: str, status: int = 302) -> Script:
    return reply(b"", status, location=location)


FAULTS: dict[str, tuple[Script, Fault]] = {
    "reset before the answer": (reset, "reset"),
    "reset in the body": (then(raw(SIZED + OFFERS[:500]), reset), "reset"),
    "closed without a word": (close, "damaged"),
    "not HTTP": (then(raw(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), close), "damaged"),
    "endless headers": (then(raw(HEAD), forever(b"x-more: " + b"y" * 4000 + b"\r\n")), "damaged"),
    "no headers in time": (silence, "timeout"),
    "silent in the headers": (then(raw(HEAD), silence), "timeout"),
    "silent in the body": (then(raw(SIZED + OFFERS[:500]), silence), "timeout"),
    "slowloris headers": (then(raw(HEAD + b"x-slow: "), forever(b"y", 0.05)), "timeout"),
    "slowloris body": (then(raw(SIZED), forever(b" ", 0.05)), "timeout"),
    "slowloris error page": (then(raw(SIZED.replace(b"200 OK", b"404 No")), forever(b" ", 0.05)), "timeout"),
    "shorter than its length": (then(raw(SIZED + OFFERS[:500]), close), "damaged"),
    "chunks cut off": (then(raw(CHUNKED + b"10\r\n0123456789abcdef\r\n"), close), "damaged"),
    "chunks misnumbered": (then(raw(CHUNKED + b"zz\r\n0123"), close), "damaged"),
    "truncated gzip": (zipped(gzip.compress(OFFERS)[:-20]), "damaged"),
    "gzip without its checksum": (zipped(gzip.compress(OFFERS)[:-8]), "damaged"),
    "gzip with a wrong checksum": (zipped(gzip.compress(OFFERS)[:-8] + b"\0" * 8), "damaged"),
    "gzip that is none": (zipped(OFFERS), "damaged"),
    "gzip and then more": (zipped(gzip.compress(OFFERS) + gzip.compress(b"[]")), "damaged"),
    "another encoding": (reply(OFFERS, content_encoding="br"), "encoding"),
    "gzip twice": (reply(gzip.compress(gzip.compress(OFFERS)), content_encoding="gzip, gzip"), "encoding"),
    "endless body": (then(raw(HEAD + b"\r\n"), forever(b" " * 65_536)), "too_large"),
    "endless chunks": (then(raw(CHUNKED), forever(b"8000\r\n" + b" " * 0x8000 + b"\r\n")), "too_large"),
    "oversize": (reply(b" " * 1_000_001), "too_large"),
    "oversize when unzipped": (zipped(gzip.compress(b" " * 1_000_001)), "too_large"),
    "redirect loop": (to("/offers"), "redirect"),
    "redirect to nowhere": (reply(b"", 302), "redirect"),
    "redirect to no address": (to("http://[::1/offers"), "redirect"),
    "redirect off the host": (to("https://elsewhere.example/offers"), "redirect"),
    "redirect to a look-alike": (to("http://127.0.0.1@elsewhere.example/offers"), "redirect"),
    "redirect without a scheme": (to("//elsewhere.example/offers"), "redirect"),
    "redirect to loopback": (to("http://127.0.0.1:1/offers"), "redirect"),
    "redirect to loopback by name": (to("http://localhost/offers"), "redirect"),
    "redirect to the metadata service": (to("http://169.254.169.254/latest/meta-data/"), "redirect"),
    "redirect to a file": (to("file:///etc/passwd"), "redirect"),
    "moved to a login page": (to("/login?next=/offers", 301), "redirect"),
    "moved to a sign-in page": (to("/users/sign-in.html", 301), "redirect"),
    "429 storm": (reply(b"API requests too frequent", 429, "text/plain"), "rate_limited"),
    "429 storm with Retry-After": (reply(b"", 429, retry_after="0"), "rate_limited"),
    "500 for good": (reply(b"oops", 500, "text/plain"), "server_error"),
    "503 for good": (reply(b"<h1>maintenance</h1>", 503, "text/html"), "server_error"),
    "challenge with 200": (reply(CHALLENGE, 200, "text/html; charset=utf-8"), "challenge"),
    "challenge with 403": (reply(CHALLENGE, 403, "text/html"), "challenge"),
    "challenge with 503": (reply(CHALLENGE, 503, "text/html"), "challenge"),
    "challenge called JSON": (reply(CHALLENGE), "challenge"),
    "401": (reply(b"{}", 401), "denied"),
    "403": (reply(b"{}", 403), "denied"),
    "404": (reply(b"{}", 404), "status"),
    "204": (raw(b"HTTP/1.1 204 No Content\r\n\r\n"), "status"),
    "304 nobody asked for": (raw(b"HTTP/1.1 304 Not Modified\r\n\r\n"), "status"),
    "wrong content type": (reply(b"<html>offers table</html>", kind="text/html"), "content_type"),
    "no content type": (reply(OFFERS, kind=None), "content_type"),
    "empty 200": (reply(b""), "empty"),
    "blank 200": (reply(b" \r\n\t "), "empty"),
    "another page": (reply(b'{"error":"unknown version"}'), "anchor"),
}


def assert_named(fetched: Fetched, fault: Fault) -> None:
    """The error names source, fault and place, and says what to do; nothing half-read is kept."""
    assert fetched.error is not None
    assert (fetched.error.fault, fetched.error.source) == (fault, "shop"), fetched.error
    assert "/offers" in fetched.error.where
    assert str(fetched.error).startswith("shop: ")
    assert str(fetched.error).isprintable()
    assert not fetched.captures
    assert not fetched.truncated


def patience(fault: Fault) -> FetchSettings:
    return IMPATIENT if fault == "timeout" else QUICK


@pytest.mark.parametrize("name", FAULTS)
async def test_a_fault_is_named_and_tried_again_only_where_that_may_help(name: str) -> None:
    script, fault = FAULTS[name]
    async with asyncio.timeout(5), site(script) as wire:
        fetched = await fetch(SOURCE, asking(wire, patience(fault)))
        assert_named(fetched, fault)
        expected = 4 if name == "redirect loop" else 2 if fault in AGAIN else 1
        assert len(wire.heads) == fetched.requests == expected


@pytest.mark.parametrize("name", [name for name, (_, fault) in FAULTS.items() if fault in AGAIN])
async def test_a_passing_fault_costs_nothing_but_time(name: str) -> None:
    script, fault = FAULTS[name]
    async with asyncio.timeout(5), site(script, reply(OFFERS)) as wire:
        fetched = await fetch(SOURCE, asking(wire, patience(fault)))
        assert fetched.error is None
        assert [capture.body for capture in fetched.captures] == [OFFERS]


@pytest.mark.captures
def test_real_challenges_are_told_from_real_pages(captures: Path) -> None:
    pages = [path for path in (captures / "api").rglob("*") if path.suffix in {".html", ".md", ".json"}]
    found = {p.name for p in pages if is_challenge(SOURCE, Answer("", 200, "text/html", p.read_bytes()))}
    assert found == {p.name for p in pages if "challenge" in p.name}
    assert len(found) >= 1 and len(pages) > 20


# --- connecting ------------------------------------------------------------------------------------------------------


async def test_connection_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    fetched = await fetch(SOURCE, replace(QUICK, origins={"shop": f"http://127.0.0.1:{port}"}))
    assert_named(fetched, "refused")
    assert fetched.requests == QUICK.attempts


async def test_connect_timeout() -> None:
    # A full accept queue: the kernel drops further handshakes.
    with socket.create_server(("127.0.0.1", 0), backlog=0) as deaf:
        address = deaf.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(address)
        fetched = await fetch(SOURCE, replace(IMPATIENT, origins={"shop": f"http://127.0.0.1:{address[1]}"}))
        for each in waiting:
            each.close()
    assert_named(fetched, "timeout")
    assert fetched.error is not None and "no connection in time" in fetched.error.what


async def test_dns_failure() -> None:
    """`.invalid` never resolves, whatever the resolver."""
    fetched = await fetch(replace(SOURCE, origin="https://shop.invalid"), replace(QUICK, connect_timeout_s=5.0))
    assert_named(fetched, "dns")


async def test_dns_that_hangs() -> None:
    async def hang(host: str, port: int) -> Sequence[str]:
        await asyncio.sleep(30)
        return []

    assert_named(await fetch(SOURCE, replace(IMPATIENT, resolve=hang)), "timeout")


async def test_the_next_address_is_tried_when_the_first_does_not_answer() -> None:
    async def two(host: str, port: int) -> Sequence[str]:
        return ["::1", "127.0.0.1"]

    async with site(reply(OFFERS), host="shop.example") as wire:
        fetched = await fetch(SOURCE, replace(asking(wire), resolve=two))
        assert len(fetched.captures) == 1
        assert "host: shop.example" in wire.heads[0].lower()


# --- TLS -------------------------------------------------------------------------------------------------------------


async def loopback(host: str, port: int) -> Sequence[str]:
    return ["127.0.0.1"]


def server_tls(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


async def test_tls_is_verified_for_the_name_though_the_address_is_connected(
    authority: trustme.CA, ca_file: Path
) -> None:
    async with site(reply(OFFERS), tls=server_tls(authority, "shop.example"), host="shop.example") as wire:
        fetched = await fetch(SOURCE, replace(asking(wire), resolve=loopback, ca_file=ca_file))
        assert fetched.error is None
        assert fetched.captures[0].url == f"{wire.origin}/offers"


async def test_tls_of_an_unknown_authority(authority: trustme.CA) -> None:
    async with site(reply(OFFERS), tls=server_tls(authority, "shop.example"), host="shop.example") as wire:
        assert_named(await fetch(SOURCE, replace(asking(wire), resolve=loopback)), "tls")
        assert not wire.heads


async def test_tls_for_another_name(authority: trustme.CA, ca_file: Path) -> None:
    async with site(reply(OFFERS), tls=server_tls(authority, "other.example"), host="shop.example") as wire:
        assert_named(await fetch(SOURCE, replace(asking(wire), resolve=loopback, ca_file=ca_file)), "tls")
        assert not wire.heads


async def test_plain_text_where_tls_should_be() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        origin = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        assert_named(await fetch(SOURCE, replace(QUICK, origins={"shop": origin})), "tls")


async def test_a_redirect_from_tls_to_plain_text_is_refused(authority: trustme.CA, ca_file: Path) -> None:
    async with site(to("http://shop.example/offers"), tls=server_tls(authority, "shop.example")) as wire:
        origin = wire.origin.replace("127.0.0.1", "shop.example")
        settings = replace(QUICK, origins={"shop": origin}, resolve=loopback, ca_file=ca_file)
        fetched = await fetch(SOURCE, settings)
        assert_named(fetched, "redirect")
        assert fetched.error is not None and "gives up TLS" in fetched.error.what


# --- addresses -------------------------------------------------------------------------------------------------------


INSIDE = [
    *("127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1"),
    *("169.254.169.254", "224.0.0.1", "255.255.255.255"),
    *("::1", "::", "fe80::1", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254"),
    *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2001:0:4136:e378:8000:63bf:3fff:fdd2"),
]


@pytest.mark.parametrize("address", INSIDE)
async def test_a_name_that_leads_inside_is_not_asked(address: str) -> None:
    async def rebound(host: str, port: int) -> Sequence[str]:
        return [address]

    async with site(reply(OFFERS)) as wire:
        port = wire.origin.rpartition(":")[2]
        source = replace(SOURCE, origin=f"http://shop.example:{port}")
        assert_named(await fetch(source, replace(QUICK, resolve=rebound)), "address")
        assert not wire.heads


async def test_an_inside_address_as_origin_is_not_asked_unless_overridden() -> None:
    async with site(reply(OFFERS)) as wire:
        assert_named(await fetch(replace(SOURCE, origin=wire.origin), QUICK), "address")
        assert not wire.heads
        assert (await fetch(SOURCE, asking(wire))).error is None


def test_public_addresses_are_public() -> None:
    assert all(is_public(ip_address(text)) for text in ("1.1.1.1", "2606:4700::1111", "64:ff9b::101:101"))


@pytest.mark.parametrize("path", ["@127.0.0.1/", ".evil.example/", "offers"])
async def test_a_path_cannot_name_another_host(path: str) -> None:
    async with site(reply(OFFERS)) as wire:
        fetched = await fetch(replace(SOURCE, first=[Request(path)]), asking(wire))
        assert fetched.error is not None and fetched.error.fault == "module"
        assert not wire.heads


# --- redirects that are followed -------------------------------------------------------------------------------------


async def test_a_redirect_on_the_same_host_is_followed() -> None:
    async with site(to("/v2/offers?all=1", 301), reply(OFFERS)) as wire:
        fetched = await fetch(SOURCE, asking(wire))
        assert [capture.url for capture in fetched.captures] == [f"{wire.origin}/v2/offers?all=1"]
        assert (fetched.requests, wire.heads[1].split()[1]) == (2, "/v2/offers?all=1")


@pytest.mark.parametrize(("status", "followed"), [(301, False), (302, False), (303, False), (307, True), (308, True)])
async def test_a_search_is_never_turned_into_another_question(status: int, followed: bool) -> None:
    source = replace(SOURCE, first=[Request("/offers", "POST", {"type": "bid"})])
    async with site(to("/v2/offers", status), reply(OFFERS)) as wire:
        fetched = await fetch(source, asking(wire))
        assert bool(fetched.captures) is followed
        assert [head.split()[0] for head in wire.heads] == ["POST", "POST"] if followed else ["POST"]


# --- memory ----------------------------------------------------------------------------------------------------------


def bomb(megabytes: int) -> bytes:
    squeeze = zlib.compressobj(9, wbits=31)
    return b"".join(squeeze.compress(bytes(1_000_000)) for _ in range(megabytes)) + squeeze.flush()


@pytest.mark.parametrize("status", [200, 403])
async def test_a_gzip_bomb_stays_small(status: int) -> None:
    """150 MB in 0.15 MB on the wire, against a cap of 1 MB."""
    async with site(reply(bomb(150), status, content_encoding="gzip")) as wire:
        tracemalloc.start()
        try:
            fetched = await fetch(SOURCE, asking(wire))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert_named(fetched, "too_large" if status == 200 else "denied")
        assert peak < 6_000_000


# --- too fast, too busy ----------------------------------------------------------------------------------------------


async def test_retry_after_in_seconds_is_waited_for() -> None:
    async with site(reply(b"", 429, retry_after="1"), reply(OFFERS)) as wire:
        fetched = await fetch(SOURCE, asking(wire))
        assert len(fetched.captures) == 1
        assert 1.0 <= wire.arrived_at[1] - wire.arrived_at[0] < 2.0


async def test_retry_after_as_a_date_is_waited_for() -> None:
    now = datetime(2026, 11, 25, 6, 0, 0, 500_000, tzinfo=UTC)
    date = format_datetime(now.replace(second=1, microsecond=0), usegmt=True)
    async with site(reply(b"", 503, retry_after=date), reply(OFFERS)) as wire:
        fetched = await fetch(SOURCE, replace(asking(wire), now=lambda: now))
        assert len(fetched.captures) == 1
        assert 0.5 <= wire.arrived_at[1] - wire.arrived_at[0] < 1.0


@pytest.mark.parametrize("wait", ["3600", "9" * 400, "Fri, 31 Dec 2100 23:59:59 GMT"])
async def test_a_site_that_wants_long_rest_gets_it(wait: str) -> None:
    async with site(reply(b"", 429, retry_after=wait)) as wire:
        fetched = await fetch(SOURCE, asking(wire))
        assert_named(fetched, "rate_limited")
        assert len(wire.heads) == 1


@pytest.mark.parametrize("wait", ["soon", "-5", "", "Fri, 31 Feb 2026 00:00:00 GMT"])
async def test_an_unreadable_retry_after_is_as_none(wait: str) -> None:
    async with site(reply(b"", 429, retry_after=wait), reply(OFFERS)) as wire:
        assert len((await fetch(SOURCE, asking(wire))).captures) == 1


async def test_a_429_without_retry_after_waits_a_rate_limit_period_that_doubles() -> None:
    busy = reply(b"API requests too frequent", 429, "text/plain")
    async with site(busy, busy, reply(OFFERS)) as wire:
        fetched = await fetch(SOURCE, replace(asking(wire), attempts=3))
        assert len(fetched.captures) == 1
        first, second = (later - sooner for sooner, later in zip(wire.arrived_at, wire.arrived_at[1:], strict=False))
        assert 0.095 <= first < 0.19 <= second < 0.4


# --- what one fault does to the rest of a source ---------------------------------------------------------------------


async def test_a_host_that_fails_ends_the_source_and_keeps_what_came_before() -> None:
    source = replace(SOURCE, follow=chain({"/offers": ["/offers/2", "/offers/3"]}))
    async with site(reply(OFFERS), reply(b"", 500)) as wire:
        fetched = await fetch(source, asking(wire))
        assert fetched.error is not None and fetched.error.fault == "server_error"
        assert [capture.request.path for capture in fetched.captures] == ["/offers"]
        assert len(wire.heads) == 1 + QUICK.attempts


async def test_one_bad_page_costs_its_branch_only() -> None:
    source = replace(SOURCE, follow=chain({"/offers": ["/2", "/3", "/4"], "/2": ["/2/1"]}))
    async with site(reply(OFFERS), reply(b"{}", 404), reply(b"", 200), reply(OFFERS)) as wire:
        fetched = await fetch(source, asking(wire))
        assert [capture.request.path for capture in fetched.captures] == ["/offers", "/4"]
        assert fetched.error is not None and fetched.error.fault == "status"
        assert "and 1 more requests failed" in str(fetched.error)
        assert [note for note in fetched.notes if "empty body" in note]


async def test_a_source_that_never_ends_meets_its_deadline() -> None:
    source = replace(SOURCE, max_requests=10**6, follow=lambda capture: [Request(capture.request.path + "x")])
    async with site(reply(OFFERS)) as wire:
        fetched = await fetch(source, replace(asking(wire), source_deadline_s=0.3))
        assert fetched.error is not None and fetched.error.fault == "deadline"
        assert fetched.captures
        assert fetched.seconds < 1.0


def test_every_fault_stands_in_the_docs() -> None:
    text = (Path(__file__).parents[2] / "docs" / "reliability.md").read_text()
    rows = [line.split("|")[1:3] for line in text.split("## Network")[1].split("\n## ")[0].splitlines() if '"' in line]
    told = {fault: int(count) for fault, count in rows if count.strip().isdecimal()}
    names = {fault: re.findall('"([^"]+)"', fault) for fault in told}
    assert {name for row in names.values() for name in row} == set(FAULTS)
    assert {fault: len(row) for fault, row in names.items()} == told
