"""The six-hourly flow: isolation, retries, secrets, artifacts and states around `pipeline`; no logic of its own.

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
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

from prefect import State, Task, flow, get_run_logger, task
from prefect.artifacts import acreate_markdown_artifact, acreate_table_artifact
from prefect.blocks.system import Secret
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import TaskRun
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed, Failed

from flows import logs, metrics, pipeline, settings, tables
from flows.settings import Settings
from scrapers.contract import Capture, Source
from scrapers.fetch import Fetched
from scrapers.registry import SOURCES
from scrapers.visit import AGAIN
from warehouse.publish import CheckFailed
from warehouse.store import Warehouse, WarehouseBusy


def _now() -> datetime:
    return datetime.now(UTC)


@flow(name="refresh", persist_result=False)
async def refresh(
    source_names: list[str] | None = None, jitter_s: float = 0.0, skip_after_minutes: float | None = None
) -> State[Any]:
    """Ask every source (or those named), publish what is good, and end in a state that names what is broken.

    Starts up to `jitter_s` seconds late, at random. A run that starts more than `skip_after_minutes` after its slot
    does nothing; by default a missed slot is caught up.
    """
    current = await _settings()
    if current.json_logs:
        logs.to_json()
    if skip_after_minutes is not None and (late := _minutes_late()) > skip_after_minutes:
        return Completed(name="Skipped", message=f"{late:.0f} minutes after its slot; skip_after_minutes says to wait")
    await asyncio.sleep(random.uniform(0, jitter_s))
    try:
        return await _refresh(current, pipeline.asked(SOURCES, current, source_names))
    except WarehouseBusy as error:
        return Cancelled(message=f"nothing done: {error}")
    except CheckFailed as error:
        return Failed(message=str(error))


def _minutes_late() -> float:
    return (_now() - flow_run.get_scheduled_start_time()).total_seconds() / 60


async def _settings() -> Settings:
    """From the environment; a key it does not hold may lie in a secret block: VAST_API_KEY in `vast-api-key`."""
    current = settings.read(SOURCES)
    keys = {
        source.name: key
        for source in SOURCES
        if source.key and source.name not in current.keys and (key := await _secret(source.key))
    }
    return replace(current, keys={**current.keys, **keys})


async def _secret(variable: str) -> str | None:
    with suppress(ValueError):  # what Prefect raises for a block that does not exist
        block: Secret[str] = await Secret.aload(variable.lower().replace("_", "-"))
        return block.get()
    return None


async def _refresh(current: Settings, sources: Sequence[Source]) -> State[Any]:
    began = perf_counter()
    watcher = logs.Lines(get_run_logger())
    with Warehouse.open(current.store) as warehouse:
        run_id = pipeline.start(warehouse, _now(), "live")
        earlier = pipeline.earlier_answers(warehouse, run_id)
        watcher.stage(f"asking {len(sources)} sources")
        await asyncio.gather(*(_fetch_and_keep(warehouse, run_id, source, current, earlier) for source in sources))
        report = await asyncio.to_thread(pipeline.finish, warehouse, run_id, SOURCES, current, _now(), watcher)
    await _show(report, current, perf_counter() - began)
    return _state(report)


class Unreachable(Exception):
    """A source answered nothing at all; carries what is known about the attempt."""

    def __init__(self, fetched: Fetched) -> None:
        super().__init__(str(fetched.error))
        self.fetched = fetched


async def _may_help(task: Task[..., Any], task_run: TaskRun, state: State[Any]) -> bool:
    """Whether to ask again: only after faults that pass, and not where the site wants us away."""
    error = await state.aresult(raise_on_failure=False)
    fault = error.fetched.error.fault if isinstance(error, Unreachable) and error.fetched.error else None
    return fault in AGAIN and fault != "rate_limited"


@task(
    task_run_name="fetch {source_name}",
    retries=1,
    retry_delay_seconds=30,
    retry_condition_fn=_may_help,
    cache_policy=NO_CACHE,
    persist_result=False,
)
async def fetch_source(source_name: str, current: Settings, earlier: Mapping[str, Capture]) -> Fetched:
    """Every answer of one source. The fetcher retries single requests; this retries a source that gave nothing."""
    (source,) = (source for source in SOURCES if source.name == source_name)
    watcher = logs.Lines(get_run_logger())
    (fetched,) = [answer async for answer in pipeline.fetch([source], current, watcher, _now, earlier)]
    if fetched.error and not fetched.captures:
        raise Unreachable(fetched)
    return fetched


async def _fetch_and_keep(
    warehouse: Warehouse, run_id: str, source: Source, current: Settings, earlier: Mapping[str, Capture]
) -> None:
    its_own = {url: capture for url, capture in earlier.items() if capture.source == source.name}
    try:
        fetched = await fetch_source(source.name, current, its_own)
    except Unreachable as error:
        fetched = error.fetched
    except Exception as error:
        fetched = pipeline.unfetched(source, f"the fetch task crashed: {error!r}")
    pipeline.keep(warehouse, run_id, fetched, _now())


async def _show(report: pipeline.RunReport, current: Settings, seconds: float) -> None:
    """What the run did, for people and for Prometheus. None of it may cost us the run."""
    logger = get_run_logger()
    for broken in report.broken:
        logger.warning("%s: %s: %s", broken.source, broken.outcome, broken.error)
    if report.site_problem:
        logger.warning(report.site_problem)
    try:
        if current.metrics:
            metrics.write(current.metrics, report, current.published, seconds, _now())
    except Exception:
        logger.exception("the metrics of this run could not be written")
    try:
        await acreate_table_artifact(
            [tables.source_row(outcome) for outcome in report.sources], key="sources", description=_summary(report)
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
