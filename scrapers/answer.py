"""Is this answer the page it should be? Between the bytes of a response and a Capture."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from scrapers.contract import Capture, Request, Source
from scrapers.walk import Fault, FetchError

CHALLENGE_SCRIPT = b"_cf_chl_opt"
CHALLENGE_MARKS = (
    CHALLENGE_SCRIPT,
    b"challenge-platform",
    b"Enable JavaScript and cookies",
    b"Just a moment",
)


@dataclass(frozen=True, slots=True)
class Answer:
    """One response, body decompressed. Of an error page only the beginning is kept."""

    url: str
    status: int
    content_type: str
    body: bytes
    etag: str | None = None
    last_modified: str | None = None
    retry_after: str | None = None
    location: str | None = None


def shown(text: str, limit: int = 120) -> str:
    """Text from outside, safe to print: ASCII, without control characters, cut."""
    return ascii(text[:limit])[1:-1] + ("…" if len(text) > limit else "")


def asked(request: Request, url: str) -> str:
    """How an error names a request."""
    return f"{request.method} {shown(url, 200)}" + (f", {request.label}" if request.label else "")


def is_challenge(source: Source, answer: Answer) -> bool:
    """Whether a bot check stands where the page should be, under whatever status.

    Ordinary pages behind the same network carry some of the marks too, so a page with one of its anchors
    is a challenge only if it holds the challenge's own script; and what is not markup never is one.
    """
    if not answer.body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return False
    good = answer.status in (200, 201) and bool(source.anchors) and _anchored(source, answer.body)
    return any(mark in answer.body for mark in (CHALLENGE_MARKS[:1] if good else CHALLENGE_MARKS))


def check(source: Source, request: Request, answer: Answer) -> None:
    """Raise FetchError unless status, content type and anchors are those of a good answer of this source."""
    fault = _fault(source, answer)
    if fault:
        raise FetchError(source.name, fault[0], fault[1], asked(request, answer.url))


def _fault(source: Source, answer: Answer) -> tuple[Fault, str] | None:
    kind = answer.content_type.partition(";")[0].strip().lower()
    if is_challenge(source, answer):
        return "challenge", f"a bot check answered instead of the page (status {answer.status})"
    if answer.status in (401, 403):
        return "denied", f"answered {answer.status}"
    if answer.status not in (200, 201):
        return "status", f"answered {answer.status}"
    if not answer.body.strip():
        return "empty", "answered with an empty body"
    if kind not in source.content_types:
        wanted = " or ".join(source.content_types)
        return "content_type", f"answered {shown(kind) or 'no content type'} where {wanted} is expected"
    if source.anchors and not _anchored(source, answer.body):
        names = " or ".join(shown(anchor.decode()) for anchor in source.anchors)
        return "anchor", f"none of {names} is in the answer of {len(answer.body):,} bytes"
    return None


def _anchored(source: Source, body: bytes) -> bool:
    return any(anchor in body for anchor in source.anchors)


def capture(
    source: Source, request: Request, answer: Answer, fetched_at: datetime, redact: Callable[[bytes], bytes] = bytes
) -> Capture:
    """The checked answer, scrubbed by the source's own rule and `redact`; the sha256 is of what is left.

    Raises FetchError.
    """
    check(source, request, answer)
    try:
        body = redact(source.scrub(answer.body))
    except Exception as error:
        # The text of the error may hold what should have been scrubbed.
        what = f"the answer could not be scrubbed ({type(error).__name__})"
        raise FetchError(source.name, "module", what, asked(request, answer.url)) from None
    return Capture(
        source=source.name,
        request=request,
        url=answer.url,
        status=answer.status,
        content_type=answer.content_type,
        fetched_at=fetched_at,
        body=body,
        sha256=hashlib.sha256(body).hexdigest(),
        etag=answer.etag,
        last_modified=answer.last_modified,
    )
