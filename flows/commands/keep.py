"""`pertoken doctor`, `backup`, `vacuum`: keeping a data folder for years."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows import settings as settings_module
from flows.settings import BadSetting, Settings
from flows.terminal import Format, Output, private_settings, stderr, stdout, write

if TYPE_CHECKING:
    from warehouse.lake import Lake
    from warehouse.upkeep import Symptom

app = typer.Typer()

LONGEST_SILENCE = timedelta(hours=18)
"""Three slots of the six-hourly schedule."""
EXTRAS = {"site": ("altair", "vl_convert", "jinja2"), "alerts": ("apprise",)}
"""Optional packages by the extra that installs them, as pyproject.toml has them."""
STYLES = {"ok": "green", "warning": "yellow", "fault": "bold red"}


@app.command(epilog="Example: pertoken doctor && echo healthy. Exit code 1 where there is a fault.")
def doctor(output: Output = Format.table) -> None:
    """Look at keys, disk, clock, sources, schema version, locks and packages; change nothing, wait for nobody."""
    from flows.tables import Column, on_terminal, words

    found = list(_symptoms())
    rows = [{"severity": one.severity, "about": one.about, "what": one.what} for one in found]
    if output is not Format.table:
        write(rows, output)
    else:
        columns = (
            Column("", lambda row: row["severity"], style=lambda row: STYLES[row["severity"]]),
            Column("about", lambda row: words(row["about"])),
            Column("what", lambda row: words(row["what"]), wrap=True),
        )
        stdout.print(on_terminal(columns, rows))
    if any(one.severity == "fault" for one in found):
        raise typer.Exit(1)


def _symptoms() -> Iterator[Symptom]:
    from scrapers.registry import SOURCES
    from warehouse import upkeep

    try:
        current = settings_module.read(SOURCES)
    except BadSetting as error:
        yield upkeep.Symptom("settings", "fault", str(error))
        current = Settings(home=settings_module.read(()).home)
    if current.lake:
        yield from upkeep.lake_doctor(current.lake, current.published, datetime.now(UTC))
    else:
        yield from upkeep.doctor(current.warehouse, current.published)
    yield from _clock(current)
    yield from _keys(current)
    yield from _sources(current)
    yield from _packages()


def _clock(current: Settings) -> Iterator[Symptom]:
    """A clock that went back gives runs that sort before those that are there."""
    from warehouse.upkeep import CLOCK_TOLERANCE, Symptom

    now = datetime.now(UTC)
    files = [path for path in (current.warehouse, current.published) if path.is_file()]
    ahead = [path for path in files if datetime.fromtimestamp(path.stat().st_mtime, UTC) > now + CLOCK_TOLERANCE]
    if ahead:
        names = ", ".join(path.name for path in ahead)
        yield Symptom("clock", "fault", f"it is {now:%Y-%m-%d %H:%M} UTC here and {names} is newer: set the clock")
    else:
        yield Symptom("clock", "ok", f"it is {now:%Y-%m-%d %H:%M} UTC")


def _keys(current: Settings) -> Iterator[Symptom]:
    from scrapers.registry import SOURCES
    from warehouse.upkeep import Symptom

    for source in SOURCES:
        if source.key is None:
            continue
        if source.name in current.keys:
            yield Symptom("keys", "ok", f"{source.key} is set: {source.name} is asked with it")
        elif source.key_required:
            yield Symptom("keys", "ok", f"{source.key} is not set: {source.name} is not asked")


def _sources(current: Settings) -> Iterator[Symptom]:
    from flows.tables import age, rows
    from warehouse.errors import WarehouseError
    from warehouse.upkeep import Symptom

    if not current.published.is_file():
        return
    try:
        found = rows(current.published, "sources")
    except WarehouseError:
        return  # the published file was looked at before
    now = datetime.now(UTC)
    silent = [row for row in found if not row["last_success_at"] or now - row["last_success_at"] > LONGEST_SILENCE]
    if len(silent) == len(found):
        newest = max((row["last_success_at"] for row in found if row["last_success_at"]), default=None)
        yield Symptom("sources", "fault", f"no source has answered for {age(newest)}: does the schedule run?")
        return
    for row in silent:
        since = f"for {age(row['last_success_at'])}" if row["last_success_at"] else "ever"
        yield Symptom("sources", "fault", f"{row['source']} has not answered {since}: {row['error'] or 'not asked'}")
    for row in found:
        if row not in silent and row["outcome"] != "ok":
            yield Symptom("sources", "warning", f"{row['source']} was {row['outcome']}: {row['error'] or 'truncated'}")
    yield Symptom("sources", "ok", f"{len(found) - len(silent)} of {len(found)} have answered lately")


def _packages() -> Iterator[Symptom]:
    from warehouse.upkeep import Symptom

    for extra, modules in EXTRAS.items():
        missing = [name for name in modules if find_spec(name) is None]
        what = f"[{extra}] lacks {', '.join(missing)}" if missing else f"[{extra}] is installed"
        yield Symptom("packages", "ok", what)


@app.command(epilog="Example: pertoken backup /backups/pertoken/2026-11-25.duckdb")
def backup(
    target: Annotated[Path, typer.Argument(metavar="FILE", help="Where the copy goes; an older one is replaced.")],
) -> None:
    """Copy the private file while nothing writes, and read every row of the copy back before it takes its place."""
    from warehouse import upkeep
    from warehouse.store import Warehouse

    current = private_settings()
    if current.lake:
        raise BadSetting(f"{current.lake} is no single file: pg_dump its catalog, then copy its files (docs/scale.md)")
    if target.is_dir():
        raise BadSetting(f"{target} is a folder; name the file in it, e.g. {target / 'pertoken.duckdb'}")
    if target.resolve() in (current.warehouse.resolve(), current.published.resolve()):
        raise BadSetting(f"{target} is what is to be backed up; name another file")
    with Warehouse.open(current.store) as warehouse:
        written = upkeep.backup(warehouse, target)
    stderr.print(f"wrote {written} ({written.stat().st_size / 1e6:.1f} MB), every row read back")


@app.command(
    epilog="Examples: pertoken vacuum · pertoken vacuum --raw-before 2025-11-25 · pertoken vacuum --keep-days 30"
)
def vacuum(
    raw_before: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="Drop the raw responses fetched before this day (UTC). What was read from them stays; "
            "those runs can no longer be replayed.",
        ),
    ] = None,
    keep_days: Annotated[
        float,
        typer.Option(min=0, help="Of a lake, not of a file: for how many days it can be read as it was."),
    ] = 90,
) -> None:
    """Rewrite the private file without its free blocks; the old one stays until the new one is whole. Tidy a lake."""
    from warehouse import upkeep

    current = private_settings()
    moment = raw_before.replace(tzinfo=UTC) if raw_before else None
    if current.lake:
        _tidy(current.lake, moment, keep_days)
        return
    before, after = upkeep.vacuum(current.warehouse, raw_before=moment)
    stderr.print(f"{current.warehouse}: {before / 1e6:.1f} MB before, {after / 1e6:.1f} MB after")


def _tidy(lake: Lake, raw_before: datetime | None, keep_days: float) -> None:
    from warehouse.lake import contents, tidy
    from warehouse.store import Warehouse

    with Warehouse.open(lake) as warehouse:
        before = contents(warehouse.connection)
        if raw_before:
            warehouse.forget_captures(raw_before)
    tidy(lake, keep_days=keep_days, now=datetime.now(UTC))
    with Warehouse.open(lake) as warehouse:
        after = contents(warehouse.connection)
    told = [f"{files} files, {size / 1e6:.1f} MB, {snapshots} snapshots" for snapshots, files, size in (before, after)]
    stderr.print(f"{lake}: {told[0]} before; {told[1]} after")
