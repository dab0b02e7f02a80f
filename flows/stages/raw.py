"""Raw: what the sources answered, stored before anyone reads it, and how the fetching went."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from importlib.metadata import version
from typing import Literal

import msgspec
import polars as pl

from scrapers.contract import Capture, Request, Source
from scrapers.fetch import Fetched, FetchError
from warehouse.store import RawCapture, Warehouse

METHODOLOGY_VERSION = "1.0"
Provenance = Literal["live", "recorded"]


def start(warehouse: Warehouse, now: datetime, provenance: Provenance) -> str:
    """Open a run in the store and return its id, which sorts by time."""
    run_id = f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
    warehouse.begin_run(
        run_id,
        started_at=now,
        provenance=provenance,
        methodology_version=METHODOLOGY_VERSION,
        software_version=version("pertoken"),
    )
    return run_id


def begun(warehouse: Warehouse, run_id: str) -> tuple[str, datetime]:
    """Provenance of a run, and when it began."""
    row = warehouse.runs().filter(pl.col("run_id") == run_id).row(0, named=True)
    return row["provenance"], row["started_at"]


def keep(warehouse: Warehouse, run_id: str, fetched: Fetched, finished_at: datetime) -> None:
    """Store what one source answered, before anyone reads it, and how the fetching went."""
    warehouse.store_answers(
        run_id,
        fetched.source,
        [_raw(capture) for capture in fetched.captures],
        requests=fetched.requests,
        bytes=fetched.bytes,
        seconds=fetched.seconds,
        truncated=fetched.truncated,
        truncated_why=fetched.truncated_why,
        error="; ".join([str(fetched.error), *fetched.notes]) if fetched.error else None,
        finished_at=finished_at,
    )


def unfetched(source: Source, fault: Literal["module", "not_asked"], what: str) -> Fetched:
    """The answer of a source whose fetching itself broke."""
    return Fetched(source.name, (), FetchError(source.name, fault, what, source.origin))


def unanswered(warehouse: Warehouse, run_id: str, sources: Sequence[Source]) -> list[Source]:
    """The sources whose answers to a run are not stored."""
    stored = set(warehouse.fetches(run_id)["source"])
    return [source for source in sources if source.name not in stored]


def earlier_answers(warehouse: Warehouse, run_id: str) -> dict[str, Capture]:
    """By url, the stored answers that their sites can be asked for "only if changed"."""
    return {stored.url: _capture(stored) for stored in warehouse.answers_to_revalidate(run_id)}


def captures(warehouse: Warehouse, run_id: str, source: Source) -> list[Capture]:
    """What one source answered in a run, in the order it was asked."""
    return [_capture(stored) for stored in warehouse.captures(run_id, source.name)]


def _raw(capture: Capture) -> RawCapture:
    body = capture.request.json
    return RawCapture(
        source=capture.source,
        method=capture.request.method,
        path=capture.request.path,
        request_json=msgspec.json.encode(body).decode() if body is not None else None,
        label=capture.request.label,
        url=capture.url,
        status=capture.status,
        content_type=capture.content_type,
        fetched_at=capture.fetched_at,
        sha256=capture.sha256,
        body=capture.body,
        etag=capture.etag,
        last_modified=capture.last_modified,
    )


def _capture(raw: RawCapture) -> Capture:
    json = msgspec.json.decode(raw.request_json) if raw.request_json is not None else None
    return Capture(
        source=raw.source,
        request=Request(path=raw.path, method=raw.method, json=json, label=raw.label),  # type: ignore[arg-type]
        url=raw.url,
        status=raw.status,
        content_type=raw.content_type,
        fetched_at=raw.fetched_at,
        body=raw.body,
        sha256=raw.sha256,
        etag=raw.etag,
        last_modified=raw.last_modified,
    )
