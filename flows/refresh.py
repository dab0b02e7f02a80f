"""The six-hourly flow: isolation, retries, artifacts and logging around `pipeline`; no logic of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from prefect import State, flow, get_run_logger, task
from prefect.artifacts import acreate_markdown_artifact, acreate_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.states import Completed, Failed

from flows import pipeline, settings, tables
from flows.progress import Silent
from scrapers.contract import Source
from scrapers.fetch import Fetched
from scrapers.registry import SOURCES
from warehouse.publish import CheckFailed
from warehouse.store import Warehouse


def _now() -> datetime:
    return datetime.now(UTC)


class Unreachable(Exception):
    """A source answered nothing at all; carries what is known about the attempt."""

    def __init__(self, fetched: Fetched) -> None:
        super().__init__(str(fetched.error))
        self.fetched = fetched


@task(
    task_run_name="fetch {source_name}", retries=1, retry_delay_seconds=30, cache_policy=NO_CACHE, persist_result=False
)
async def fetch_source(source_name: str) -> Fetched:
    """Every answer of one source. The fetcher retries single requests; this retries a source that gave nothing."""
    current = settings.read(SOURCES)
    (source,) = (source for source in SOURCES if source.name == source_name)
    (fetched,) = [answer async for answer in pipeline.fetch([source], current, Silent(), _now)]
    if fetched.error and not fetched.captures:
        raise Unreachable(fetched)
    return fetched


@flow(name="refresh", persist_result=False)
async def refresh(source_names: list[str] | None = None) -> State[Any]:
    """Ask every source (or those named), publish what is good, and end in a state that names what is broken."""
    current = settings.read(SOURCES)
    sources = pipeline.asked(SOURCES, current, source_names)
    with Warehouse.open(current.warehouse) as warehouse:
        run_id = pipeline.start(warehouse, _now(), "live")
        await asyncio.gather(*(_fetch_and_keep(warehouse, run_id, source) for source in sources))
        try:
            report = await asyncio.to_thread(pipeline.finish, warehouse, run_id, SOURCES, current, _now())
        except CheckFailed as error:
            return Failed(message=f"not published, the last good file stays: {error}")
    await _show(report)
    return _state(report)


async def _fetch_and_keep(warehouse: Warehouse, run_id: str, source: Source) -> None:
    state = await fetch_source(source.name, return_state=True)
    result = await state.aresult(raise_on_failure=False)
    fetched = result if isinstance(result, Fetched) else getattr(result, "fetched", None)
    if fetched is None:
        fetched = pipeline.unfetched(source, f"the fetch task crashed: {result}")
    pipeline.keep(warehouse, run_id, fetched, _now())


async def _show(report: pipeline.RunReport) -> None:
    """The run's artifacts: a table of sources and the top of each board. They must never cost us the run."""
    logger = get_run_logger()
    for broken in report.broken:
        logger.warning("%s: %s: %s", broken.source, broken.outcome, broken.error)
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
