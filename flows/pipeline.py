"""One run as plain functions: fetch, then each stage of `flows.stages`, then publish.

Everything between the raw captures and the published file is a function of what is stored: `digest` rebuilds a run
from its captures, today or in a year, which is what `replay` does.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from flows.progress import Silent, Watcher
from flows.settings import BadSetting, Settings
from flows.stages.checked import check
from flows.stages.parsed import parse
from flows.stages.ranked import rank
from flows.stages.raw import begun, earlier_answers, keep, start
from scrapers.contract import Capture, Source
from scrapers.fetch import Fetched, FetchError, FetchSettings, fetch_all
from warehouse.publish import Published, publish
from warehouse.reference import tables as reference_tables
from warehouse.store import Warehouse, WarehouseError


@dataclass(frozen=True, slots=True)
class SourceOutcome:
    """What a person is told about one source after a run."""

    source: str
    kind: str
    outcome: str
    records: int
    ok: int
    held: int
    quarantined: int
    unknown_names: int
    truncated: bool
    seconds: float
    error: str | None


@dataclass(frozen=True, slots=True)
class RunReport:
    """One run: when its data were read, how each source fared, and the file it published (None: nothing was)."""

    run_id: str
    as_of: datetime
    provenance: str
    sources: Sequence[SourceOutcome]
    published: Published | None
    site_problem: str | None = None

    @property
    def broken(self) -> Sequence[SourceOutcome]:
        return [source for source in self.sources if source.outcome != "ok"]


Clock = Callable[[], datetime]


# --- fetch -----------------------------------------------------------------------------------------------------------


def asked(sources: Sequence[Source], settings: Settings, names: Sequence[str] | None = None) -> list[Source]:
    """The sources of one run: those named, or all but the keyed ones whose key is not set. Raises BadSetting."""
    known = {source.name: source for source in sources}
    if unknown := [name for name in names or () if name not in known]:
        raise BadSetting(f"there is no source {unknown[0]!r}; there is {', '.join(known)}")
    keyless = [name for name in names or () if known[name].key_required and name not in settings.keys]
    if keyless:
        raise BadSetting(f"{keyless[0]} needs a key: set {known[keyless[0]].key}")
    chosen = [known[name] for name in names] if names else sources
    return [source for source in chosen if not source.key_required or source.name in settings.keys]


async def fetch(
    sources: Sequence[Source],
    settings: Settings,
    watcher: Watcher,
    now: Clock,
    earlier: Mapping[str, Capture] | None = None,
) -> AsyncIterator[Fetched]:
    """What each source answered, as each is done; a source that fails costs the others nothing.

    `earlier` answers, by url, are asked for only if they changed.
    """
    how = FetchSettings(
        origins=settings.origins, paces=settings.paces, keys=settings.keys, project_url=settings.contact, now=now
    )
    async for fetched in fetch_all(sources, how, earlier, watcher.fetching):
        yield fetched


# --- the whole line --------------------------------------------------------------------------------------------------


def digest(
    warehouse: Warehouse,
    run_id: str,
    sources: Sequence[Source],
    reference: Mapping[str, pl.DataFrame],
    watcher: Watcher | None = None,
) -> tuple[datetime, bool]:
    """Rebuild one run from its captures, up to the boards. Returns its as_of and whether anything in core changed."""
    watcher = watcher or Silent()
    as_of, changed = _observe(warehouse, run_id, sources, reference, watcher)
    watcher.stage("estimating throughput and ranking")
    warehouse.replace_marts(run_id, rank(warehouse, run_id, as_of, sources, reference))
    return as_of, changed


def _observe(
    warehouse: Warehouse,
    run_id: str,
    sources: Sequence[Source],
    reference: Mapping[str, pl.DataFrame],
    watcher: Watcher,
) -> tuple[datetime, bool]:
    """The part of `digest` up to schema core; the frames it makes are free again when it returns."""
    watcher.stage("reading what the sources answered")
    parsed = parse(warehouse, run_id, sources)
    watcher.stage(f"checking {parsed.offers.height:,} GPU offers and {parsed.prices.height:,} API prices")
    changed = warehouse.replace_core(run_id, check(warehouse, run_id, parsed, reference))
    return parsed.as_of, changed


def finish(
    warehouse: Warehouse,
    run_id: str,
    sources: Sequence[Source],
    settings: Settings,
    finished_at: datetime,
    watcher: Watcher | None = None,
) -> RunReport:
    """All stages after fetching. Publishes unless no source answered, in which case the published file stays as it is.

    Raises warehouse.publish.CheckFailed when the new file fails a check; the old file stays then, too.
    """
    watcher = watcher or Silent()
    reference = reference_tables()
    warehouse.load_reference(reference)
    as_of, _ = digest(warehouse, run_id, sources, reference, watcher)
    warehouse.finish_run(run_id, finished_at=finished_at, as_of=as_of)
    outcomes = [
        SourceOutcome(**{name: row[name] for name in SourceOutcome.__slots__})
        for row in warehouse.rows("core.source_runs", run_id).iter_rows(named=True)
    ]
    published = None
    if any(outcome.records for outcome in outcomes):
        watcher.stage("publishing")
        published = publish(warehouse, settings.published)
    provenance, _ = begun(warehouse, run_id)
    return RunReport(run_id, as_of, provenance, outcomes, published, _site(published, settings, watcher))


def _site(published: Published | None, settings: Settings, watcher: Watcher) -> str | None:
    """Write the static site where one is wanted; what goes wrong is told, and costs nothing that was published."""
    if published is None or settings.site is None:
        return None
    from warehouse.export.site import site

    watcher.stage(f"writing the site to {settings.site}")
    try:
        site(published.path, settings.site)
    except WarehouseError as error:
        return f"the site was not written: {error}"
    return None


def replay(
    warehouse: Warehouse, since: datetime | None, sources: Sequence[Source], settings: Settings, watcher: Watcher
) -> tuple[int, int]:
    """Re-read every stored run since a date with today's parsers and guards, oldest first, then publish.

    Returns how many runs were re-read and in how many of them anything in core changed.
    """
    runs = warehouse.runs(since)
    reference = reference_tables()
    warehouse.load_reference(reference)
    changed_runs = 0
    for run in runs.iter_rows(named=True):
        watcher.stage(f"run {run['run_id']}")
        _, changed = digest(warehouse, run["run_id"], sources, reference)
        changed_runs += changed
    if runs.height:
        publish(warehouse, settings.published)
    return runs.height, changed_runs


def refresh(
    settings: Settings, sources: Sequence[Source], names: Sequence[str] | None, watcher: Watcher, now: Clock
) -> RunReport:
    """One whole run against the live sources (all, or those named)."""
    return asyncio.run(_refresh(settings, sources, asked(sources, settings, names), watcher, now))


async def _refresh(
    settings: Settings, sources: Sequence[Source], chosen: Sequence[Source], watcher: Watcher, now: Clock
) -> RunReport:
    with Warehouse.open(settings.store) as warehouse:
        run_id = start(warehouse, now(), "live")
        watcher.stage(f"asking {len(chosen)} sources")
        answers = fetch(chosen, settings, watcher, now, earlier_answers(warehouse, run_id))
        await _keep_all(warehouse, run_id, answers, now)
        return finish(warehouse, run_id, sources, settings, now(), watcher)


async def _keep_all(warehouse: Warehouse, run_id: str, answers: AsyncIterator[Fetched], now: Clock) -> None:
    """Store each as it comes; when this returns, none stays in memory."""
    async for fetched in answers:
        keep(warehouse, run_id, fetched, now())


def refresh_recorded(settings: Settings, sources: Sequence[Source], watcher: Watcher, now: Clock) -> RunReport:
    """The same run on the bundled recorded responses, in a folder of its own that is made anew each time."""
    return asyncio.run(_refresh_recorded(settings.recorded(), sources, watcher, now))


async def _refresh_recorded(settings: Settings, sources: Sequence[Source], watcher: Watcher, now: Clock) -> RunReport:
    from scrapers.recorded_responses import recorded_all

    settings.warehouse.unlink(missing_ok=True)
    with Warehouse.open(settings.warehouse) as warehouse:
        run_id = start(warehouse, now(), "recorded")
        watcher.stage("reading the recorded responses")
        await _keep_all(warehouse, run_id, recorded_all(sources), now)
        return finish(warehouse, run_id, sources, settings, now(), watcher)


def capture(
    settings: Settings, sources: Sequence[Source], name: str, folder: Path, watcher: Watcher, now: Clock
) -> Path:
    """Ask one source and write its answers as a recording `folder/<name>/`. Raises FetchError when nothing came."""
    from scrapers.recorded_responses import write_recording

    (fetched,) = asyncio.run(_fetched(asked(sources, settings, [name]), settings, watcher, now))
    if not fetched.captures:
        raise fetched.error or FetchError(name, "module", "nothing was answered", name)
    write_recording(folder / name, fetched.captures)
    return folder / name


async def _fetched(sources: Sequence[Source], settings: Settings, watcher: Watcher, now: Clock) -> list[Fetched]:
    return [fetched async for fetched in fetch(sources, settings, watcher, now)]
