"""Ask a stand-in without a network: what follows is followed, every request once."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

from scrapers.contract import Capture, Request, Source
from scrapers.walk import identity
from tests.loopback.server import Ask, Routes, Site

START = datetime(2026, 7, 28, 6, tzinfo=UTC)


def captures_from(source: Source, routes: Routes, key: str | None = None) -> list[Capture]:
    """All captures of one walk, at most `source.max_requests`, a second apart. Errors of the site end their branch."""
    site, pending = Site(routes), list(source.first)
    captures: list[Capture] = []
    seen = {identity(request) for request in pending}
    while pending and len(site.asked) < source.max_requests:
        capture = _ask(source, site, pending.pop(0), key)
        if capture is None:
            continue
        captures.append(capture)
        for request in source.follow(capture):
            if identity(request) not in seen:
                seen.add(identity(request))
                pending.append(request)
    return captures


def _ask(source: Source, site: Site, request: Request, key: str | None) -> Capture | None:
    url = urlsplit(request.path)
    headers = {source.key_header.lower(): source.key_format.format(key=key)} if key else {}
    sent = json.dumps(request.json).encode() if request.json is not None else b""
    answer = site.answer(Ask(request.method, url.path, dict(parse_qsl(url.query)), headers, sent))
    if answer.status not in (200, 201):
        return None
    body = source.scrub(answer.body)
    at = START + timedelta(seconds=len(site.asked))
    digest = hashlib.sha256(body).hexdigest()
    url_asked = source.origin + request.path
    return Capture(source.name, request, url_asked, answer.status, answer.content_type, at, body, digest)
