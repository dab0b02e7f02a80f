"""Eight real days: one run a day on that day's whole Vast.ai book, RunPod's list, and OpenRouter's hosts by their log.

In one process, without a network, published once: the same stages as a live run, in seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from flows import pipeline
from flows.stages import raw
from scrapers.contract import Source
from scrapers.registry import SOURCES
from scrapers.walk import Fetched
from tests.loopback.inprocess import START, captures_from
from tests.loopback.openrouter_log import openrouter
from tests.loopback.server import Routes
from tests.loopback.sites import runpod, vast
from warehouse.publish import publish
from warehouse.store import Warehouse

FIRST = datetime(2026, 7, 20, 6, tzinfo=UTC)
DAYS = [FIRST + timedelta(days=day) for day in range(8)]


def published(captures: Path, home: Path, reference: Mapping[str, pl.DataFrame]) -> Path:
    """The file after the eighth day."""
    sources = {source.name: source for source in SOURCES}
    with Warehouse.open(home / "warehouse.duckdb") as warehouse:
        warehouse.load_reference(reference)
        for moment in DAYS:
            run_id = raw.start(warehouse, moment, "live")
            for name, routes in _sites(captures, moment).items():
                raw.keep(warehouse, run_id, _answers(sources[name], routes, moment), moment)
            as_of, _ = pipeline.digest(warehouse, run_id, SOURCES, reference)
            warehouse.finish_run(run_id, finished_at=moment + timedelta(minutes=2), as_of=as_of)
        return publish(warehouse, home / "prices.duckdb").path


def _sites(captures: Path, moment: datetime) -> Mapping[str, Routes]:
    return {
        "vast": vast(captures, moment.date()),
        "runpod": runpod(captures, moment.date()),
        "openrouter": openrouter(captures, moment),
    }


def _answers(source: Source, routes: Routes, moment: datetime) -> Fetched:
    """Read at the moment of the run, each a few seconds after the other, as a live run would."""
    found = captures_from(source, routes)
    dated = [replace(capture, fetched_at=moment + (capture.fetched_at - START) / 10) for capture in found]
    return Fetched(source.name, dated, requests=len(dated), bytes=sum(len(capture.body) for capture in dated))
