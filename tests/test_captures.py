"""What each source sent, and what must be read in it: tests/captures/<source>.json beside <source>.expected.json.

A capture file is a list of answers: method, path, json, status, content_type, fetched_at and body (a JSON value, or a
string for a page). Where the expected file is missing it is written and the test fails once, asking to be read.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest

from scrapers.contract import Capture, Request, Source
from scrapers.reading import read
from scrapers.registry import SOURCES

FOLDER = Path(__file__).parent / "captures"


class Answered(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    method: Literal["GET", "POST", "PUT"]
    path: str
    json: dict[str, Any] | None
    status: int
    content_type: str
    fetched_at: datetime
    body: msgspec.Raw

    def capture(self, source: Source) -> Capture:
        body = bytes(self.body)
        if body.startswith(b'"'):
            body = msgspec.json.decode(body, type=str).encode()
        body = source.scrub(body)
        return Capture(
            source.name,
            Request(self.path, self.method, self.json),
            source.origin + self.path,
            self.status,
            self.content_type,
            self.fetched_at,
            body,
            hashlib.sha256(body).hexdigest(),
        )


def captures_of(source: Source) -> list[Capture]:
    text = (FOLDER / f"{source.name}.json").read_bytes()
    return [answered.capture(source) for answered in msgspec.json.decode(text, type=list[Answered])]


def in_words(source: Source, captures: list[Capture]) -> bytes:
    """All that was read, one record per line, so that a change shows as changed lines. Unsaid fields are left out."""
    run = read(source, captures)
    findings = [finding for _, reading in run.readings for finding in reading.findings]
    parts: dict[str, list[Any]] = {
        "offers": [_said(offer) for offer in run.settled.offers],
        "prices": [_said(price) for price in run.settled.prices],
        "findings": [*findings, *run.settled.findings],
        "refused": [f"{error}" for _, error in run.refused],
    }
    lines = [
        msgspec.json.encode(name) + b":[\n" + b",\n".join(msgspec.json.encode(row) for row in rows) + b"\n]"
        for name, rows in parts.items()
    ]
    return b"{\n" + b",\n".join(lines) + b"\n}\n"


def _said(record: msgspec.Struct) -> dict[str, Any]:
    return {name: value for name, value in msgspec.structs.asdict(record).items() if value is not None}


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_what_is_read(source: Source) -> None:
    captures = captures_of(source)
    expected = FOLDER / f"{source.name}.expected.json"
    found = in_words(source, captures)
    if not expected.exists():
        expected.write_bytes(found)
        pytest.fail(f"{expected.name} was missing and has been written: read it, then run the test again")
    assert found.decode() == expected.read_text(encoding="utf-8")


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_the_capture_shows_the_source(source: Source) -> None:
    run = read(source, captures_of(source))
    assert run.settled.offers or run.settled.prices
    assert not source.anchors or all(any(a in c.body for a in source.anchors) for c in captures_of(source))
