"""One source being asked over the network: tries, redirects, pace, robots.txt, and the key that must never show."""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path

import httpx
import msgspec
import stamina
from protego import Protego

from scrapers.answer import Answer, asked, capture, check, is_challenge
from scrapers.contract import Capture, Request, Source
from scrapers.exchange import REDIRECTS, Broken, exchange, fault_of, next_url
from scrapers.fetch_settings import FetchSettings
from scrapers.guard import OneOrigin, anywhere, is_public, system_resolve
from scrapers.pace import Pace
from scrapers.walk import Fault, FetchError, OnProgress

MAX_REDIRECTS = 3
ROBOTS = Request("/robots.txt", label="robots.txt")
ROBOTS_BYTES = 512_000
AGAIN: frozenset[Fault] = frozenset({"dns", "refused", "timeout", "reset", "damaged", "rate_limited", "server_error"})
"""Worth a second try within the run."""


class Host:
    """What all sources at one host share during a run."""

    def __init__(self, requests_per_minute: float) -> None:
        self.pace = Pace(requests_per_minute)
        self.robots_lock = asyncio.Lock()
        self.robots: Protego | FetchError | None = None


class Hosts:
    """The hosts of one run. Of several sources at one host the slowest sets the pace."""

    def __init__(self) -> None:
        self._by_origin: dict[str, Host] = {}

    def at(self, origin: str, requests_per_minute: float) -> Host:
        host = self._by_origin.setdefault(origin, Host(requests_per_minute))
        host.pace.slow_to(60.0 / requests_per_minute)
        return host


