"""One run as plain functions, one per stage: fetch, raw, parsed, normalised, checked, priced, ranked, published.

Everything between the raw captures and the published file is a function of what is stored: `digest` rebuilds a run
from its captures, today or in a year, which is what `replay` does.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec
import polars as pl

from flows.progress import Silent, Watcher
from flows.settings import BadSetting, Settings
from scrapers import frames
from scrapers.contract import Capture, Request, Source
from scrapers.fetch import Fetched, FetchError, FetchSettings, fetch_all
from scrapers.reading import RunReading, read
from transforms import audit, breakeven, cost, normalise, offers, quality, ranking, throughput
from transforms.assumptions import Assumptions
from warehouse.export.text import plain
from warehouse.publish import Published, publish
from warehouse.reference import tables as reference_tables
from warehouse.store import RawCapture, Warehouse, WarehouseError

METHODOLOGY_VERSION = "1.0"
LONGEST_ERROR = 4000
"""Characters of what went wrong with one source: it is shown in logs, artifacts and alerts."""
HISTORY_SNAPSHOTS = 28
"""Runs looked back for what is usual: a week of six-hourly runs."""


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


def earlier_answers(warehouse: Warehouse, run_id: str) -> dict[str, Capture]:
    """By url, the stored answers that their sites can be asked for "only if changed"."""
    return {raw.url: _capture(raw) for raw in warehouse.answers_to_revalidate(run_id)}


def unfetched(source: Source, fault: Literal["module", "not_asked"], what: str) -> Fetched:
    """The answer of a source whose fetching itself broke."""
    return Fetched(source.name, (), FetchError(source.name, fault, what, source.origin))


# --- raw -------------------------------------------------------------------------------------------------------------


Provenance = Literal["live", "recorded"]


def start(warehouse: Warehouse, now: datetime, provenance: Provenance) -> str:
    """Open a run in the store and return its id, which sorts by time."""
    run_id = f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
    _begin(warehouse, run_id, now, provenance)
    return run_id


def _begin(warehouse: Warehouse, run_id: str, started_at: datetime, provenance: Provenance) -> None:
    warehouse.begin_run(
        run_id,
        started_at=started_at,
        provenance=provenance,
        methodology_version=METHODOLOGY_VERSION,
        software_version=version("pertoken"),
    )


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


def unanswered(warehouse: Warehouse, run_id: str, sources: Sequence[Source]) -> list[Source]:
    """The sources whose answers to a run are not stored."""
    stored = set(warehouse.fetches(run_id)["source"])
    return [source for source in sources if source.name not in stored]


# --- parsed ----------------------------------------------------------------------------------------------------------


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
    provenance, started_at = _run(warehouse, run_id)
    offer_frames, price_frames, findings, facts = [], [], [], []
    for source in sources:
        if source.name not in fetches:
            continue
        captures = [_capture(raw) for raw in warehouse.captures(run_id, source.name)]
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


def _run(warehouse: Warehouse, run_id: str) -> tuple[str, datetime]:
    row = warehouse.runs().filter(pl.col("run_id") == run_id).row(0, named=True)
    return row["provenance"], row["started_at"]


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


# --- normalised, checked ---------------------------------------------------------------------------------------------


def check(
    warehouse: Warehouse, run_id: str, parsed: Parsed, reference: Mapping[str, pl.DataFrame]
) -> dict[str, pl.DataFrame]:
    """Names into ids, then every guard. Returns the rows of this run for schema core, by table name."""
    named_offers, unknown_gpus = normalise.gpu_offers(parsed.offers, reference["gpus"], reference["gpu_names"])
    checked_offers = quality.check_offers(
        named_offers,
        reference["gpus"],
        parsed.as_of,
        usual_prices=warehouse.usual_gpu_prices(run_id, runs=HISTORY_SNAPSHOTS),
        usual_counts=warehouse.usual_offer_counts(run_id, runs=HISTORY_SNAPSHOTS).filter(
            pl.col("source").is_in(parsed.sources["source"].implode())
        ),
    )
    named_prices, unknown_models = normalise.api_prices(
        parsed.prices, reference["model_names"], reference["quant_names"]
    )
    earlier = warehouse.source_runs_before(run_id, runs=HISTORY_SNAPSHOTS)
    checked_prices = quality.check_prices(
        named_prices,
        _asked(parsed.sources, warehouse, run_id),
        parsed.as_of,
        last_good=warehouse.last_good_prices(run_id),
        previous=warehouse.prices_before(run_id),
        decisions=warehouse.decisions(),
        trailing_counts=earlier.filter(pl.col("outcome") == "ok").select("source", "records"),
        exceptions=reference["price_exceptions"],
        provider_names=reference["provider_names"],
    )
    assumptions = Assumptions.of(reference["assumptions"])
    unknown = pl.concat([unknown_gpus, unknown_models])
    return {
        "gpu_offers": offers.on_boards(checked_offers.offers, reference["gpus"], assumptions),
        "api_prices": checked_prices.prices,
        "unknown_names": unknown,
        "price_changes": checked_prices.changes,
        "findings": parsed.findings,
        "source_runs": _source_runs(parsed.sources, checked_offers, checked_prices, unknown),
    }


def _asked(sources: pl.DataFrame, warehouse: Warehouse, run_id: str) -> pl.DataFrame:
    """The API sources of this run for the price guards, each with the reason to suspect its bodies, if there is one.

    A source of which anything was set apart counts as partial: what is missing from it was not taken off its list.
    """
    sizes = quality.odd_sizes(warehouse.body_sizes(run_id))
    set_apart = pl.col("set_apart") & (pl.col("outcome") == "ok")
    asked = sources.filter(pl.col("kind") == "api").select(
        "source",
        pl.when(set_apart).then(pl.lit("partial")).otherwise("outcome").alias("outcome"),
        "canaries",
        "min_records",
    )
    return asked.join(sizes, on="source", how="left", validate="1:1")


def _source_runs(
    sources: pl.DataFrame, checked_offers: quality.CheckedOffers, checked_prices: quality.Checked, unknown: pl.DataFrame
) -> pl.DataFrame:
    statuses = pl.concat(
        [checked_offers.offers.select("source", "status"), checked_prices.prices.select("source", "status")]
    )
    counts = statuses.group_by("source").agg(
        *((pl.col("status") == status).sum().cast(pl.Int64).alias(status) for status in ("ok", "held", "quarantined"))
    )
    verdicts = pl.concat(
        [
            frame.filter(pl.col("verdict") != "healthy").select("source", "verdict", "reasons")
            for frame in (checked_offers.books, checked_prices.sources)
        ]
    ).unique("source", keep="first", maintain_order=True)
    names = unknown.group_by("source").agg(pl.len().cast(pl.Int64).alias("unknown_names"))
    return (
        sources.drop("canaries", "min_records", "set_apart")
        .join(counts, on="source", how="left", validate="1:1")
        .join(names, on="source", how="left", validate="1:1")
        .join(verdicts, on="source", how="left", validate="1:1")
        .with_columns(pl.col("ok", "held", "quarantined", "unknown_names").fill_null(0))
    )


# --- priced, ranked --------------------------------------------------------------------------------------------------


def rank(
    warehouse: Warehouse, run_id: str, as_of: datetime, sources: Sequence[Source], reference: Mapping[str, pl.DataFrame]
) -> dict[str, pl.DataFrame]:
    """From what is stored up to this run to the boards. Returns the tables of schema marts, by name."""
    assumptions = Assumptions.of(reference["assumptions"])
    models, quants, workloads, gpus = (reference[name] for name in ("models", "quants", "workloads", "gpus"))
    gpu_prices = offers.gpu_prices(_offers_up_to(warehouse, run_id), gpus, assumptions, as_of)
    # What does not fit or misses the service level is two thirds of all, on no board: `pertoken estimate` says why.
    estimates = estimate(cost.configurations(gpu_prices, models, workloads), reference).filter(
        pl.col("reason").is_null()
    )
    boarded = [source.name for source in sources if source.kind == "api" and not source.cross_check]
    current = warehouse.current_prices(run_id).filter(pl.col("source").is_in(boarded))
    api_prices = cost.once_per_seller(current, reference["provider_names"])
    leaderboard = ranking.leaderboard(
        cost.self_hosted(gpu_prices, estimates, workloads, quants, assumptions),
        cost.api(api_prices, workloads, models, quants, assumptions, as_of),
        METHODOLOGY_VERSION,
        as_of,
    )
    article = reference["article_claims"]
    claims = audit.evidence(audit.claims(article), article, gpu_prices, api_prices)
    return {
        "gpu_prices": gpu_prices,
        "throughput": estimates,
        "leaderboard": leaderboard,
        "break_even": breakeven.break_even(leaderboard, models, assumptions),
        "api_comparison": cost.api_comparison(api_prices, as_of),
        "claims_audit": claims,
    }


def _offers_up_to(warehouse: Warehouse, run_id: str) -> pl.DataFrame:
    return pl.concat([warehouse.rows("core.gpu_offers", run_id), warehouse.offers_before(run_id)], how="diagonal")


def estimate(configurations: pl.DataFrame, reference: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Throughput of each configuration, with the reference tables an estimate needs."""
    return throughput.estimate(
        configurations, *(reference[name] for name in ("gpus", "models", "quants", "calibration", "benchmarks"))
    )


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
    provenance, _started_at = _run(warehouse, run_id)
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
        await _ask(warehouse, run_id, chosen, settings, watcher, now)
        return finish(warehouse, run_id, sources, settings, now(), watcher)


async def _ask(
    warehouse: Warehouse, run_id: str, sources: Sequence[Source], settings: Settings, watcher: Watcher, now: Clock
) -> None:
    """Fetch and keep; once stored, no answer stays in memory."""
    async for fetched in fetch(sources, settings, watcher, now, earlier_answers(warehouse, run_id)):
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
        async for fetched in recorded_all(sources):
            keep(warehouse, run_id, fetched, now())
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
