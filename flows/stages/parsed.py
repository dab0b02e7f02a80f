"""Parsed: stored answers -> records -> frames, with what could not be read and one row per source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import polars as pl

from flows.stages import raw
from scrapers import frames
from scrapers.contract import Source
from scrapers.reading import RunReading, read
from warehouse.export.text import plain
from warehouse.store import Warehouse

LONGEST_ERROR = 4000
"""Characters of what went wrong with one source: it is shown in logs, artifacts and alerts."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """All that the sources said in one run: records as frames, findings, and one row per source asked."""

    offers: pl.DataFrame
    prices: pl.DataFrame
    findings: pl.DataFrame
    sources: pl.DataFrame
    """source, kind, outcome, error, truncated, requests, bytes, seconds, records, fetched_at, set_apart, canaries,
    min_records."""
    as_of: datetime


def parse(warehouse: Warehouse, run_id: str, sources: Sequence[Source]) -> Parsed:
    """Read every stored capture of a run with today's parsers. A page nobody can read costs its source that page."""
    fetches = {row["source"]: row for row in warehouse.fetches(run_id).iter_rows(named=True)}
    provenance, started_at = raw.begun(warehouse, run_id)
    offer_frames, price_frames, findings, facts = [], [], [], []
    for source in sources:
        if source.name not in fetches:
            continue
        captures = raw.captures(warehouse, run_id, source)
        reading = read(source, captures)
        seen_at = max((capture.fetched_at for capture in captures), default=None)
        stamp = _Stamp(run_id, seen_at or started_at, provenance)
        offer_frames.append(stamp.on(frames.offers_frame([reading.settled])))
        price_frames.append(stamp.on(frames.prices_frame([reading.settled])))
        findings.extend(_findings(source, reading))
        facts.append(_source_facts(source, reading, fetches[source.name], seen_at))
    source_frame = pl.DataFrame(facts, schema=_FACTS)
    return Parsed(
        offers=pl.concat(offer_frames) if offer_frames else _NO_STAMP.on(frames.offers_frame([])),
        prices=pl.concat(price_frames) if price_frames else _NO_STAMP.on(frames.prices_frame([])),
        findings=pl.DataFrame(findings, schema=_FINDINGS, orient="row"),
        sources=source_frame,
        as_of=_latest(source_frame) or started_at,
    )


_FINDINGS = {
    "source": pl.String(),
    "sha256": pl.String(),
    "kind": pl.String(),
    "where_": pl.String(),
    "what": pl.String(),
}
_FACTS = {
    "source": pl.String(),
    "kind": pl.String(),
    "outcome": pl.String(),
    "error": pl.String(),
    "truncated": pl.Boolean(),
    "requests": pl.Int64(),
    "bytes": pl.Int64(),
    "seconds": pl.Float64(),
    "records": pl.Int64(),
    "fetched_at": pl.Datetime("us", "UTC"),
    "set_apart": pl.Boolean(),
    "canaries": pl.List(pl.String()),
    "min_records": pl.Int64(),
}


class _Stamp(NamedTuple):
    """What every row of one source in one run carries."""

    run_id: str | None
    observed_at: datetime | None
    provenance: str | None

    def on(self, frame: pl.DataFrame) -> pl.DataFrame:
        return frame.with_columns(
            pl.lit(self.run_id, pl.String()).alias("run_id"),
            pl.lit(self.observed_at).cast(pl.Datetime("us", "UTC")).alias("observed_at"),
            pl.lit(self.provenance, pl.String()).alias("provenance"),
        )


_NO_STAMP = _Stamp(None, None, None)


def _latest(sources: pl.DataFrame) -> datetime | None:
    latest = sources["fetched_at"].max()
    return latest if isinstance(latest, datetime) else None


def _findings(source: Source, reading: RunReading) -> list[tuple[str, str | None, str, str, str]]:
    rows: list[tuple[str, str | None, str, str, str]] = [
        (source.name, capture.sha256, finding.kind, finding.where, finding.what)
        for capture, part in reading.readings
        for finding in part.findings
    ]
    rows += [(source.name, None, finding.kind, finding.where, finding.what) for finding in reading.settled.findings]
    rows += [(source.name, capture.sha256, "refused", error.where, error.what) for capture, error in reading.refused]
    return rows


def _source_facts(
    source: Source, reading: RunReading, fetch: Mapping[str, object], seen_at: datetime | None
) -> dict[str, object]:
    records = len(reading.settled.offers) + len(reading.settled.prices)
    errors = [str(fetch["error"])] if fetch["error"] else []
    errors += [str(error) for _, error in reading.refused]
    found = [finding for _, part in reading.readings for finding in part.findings] + list(reading.settled.findings)
    errors += [
        f"{finding.where} was not read: {finding.what}" for finding in found if finding.kind == "quarantined_table"
    ]
    truncated = bool(fetch["truncated"]) or reading.truncated
    if fetch["truncated_why"]:
        errors.append(str(fetch["truncated_why"]))
    if not errors and records < source.min_records:
        errors.append(f"{source.name}: answered, but only {records} records were in it (at least {source.min_records})")
    return {
        "source": source.name,
        "kind": source.kind,
        "outcome": "failed" if not records else "partial" if errors or truncated else "ok",
        "error": plain("; ".join(dict.fromkeys(errors)), LONGEST_ERROR) or None,
        "truncated": truncated,
        "requests": fetch["requests"],
        "bytes": fetch["bytes"],
        "seconds": fetch["seconds"],
        "records": records,
        "fetched_at": seen_at,
        "set_apart": any(finding.kind.startswith("quarantined") for finding in found),
        "canaries": list(source.canaries),
        "min_records": source.min_records,
    }
