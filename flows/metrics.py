"""Figures of the last run for Prometheus, as a textfile that the node exporter's textfile collector reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Enum, Gauge, write_to_textfile

from flows import tables

if TYPE_CHECKING:
    from flows.pipeline import RunReport

OUTCOMES = ("ok", "partial", "failed")
COUNTS = {
    "records": "Records read in the newest run.",
    "held": "Of these, held back.",
    "quarantined": "Of these, set apart.",
    "unknown_names": "Names of the newest run that nobody knows.",
}


def write(file: Path, report: RunReport, published: Path, seconds: float, finished_at: datetime) -> None:
    """Replace `file` in one step. `seconds` is how long the run took, `finished_at` when it ended.

    Sources this run did not ask, and the last success of those that failed, come from the published file.
    Raises OSError when the folder cannot be written.
    """
    registry = CollectorRegistry()
    _gauge(registry, "run_duration_seconds", "How long the newest run took.").set(seconds)
    _gauge(registry, "run_finished_timestamp_seconds", "When the newest run ended.").set(finished_at.timestamp())
    sources = {outcome.source: asdict(outcome) for outcome in report.sources}
    if published.is_file():
        stored = {row["source"]: row for row in tables.rows(published, "sources")}
        sources = {name: {**stored.get(name, {}), **sources.get(name, {})} for name in sorted(stored | sources)}
        written_at = published.stat().st_mtime
        _gauge(registry, "published_timestamp_seconds", "When prices.duckdb was last replaced.").set(written_at)
        _gauge(registry, "published_bytes", "Size of prices.duckdb.").set(published.stat().st_size)
    _sources(registry, sources)
    write_to_textfile(str(file), registry)


def _sources(registry: CollectorRegistry, sources: Mapping[str, Mapping[str, Any]]) -> None:
    labels = ("source", "kind")
    outcome = Enum(
        "pertoken_source_outcome", "How the newest run of it ended.", labels, states=OUTCOMES, registry=registry
    )
    success = _gauge(registry, "source_last_success_timestamp_seconds", "Newest answer that was read.", labels)
    duration = _gauge(registry, "source_fetch_duration_seconds", "How long its newest run took.", labels)
    counts = {name: _gauge(registry, f"source_{name}", text, labels) for name, text in COUNTS.items()}
    for name, row in sources.items():
        here = (name, row["kind"])
        outcome.labels(*here).state(row["outcome"])
        duration.labels(*here).set(row["seconds"])
        if row.get("last_success_at"):
            success.labels(*here).set(row["last_success_at"].timestamp())
        for count, gauge in counts.items():
            gauge.labels(*here).set(row[count])


def _gauge(registry: CollectorRegistry, name: str, text: str, labels: tuple[str, ...] = ()) -> Gauge:
    return Gauge(f"pertoken_{name}", text, labels, registry=registry)