class Visit:
    """One source being asked: its client, its place in the host's queue, its key."""

    def __init__(
        self,
        source: Source,
        settings: FetchSettings,
        earlier: Mapping[str, Capture],
        on_progress: OnProgress,
        hosts: Hosts,
    ) -> None:
        self._source, self._settings, self._earlier, self._on_progress = source, settings, earlier, on_progress
        self._origin = settings.origins.get(source.name, source.origin).rstrip("/")
        rpm = settings.paces.get(source.name, source.requests_per_minute)
        self._rate_limit_s = settings.rate_limit_s * source.requests_per_minute / rpm
        self._host = hosts.at(self._origin, rpm)
        self._key = _checked_key(source, settings)
        self.requests = 0
        self.bytes = 0

    async def __aenter__(self) -> Visit:
        self._client = _client(self._source, self._settings, self._origin, self._key)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    # --- one request of the walk ---------------------------------------------------------------------------------

    async def ask(self, request: Request, done: int, pending: int) -> Capture:
        """The checked capture for one request, after as many tries as are worth it. Raises FetchError."""

        def tell(wait_s: float, label: str) -> None:
            pacing_s = max(wait_s, self._host.pace.wait_s()) + pending * self._host.pace.gap_s
            self._on_progress(self._source.name, done, pending + 1, pacing_s, label)

        try:
            if self._source.robots:
                await self._obey_robots(request)
            tell(0.0, request.label or request.path)
            earlier = self._earlier.get(str(httpx.URL(self._url(request)))) if request.method == "GET" else None
            said = await self._answer(request, self._source.max_body_bytes, _only_if_changed(earlier), tell)
            answer = self._quiet(said)
            if answer.status == 304 and earlier is not None:
                return self._unchanged(request, earlier, answer)
            return capture(self._source, request, answer, self._settings.now(), self._redact)
        except FetchError as error:
            raise self._without_key(error) from None

    def _unchanged(self, request: Request, earlier: Capture, answer: Answer) -> Capture:
        again = Answer(earlier.url, earlier.status, earlier.content_type, earlier.body)
        check(self._source, request, again)
        return replace(
            earlier,
            request=request,
            fetched_at=self._settings.now(),
            etag=answer.etag or earlier.etag,
            last_modified=answer.last_modified or earlier.last_modified,
        )

    def _url(self, request: Request) -> str:
        # Anything else could smuggle another host into the address ("@elsewhere/").
        if not request.path.startswith("/"):
            raise FetchError(self._source.name, "module", "a path must start with a slash", request.path)
        return self._origin + request.path

    def _redact(self, body: bytes) -> bytes:
        return body.replace(self._key.encode(), b"***") if self._key else body

    def _quiet(self, answer: Answer) -> Answer:
        """Without the key in what is kept of the headers, should a site send it back there."""
        if not self._key:
            return answer
        kept = {name: getattr(answer, name) for name in ("url", "content_type", "etag", "last_modified")}
        return replace(answer, **{name: text.replace(self._key, "***") for name, text in kept.items() if text})

    def _without_key(self, error: FetchError) -> FetchError:
        if not self._key:
            return error
        what, where = (text.replace(self._key, "***") for text in (error.what, error.where))
        return FetchError(error.source, error.fault, what, where, error.retry_after_s)

    # --- tries ---------------------------------------------------------------------------------------------------

    async def _answer(
        self, request: Request, max_body_bytes: int, headers: Mapping[str, str], tell: Callable[[float, str], None]
    ) -> Answer:
        """The answer to one request, tried again where that may help."""
        tries = 0

        def again(error: Exception) -> bool | float:
            if not isinstance(error, FetchError) or error.fault not in AGAIN:
                return False
            wait_s = self._wait_asked_for(error, tries)
            if wait_s is None:
                return True
            if wait_s > self._settings.retry_after_max_s or tries >= self._settings.attempts:
                return False
            self._host.pace.hold(wait_s)
            tell(wait_s, f"{error.what}; waiting")
            return wait_s

        async for attempt in stamina.retry_context(
            on=again,
            attempts=self._settings.attempts,
            timeout=None,
            wait_initial=self._settings.backoff_s,
            wait_max=self._settings.backoff_max_s,
            wait_jitter=self._settings.backoff_s,
        ):
            with attempt:
                tries += 1
                return await self._try(request, max_body_bytes, headers)
        raise AssertionError("stamina returns an answer or raises")

    def _wait_asked_for(self, error: FetchError, tries: int) -> float | None:
        """Seconds the site wants us away: what it says, or a rate-limit period that doubles. None: it did not say."""
        if error.retry_after_s is not None:
            return error.retry_after_s
        if error.fault == "rate_limited":
            period_s = min(self._rate_limit_s * 2.0 ** (tries - 1), self._settings.retry_after_max_s)
            return period_s * random.uniform(0.95, 1)
        return None

    async def _try(self, request: Request, max_body_bytes: int, headers: Mapping[str, str]) -> Answer:
        """One try: the request and the redirects it meets. Raises FetchError."""
        url = self._url(request)
        try:
            for _ in range(MAX_REDIRECTS + 1):
                answer = await self._exchange(request, url, max_body_bytes, headers)
                if answer.status not in REDIRECTS:
                    return self._settled(request, answer)
                url = next_url(answer, request.method)
            raise Broken("redirect", f"answered with more than {MAX_REDIRECTS} redirects in a row")
        except Broken as error:
            raise FetchError(self._source.name, error.fault, error.what, asked(request, url)) from None

    async def _exchange(self, request: Request, url: str, max_body_bytes: int, headers: Mapping[str, str]) -> Answer:
        body = None if request.json is None else msgspec.json.encode(request.json)
        kind = {"content-type": "application/json"} if body is not None else {}
        async with self._host.pace.turn():
            try:
                ready = self._client.build_request(request.method, url, content=body, headers={**headers, **kind})
                async with asyncio.timeout(self._settings.response_timeout_s):
                    return await exchange(self._client, ready, max_body_bytes, self)
            except Exception as error:
                fault, what = fault_of(error)
                raise FetchError(self._source.name, fault, what, asked(request, url)) from None

    def _settled(self, request: Request, answer: Answer) -> Answer:
        """The answer, unless its status says that another try may bring a better one."""
        passing = answer.status in (408, 425, 429) or answer.status >= 500
        if not passing or is_challenge(self._source, answer):
            return answer
        fault: Fault = "rate_limited" if answer.status == 429 else "server_error"
        wait_s = _retry_after_s(answer.retry_after, self._settings.now())
        wanted = f" and wants {wait_s:.0f} s of rest" if wait_s is not None else ""
        raise FetchError(
            self._source.name, fault, f"answered {answer.status}{wanted}", asked(request, answer.url), wait_s
        )

    # --- robots.txt ----------------------------------------------------------------------------------------------

    async def _obey_robots(self, request: Request) -> None:
        async with self._host.robots_lock:
            if self._host.robots is None:
                self._host.robots = await self._robots()
        rules, where = self._host.robots, asked(request, self._url(request))
        if isinstance(rules, FetchError):
            what = f"robots.txt could not be read ({rules.what}), so nothing else was asked"
            raise FetchError(self._source.name, "robots", what, rules.where)
        if not rules.can_fetch(self._url(request), "pertoken"):
            raise FetchError(self._source.name, "robots", "robots.txt asks us to stay away", where)

    async def _robots(self) -> Protego | FetchError:
        """The host's rules. None at all (4xx) allows everything; a host that cannot say is left alone in this run."""
        try:
            answer = await self._answer(ROBOTS, ROBOTS_BYTES, {}, lambda wait_s, label: None)
        except FetchError as error:
            return error
        if is_challenge(self._source, answer):
            return FetchError(self._source.name, "challenge", "a bot check answered", asked(ROBOTS, answer.url))
        rules = Protego.parse(answer.body.decode(errors="replace") if answer.status == 200 else "")
        self._host.pace.slow_to(float(rules.crawl_delay("pertoken") or 0))
        return rules


