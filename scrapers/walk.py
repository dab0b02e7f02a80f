"""From the first requests of a source to its last answer, whoever answers: the network or a recording."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import msgspec

from scrapers.contract import Capture, Request, Source

Fault = Literal[
    "dns",
    "refused",
    "tls",
    "address",
    "timeout",
    "reset",
    "damaged",
    "encoding",
    "too_large",
    "rate_limited",
    "server_error",
    "status",
    "denied",
    "challenge",
    "redirect",
    "content_type",
    "empty",
    "anchor",
    "robots",
    "key",
    "deadline",
    "module",
    "not_recorded",
    "not_asked",
]

REMEDY: dict[Fault, str] = {
    "dns": "check the network and the spelling of the origin",
    "refused": "check the network; the site may be down",
    "tls": "check the clock and the certificates of this machine; nothing was sent",
    "address": "only public addresses are asked, unless the origin is overridden",
    "timeout": "the site is slow or the network is; the next run asks again",
    "reset": "the next run asks again",
    "damaged": "the answer came incomplete, so it was thrown away; the next run asks again",
    "encoding": "only plain and gzip bodies are read",
    "too_large": "look at the page; if it has grown honestly, raise the source's max_body_bytes",
    "rate_limited": "lower the source's requests per minute",
    "server_error": "the site has a fault; the next run asks again",
    "status": "look at the page; it may have moved",
    "denied": "the site wants a key or does not want us; look at its terms",
    "challenge": "the site wants a browser; use another official page, do not evade it",
    "redirect": "look where the page moved and change the source's origin or path",
    "content_type": "look at the page; it may have moved or changed its form",
    "empty": "look at the page; the next run asks again",
    "anchor": "look at the page; what the source's module looks for is gone",
    "robots": "ask the site's owner, or read another page",
    "key": "set the key, without spaces or line breaks",
    "deadline": "raise the pace if the site allows it, or the deadline",
    "module": "mend the source's module",
    "not_recorded": "record the source again",
    "not_asked": "look at the workers and their logs; the next run asks again",
}

ENDS_SOURCE: frozenset[Fault] = frozenset(REMEDY) - {
    "too_large",
    "status",
    "content_type",
    "empty",
    "anchor",
    "module",
    "not_recorded",
}
"""After these, asking the same host for more would be pointless or rude. The others cost one answer and what follows
from it."""


class FetchError(Exception):
    """Why there is no capture: which source, what happened, where, and what a person can do about it.

    `retry_after_s` is the wait the site asked for, if it did.
    """

    def __init__(self, source: str, fault: Fault, what: str, where: str, retry_after_s: float | None = None) -> None:
        super().__init__(source, fault, what, where, retry_after_s)
        self.source, self.fault, self.what, self.where = source, fault, what, where
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        return f"{self.source}: {self.what} ({self.where}): {REMEDY[self.fault]}"


@dataclass(frozen=True, slots=True)
class Fetched:
    """All that one source answered in one run.

    `error` with captures means partial: what came before is kept. `requests` counts what went out, retries and
    redirects included; `bytes` counts body bytes as received, compressed or not.
    """

    source: str
    captures: Sequence[Capture]
    error: FetchError | None = None
    truncated: bool = False
    truncated_why: str | None = None
    seconds: float = 0.0
    requests: int = 0
    bytes: int = 0
    notes: Sequence[str] = ()


class Asker(Protocol):
    """Answers one request of a source, or raises FetchError."""

    requests: int
    bytes: int

    async def ask(self, request: Request, done: int, pending: int) -> Capture:
        """`done` requests were answered before this one, `pending` are known to come after it."""
        ...


OnProgress = Callable[[str, int, int, float, str], None]
"""(source, done, known pending, seconds that pacing alone will take for them, label of the next request)."""


def ignore_progress(source: str, done: int, pending: int, remaining_s: float, label: str) -> None:
    """The default OnProgress."""


def identity(request: Request) -> tuple[str, str, bytes]:
    """What makes two requests the same: method, path with query, and JSON body whatever its order of keys."""
    return request.method, request.path, msgspec.json.encode(request.json, order="sorted")


async def walk(source: Source, asker: Asker, deadline_s: float) -> Fetched:
    """Ask the source's first requests, then whatever follows from each answer, until nothing follows.

    Identical requests are asked once. Never raises: the captures so far are kept and the first error is named.
    """
    started = asyncio.get_running_loop().time()
    trail = _Trail(source)
    try:
        async with asyncio.timeout(deadline_s):
            await trail.to_its_end(asker)
    except TimeoutError:
        trail.fail(FetchError(source.name, "deadline", f"not done after {deadline_s:.0f} s", source.origin))
    return trail.fetched(asker, asyncio.get_running_loop().time() - started)


class _Trail:
    """What was asked, what came, what is still to ask."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._captures: list[Capture] = []
        self._errors: list[FetchError] = []
        self._notes: list[str] = []
        self._seen: set[tuple[str, str, bytes]] = set()
        self._pending: deque[Request] = deque()
        self._asked = 0

    async def to_its_end(self, asker: Asker) -> None:
        self._add(self._source.first)
        while self._pending and self._asked < self._source.max_requests:
            request = self._pending.popleft()
            self._asked += 1
            try:
                capture = await asker.ask(request, self._asked - 1, len(self._pending))
                self._captures.append(capture)
                self._add(self._source.follow(capture))
            except FetchError as error:
                self.fail(error)
                if error.fault in ENDS_SOURCE:
                    return
            except Exception as error:
                self.fail(FetchError(self._source.name, "module", f"{type(error).__name__}: {error}", request.path))

    def _add(self, requests: Sequence[Request]) -> None:
        for request in requests:
            if identity(request) not in self._seen:
                self._seen.add(identity(request))
                self._pending.append(request)

    def fail(self, error: FetchError) -> None:
        # Kept as a value: its frames would hold whole bodies, and headers with keys.
        error.__cause__ = error.__context__ = error.__traceback__ = None
        if error.fault == "not_recorded":
            self._notes.append(str(error))
        else:
            self._errors.append(error)

    def fetched(self, asker: Asker, seconds: float) -> Fetched:
        cut = self._asked >= self._source.max_requests and bool(self._pending)
        why = (
            f"stopped after {self._asked} requests, the most for this source; {len(self._pending)} or more would follow"
        )
        return Fetched(
            source=self._source.name,
            captures=tuple(self._captures),
            error=self._first_error(),
            truncated=cut,
            truncated_why=why if cut else None,
            seconds=seconds,
            requests=asker.requests,
            bytes=asker.bytes,
            notes=(*self._notes, *(str(error) for error in self._errors[1:])),
        )

    def _first_error(self) -> FetchError | None:
        if not self._errors:
            return None
        first, *more = self._errors
        what = f"{first.what}, and {len(more)} more requests failed" if more else first.what
        return FetchError(first.source, first.fault, what, first.where, first.retry_after_s)
