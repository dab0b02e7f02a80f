"""Asking the sources of a run: here, or in shards on whichever workers are free. No logic of its own.

A shard is a run of the deployment `scrape/shard`: Prefect sends its parameters through the server and its heartbeats
back, where a background task (`Task.delay`) would need storage that all workers share and has no heartbeat.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
from prefect import State, Task, flow, get_client, get_run_logger, task
from prefect.blocks.system import Secret
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import TaskRun
from prefect.deployments import arun_deployment
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelling, Scheduled

from flows import logs, pipeline, settings
from flows.settings import BadSetting, Settings
from flows.stages import raw
from scrapers.contract import Capture, Source
from scrapers.fetch import Fetched
from scrapers.registry import SOURCES
from scrapers.visit import AGAIN
from warehouse.store import Warehouse

SHARD = "scrape/shard"
"""The deployment in prefect.yaml that runs `scrape`."""


POLL_S = 1.0


def now() -> datetime:
    return datetime.now(UTC)


async def settings_and_secrets() -> Settings:
    """From the environment; a key it does not hold may lie in a secret block: VAST_API_KEY in `vast-api-key`."""
    current = settings.read(SOURCES)
    if current.json_logs:
        logs.to_json()
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


# --- here ------------------------------------------------------------------------------------------------------------


async def ask(warehouse: Warehouse, run_id: str, sources: Sequence[Source], current: Settings) -> None:
    """Ask each source in a task of its own and store what it answers as soon as it has."""
    earlier = raw.earlier_answers(warehouse, run_id)
    await asyncio.gather(*(_fetch_and_keep(warehouse, run_id, source, current, earlier) for source in sources))


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
    (fetched,) = [answer async for answer in pipeline.fetch([source], current, watcher, now, earlier)]
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
        fetched = raw.unfetched(source, "module", f"the fetch task crashed: {error!r}")
    raw.keep(warehouse, run_id, fetched, now())


# --- on other workers ------------------------------------------------------------------------------------------------


async def ask_on_workers(
    warehouse: Warehouse, run_id: str, sources: Sequence[Source], shards: int, minutes: float
) -> None:
    """Deal the sources to shards that any worker may run, and wait for them.

    A shard that fails, or is not done within `minutes`, is given out once more. A source that no worker asked then is
    stored as broken, with the reason.
    """
    hands = [hand for number in range(shards) if (hand := [source.name for source in sources[number::shards]])]
    ended = await asyncio.gather(
        *(_elsewhere(number, run_id, names, minutes) for number, names in enumerate(hands, 1)), return_exceptions=True
    )
    lost = {name: why for names, why in zip(hands, ended, strict=True) if why for name in names}
    for source in raw.unanswered(warehouse, run_id, sources):
        why = lost.get(source.name, "its shard ended without it")
        raw.keep(warehouse, run_id, raw.unfetched(source, "not_asked", f"no worker asked it: {why}"), now())


class ShardLost(Exception):
    """A shard that did not complete: how it ended."""


@task(task_run_name="shard {number}", retries=1, cache_policy=NO_CACHE, persist_result=False)
async def _elsewhere(number: int, run_id: str, source_names: list[str], minutes: float) -> None:
    """One shard, run by whichever worker is free. Given out again, it goes on where it stopped. Raises ShardLost."""
    asked = {"run_id": run_id, "source_names": source_names}
    async with get_client() as client:
        try:
            shard = await arun_deployment(SHARD, client, asked, flow_run_name=f"{run_id} shard {number}", timeout=0)
        except ObjectNotFound:
            raise ShardLost(f"there is no deployment {SHARD}: prefect --no-prompt deploy --all") from None
        state = await _last_state(client, shard.id, minutes)
        if not state.is_final():
            await client.set_flow_run_state(shard.id, Cancelling(message=f"not done within {minutes:g} minutes"))
            raise ShardLost(f"shard {number} was {state.name} after {minutes:g} minutes")
    if not state.is_completed():
        raise ShardLost(f"shard {number} ended as {state.name}: {state.message}")


async def _last_state(client: PrefectClient, shard: UUID, minutes: float) -> State[Any]:
    """The state a shard ends in, or is in when time is up. A server that stumbles meanwhile is asked again."""
    state: State[Any] = Scheduled()
    with suppress(TimeoutError):
        async with asyncio.timeout(minutes * 60):
            while not state.is_final():
                await asyncio.sleep(POLL_S)
                with suppress(httpx.HTTPError):
                    state = (await client.read_flow_run(shard)).state or state
    return state


@flow(name="scrape", persist_result=False)
async def scrape(run_id: str, source_names: list[str]) -> None:
    """One shard of a run begun elsewhere: ask some of its sources, but those whose answers are stored already.

    Raises BadSetting where this worker has no lake, or lacks a key; the sources that need none are asked before.
    """
    current = await settings_and_secrets()
    if current.lake is None:
        raise BadSetting("this worker has no lake: set PERTOKEN_WAREHOUSE, see docs/scale.md")
    chosen = [source for source in pipeline.asked(SOURCES, current) if source.name in source_names]
    with Warehouse.open(current.lake) as warehouse:
        await ask(warehouse, run_id, raw.unanswered(warehouse, run_id, chosen), current)
    pipeline.asked(SOURCES, current, source_names)