def _checked_key(source: Source, settings: FetchSettings) -> str | None:
    key = settings.keys.get(source.name, "").strip()
    if source.key_required and not key:
        raise FetchError(source.name, "key", f"{source.key} is not set", source.origin)
    # A client would quote a bad header, key and all, in its error.
    if not (key.isascii() and key.isprintable()):
        raise FetchError(source.name, "key", f"{source.key} holds characters that no key has", source.origin)
    return key or None


def _client(source: Source, settings: FetchSettings, origin: str, key: str | None) -> httpx.AsyncClient:
    headers = {"User-Agent": settings.user_agent, "Accept-Encoding": "gzip", "Accept": _accept(source)}
    if key:
        headers[source.key_header] = source.key_format.format(key=key)
    return httpx.AsyncClient(
        transport=OneOrigin(
            origin,
            permitted=anywhere if source.name in settings.origins else is_public,
            resolve=settings.resolve or system_resolve,
            tls=_tls(settings.ca_file),
        ),
        headers=headers,
        cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=[])),
        timeout=httpx.Timeout(
            connect=settings.connect_timeout_s,
            read=settings.read_timeout_s,
            write=settings.write_timeout_s,
            pool=settings.connect_timeout_s,
        ),
        follow_redirects=False,
        trust_env=False,  # a proxy would resolve names behind the guard's back
    )


@cache
def _tls(ca_file: Path | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(ca_file)) if ca_file else httpx.create_ssl_context(trust_env=False)


def _accept(source: Source) -> str:
    """The source's content types, the first one most wanted."""
    return ", ".join(f"{kind};q={max(0.1, 1 - rank / 10):.1f}" for rank, kind in enumerate(source.content_types))


def _only_if_changed(earlier: Capture | None) -> dict[str, str]:
    if earlier is None:
        return {}
    asked_with = {"if-none-match": earlier.etag, "if-modified-since": earlier.last_modified}
    return {name: value for name, value in asked_with.items() if value}


def _retry_after_s(text: str | None, now: datetime) -> float | None:
    """Seconds from a Retry-After header in either of its forms; None where it is absent or unreadable."""
    if text is None:
        return None
    if text.strip().isdecimal():
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    wait = (when if when.tzinfo else when.replace(tzinfo=UTC)) - now
    return max(0.0, wait.total_seconds())
