"""The six-hourly flow: artifacts and states around `pipeline`; no logic of its own.

| what happened | state of the run |
|---|---|
| every source whole, published | Completed |
| published, but a source is broken | Completed, named PartiallyCompleted; the message names the source |
| the slot was missed and was to be skipped | Completed, named Skipped |
| another refresh holds the warehouse | Cancelled |
| nothing answered, or a check of the new file failed | Failed; the published file stays |
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from time import perf_counter
from typing import Any

from prefect import State, flow, get_run_logger
from prefect.artifacts import acreate_markdown_artifact, acreate_table_artifact
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed, Failed

from flows import logs, metrics, pipeline, tables
from flows.scrape import ask, ask_on_workers, now, settings_and_secrets
from flows.settings import Settings
from flows.stages import raw
from flows.stages.parsed import LONGEST_ERROR
from scrapers.contract import Source
from scrapers.registry import SOURCES
from warehouse.export.text import markdown_cell
from warehouse.publish import CheckFailed
from warehouse.store import Warehouse, WarehouseBusy


@flow(name="refresh", persist_result=False)
async def refresh(
    source_names: list[str] | None = None,
    jitter_s: float = 0.0,
    skip_after_minutes: float | None = None,
    shards: int = 1,
    shard_minutes: float = 15.0,
) -> State[Any]:
    """Ask every source (or those named), publish what is good, and end in a state that names what is broken.

    Starts up to `jitter_s` seconds late, at random. A run that starts more than `skip_after_minutes` after its slot
    does nothing; by default a missed slot is caught up. Where the warehouse is a lake and `shards` is more than 1, the
    sources are dealt to as many shards, each asked by any worker within `shard_minutes` or else once more.
    """
    current = await settings_and_secrets()
    if skip_after_minutes is not None and (late := _minutes_late()) > skip_after_minutes:
        return Completed(name="Skipped", message=f"{late:.0f} minutes after its slot; skip_after_minutes says to wait")
    await asyncio.sleep(random.uniform(0, jitter_s))
    try:
        return await _refresh(current, pipeline.asked(SOURCES, current, source_names), shards, shard_minutes)
    except WarehouseBusy as error:
        return Cancelled(message=f"nothing done: {error}")
    except CheckFailed as error:
        return Failed(message=str(error))


def _minutes_late() -> float:
    return (now() - flow_run.get_scheduled_start_time()).total_seconds() / 60


async def _refresh(current: Settings, sources: Sequence[Source], shards: int, shard_minutes: float) -> State[Any]:
    began = perf_counter()
    watcher = logs.Lines(get_run_logger())
    with Warehouse.open(current.store) as warehouse:
        run_id = raw.start(warehouse, now(), "live")
        if current.lake and shards > 1:
            watcher.stage(f"asking {len(sources)} sources in {shards} shards")
            await ask_on_workers(warehouse, run_id, sources, shards, shard_minutes)
        else:
            watcher.stage(f"asking {len(sources)} sources")
            await ask(warehouse, run_id, sources, current)
        report = await asyncio.to_thread(pipeline.finish, warehouse, run_id, SOURCES, current, now(), watcher)
    await _show(report, current, perf_counter() - began)
    return _state(report)


async def _show(report: pipeline.RunReport, current: Settings, seconds: float) -> None:
    """What the run did, for people and for Prometheus. None of it may cost us the run."""
    logger = get_run_logger()
    for broken in report.broken:
        logger.warning("%s: %s: %s", broken.source, broken.outcome, broken.error)
    if report.site_problem:
        logger.warning(report.site_problem)
    try:
        if current.metrics:
            metrics.write(current.metrics, report, current.published, seconds, now())
    except Exception:
        logger.exception("the metrics of this run could not be written")
    try:
        await acreate_table_artifact(
            [tables.source_row(outcome) for outcome in report.sources],
            key="sources",
            description=markdown_cell(_summary(report), LONGEST_ERROR),
        )
        if report.published:
            text = await asyncio.to_thread(tables.overview_markdown, report.published.path)
            await acreate_markdown_artifact(text, key="boards", description="The cheapest ways on each board")
    except Exception:
        logger.exception("the artifacts of this run could not be written")


def _state(report: pipeline.RunReport) -> State[Any]:
    if report.published is None:
        return Failed(message=f"nothing was published, the last good file stays: {_summary(report)}")
    if report.broken:
        return Completed(name="PartiallyCompleted", message=_summary(report))
    return Completed(message=_summary(report))


def _summary(report: pipeline.RunReport) -> str:
    good = len(report.sources) - len(report.broken)
    broken: Sequence[str] = [f"{source.source} {source.outcome} ({source.error})" for source in report.broken]
    return f"{good} of {len(report.sources)} sources whole" + ("; " + "; ".join(broken) if broken else "")
