"""One HTTP request out, one bounded answer back, and every way that can fail, by name."""

from __future__ import annotations

import re
import ssl
import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Protocol
from urllib.parse import urljoin, urlsplit

import httpx

from scrapers.answer import Answer, shown
from scrapers.guard import ForbiddenAddress, NoAddress
from scrapers.walk import Fault

ERROR_PAGE_BYTES = 65_536
"""Enough of an error page to recognise a challenge."""
STEP_BYTES = 262_144
"""The most that one step of decompression may put into memory."""
REDIRECTS = frozenset({301, 302, 303, 307, 308})
KEEP_METHOD = frozenset({307, 308})
LOGIN = re.compile(r"(^|/)(log-?in|sign-?in|sign-?up|auth|oauth\d?|sso|session/new|account)(/|\.|$)", re.IGNORECASE)


class Broken(Exception):
    """An answer that cannot be used, before anyone looks what it says."""

    def __init__(self, fault: Fault, what: str) -> None:
        super().__init__(fault, what)
        self.fault, self.what = fault, what


class Meter(Protocol):
    """Counts what goes over the wire."""

    requests: int
    bytes: int


async def exchange(client: httpx.AsyncClient, request: httpx.Request, max_body_bytes: int, meter: Meter) -> Answer:
    """Send and read; redirects are answers like any other. Raises Broken, NoAddress, ForbiddenAddress, httpx errors."""
    meter.requests += 1
    response = await client.send(request, stream=True)
    try:
        good = response.status_code in (200, 201)
        body = await _body(response, max_body_bytes) if good else await _beginning(response)
    finally:
        meter.bytes += response.num_bytes_downloaded
        await response.aclose()
    headers = response.headers
    return Answer(
        url=str(request.url),
        status=response.status_code,
        content_type=headers.get("content-type", ""),
        body=body,
        etag=headers.get("etag"),
        last_modified=headers.get("last-modified"),
        retry_after=headers.get("retry-after"),
        location=headers.get("location"),
    )


async def _body(response: httpx.Response, limit: int) -> bytes:
    body = bytearray()
    async for piece in _pieces(response):
        body += piece
        if len(body) > limit:
            raise Broken("too_large", f"the answer is larger than {limit:,} bytes")
    return bytes(body)


async def _beginning(response: httpx.Response) -> bytes:
    """The start of an error page, as far as it can be read: the status says enough without it."""
    body = bytearray()
    try:
        async for piece in _pieces(response):
            body += piece
            if len(body) >= ERROR_PAGE_BYTES:
                break
    except (Broken, httpx.TransportError):
        pass
    return bytes(body[:ERROR_PAGE_BYTES])


async def _pieces(response: httpx.Response) -> AsyncIterator[bytes]:
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding == "identity":
        async for chunk in response.aiter_raw():
            yield chunk
        return
    if encoding not in ("gzip", "x-gzip"):
        raise Broken("encoding", f"the answer is encoded as {shown(encoding)}")
    gzip = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    async for chunk in response.aiter_raw():
        for piece in _unzipped(gzip, chunk):
            yield piece
    if not gzip.eof:
        raise Broken("damaged", "the gzip stream of the answer ends too early")


def _unzipped(gzip: zlib._Decompress, chunk: bytes) -> Iterator[bytes]:
    if gzip.eof:
        raise Broken("damaged", "bytes follow the end of the gzip stream")
    while True:
        try:
            piece = gzip.decompress(chunk, STEP_BYTES)
        except zlib.error as error:
            raise Broken("damaged", f"the answer is not the gzip stream it claims to be ({error})") from None
        yield piece
        chunk = gzip.unconsumed_tail
        if gzip.unused_data:
            raise Broken("damaged", "bytes follow the end of the gzip stream")
        if len(piece) < STEP_BYTES and not chunk:
            return


def next_url(answer: Answer, method: str) -> str:
    """Where a redirect leads, if it stays on the origin it came from; Broken says why it may not be followed."""
    if not answer.location:
        raise Broken("redirect", f"answered {answer.status} without saying where to")
    target = urljoin(answer.url, answer.location)
    told = f"answered {answer.status} to {shown(target)}"
    try:
        here, there = urlsplit(answer.url), urlsplit(target)
        same_host = (here.hostname, here.port) == (there.hostname, there.port) and "@" not in there.netloc
    except ValueError:
        raise Broken("redirect", f"{told}, which is no address") from None
    if here.scheme == "https" and there.scheme == "http":
        raise Broken("redirect", f"{told}, which gives up TLS")
    if not same_host or here.scheme != there.scheme:
        raise Broken("redirect", f"{told}, which is another host")
    if LOGIN.search(there.path):
        raise Broken("redirect", f"{told}, which looks like a login page")
    if method != "GET" and answer.status not in KEEP_METHOD:
        raise Broken("redirect", f"{told}, which would turn {method} into GET")
    return target


def fault_of(error: Exception) -> tuple[Fault, str]:
    """The name and the words for what went wrong on the wire."""
    match error:
        case Broken():
            return error.fault, error.what
        case NoAddress():
            return "dns", str(error)
        case ForbiddenAddress():
            return "address", str(error)
        case TimeoutError() | httpx.TimeoutException():
            return "timeout", _late(error)
        case httpx.ConnectError():
            tls = _tls_error(error)
            return ("tls", f"no trustworthy TLS connection: {tls}") if tls else ("refused", "no connection")
        case httpx.RemoteProtocolError() if "location header" in str(error):
            return "redirect", "answered with a redirect to what is no address"
        case httpx.RemoteProtocolError():
            return "damaged", f"the answer broke off or is not HTTP: {shown(str(error))}"
        case httpx.UnsupportedProtocol() | httpx.LocalProtocolError():
            return "module", f"the request cannot be sent: {type(error).__name__}"
        case httpx.TransportError() | OSError():
            return "reset", f"the connection broke: {type(error).__name__}"
        case _:
            return "module", f"the request cannot be sent: {type(error).__name__}"


def _late(error: Exception) -> str:
    match error:
        case httpx.ConnectTimeout():
            return "no connection in time"
        case httpx.ReadTimeout():
            return "silent for too long"
        case _:
            return "the answer took too long"


def _tls_error(error: BaseException) -> str | None:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return cause.verify_message
        # A connection that ends during the handshake may be only a busy site.
        if isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            return cause.reason or "handshake failed"
        cause = cause.__cause__ or cause.__context__
    return None
