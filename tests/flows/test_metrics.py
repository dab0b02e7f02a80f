"""The textfile for Prometheus, read back with Prometheus' own parser."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from flows import metrics
from flows.pipeline import RunReport, SourceOutcome

ENDED = datetime(2026, 11, 25, 6, 3, tzinfo=UTC)
SUCCESS = datetime(2026, 11, 24, 18, 0, tzinfo=UTC)


def _outcome(source: str, outcome: str, records: int) -> SourceOutcome:
    return SourceOutcome(source, "gpu", outcome, records, records, 0, 0, 0, truncated=False, seconds=1.5, error=None)


def _written(file: Path) -> dict[tuple[str, str | None, str | None], float]:
    samples = [s for family in text_string_to_metric_families(file.read_text()) for s in family.samples]
    return {(s.name, s.labels.get("source"), s.labels.get("pertoken_source_outcome")): s.value for s in samples}


def test_every_source_is_there_also_those_this_run_did_not_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = {"kind": "gpu", "outcome": "ok", "seconds": 9.0, "held": 1, "quarantined": 2, "unknown_names": 3}
    rows: list[dict[str, Any]] = [
        {**stored, "source": "vast", "records": 60, "last_success_at": SUCCESS},
        {**stored, "source": "vultr", "records": 70, "last_success_at": SUCCESS},
        {**stored, "source": "akash", "records": 0, "last_success_at": None},
    ]
    monkeypatch.setattr("flows.tables.rows", lambda published, name: rows)
    (published := tmp_path / "prices.duckdb").write_bytes(b"12345")
    report = RunReport("run", ENDED, "live", [_outcome("vast", "failed", 0)], None)

    metrics.write(tmp_path / "out.prom", report, published, 12.5, ENDED)

    written = _written(tmp_path / "out.prom")
    assert written["pertoken_run_duration_seconds", None, None] == 12.5
    assert written["pertoken_run_finished_timestamp_seconds", None, None] == ENDED.timestamp()
    assert written["pertoken_published_bytes", None, None] == 5
    assert written["pertoken_source_records", "vast", None] == 0
    assert (
        written["pertoken_source_outcome", "vast", "failed"] == 1
        and written["pertoken_source_outcome", "vast", "ok"] == 0
    )
    assert written["pertoken_source_last_success_timestamp_seconds", "vast", None] == SUCCESS.timestamp()
    assert (written["pertoken_source_records", "vultr", None], written["pertoken_source_held", "vultr", None]) == (
        70,
        1,
    )
    assert ("pertoken_source_last_success_timestamp_seconds", "akash", None) not in written


def test_before_anything_was_published_the_run_alone_is_told(tmp_path: Path) -> None:
    report = RunReport("run", ENDED, "live", [_outcome("vast", "failed", 0)], None)
    metrics.write(tmp_path / "out.prom", report, tmp_path / "absent.duckdb", 1.0, ENDED)
    written = _written(tmp_path / "out.prom")
    assert ("pertoken_published_bytes", None, None) not in written
    assert written["pertoken_source_outcome", "vast", "failed"] == 1


def test_a_file_that_cannot_be_replaced_stays_whole(tmp_path: Path) -> None:
    report = RunReport("run", ENDED, "live", [], None)
    with pytest.raises(OSError, match="absent"):
        metrics.write(tmp_path / "absent" / "out.prom", report, tmp_path / "absent.duckdb", 1.0, ENDED)
