"""`pertoken …`: every reading command asks the published file; only the scheduled flow needs Prefect.

Modules that take long to import (polars, httpx) are imported by the commands that need them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer

from flows import settings as settings_module
from flows.commands import audit, breakeven, estimate, explain, keep, levers, plan, report, review, views
from flows.settings import BadSetting, Settings
from flows.terminal import (
    Board,
    File,
    Format,
    Model,
    Output,
    Quant,
    Workload,
    harmless,
    known_on_boards,
    published_file,
    show,
    stderr,
    stdout,
    write,
)

if TYPE_CHECKING:
    from flows.pipeline import RunReport

app = typer.Typer(
    help="The cheapest way to get a million LLM tokens today, self-hosted or by API, and how sure we are.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    epilog="Exit codes: 0 done · 1 could not be done, see the message · 2 wrong usage "
    "· 3 published, but a source is broken · 4 nothing published, the last good file stays "
    "· 5 another refresh is running.",
)
for commands in (estimate, plan, explain, breakeven, levers, audit, review, keep, report):
    app.add_typer(commands.app)


class Exit(IntEnum):
    """What the exit codes mean; `pertoken --help` says the same."""

    FAILED = 1
    BROKEN_SOURCE = 3
    NOT_PUBLISHED = 4
    BUSY = 5


def main() -> None:
    """Entry point. Errors that a person can act on are one sentence, not a traceback."""
    logging.getLogger("stamina").setLevel(logging.ERROR)  # retries are shown by the progress
    with _one_sentence():
        app()


@contextmanager
def _one_sentence() -> Iterator[None]:
    try:
        yield
    except BadSetting as error:
        _stop(str(error), Exit.FAILED)
    except Exception as error:
        if type(error).__module__.split(".")[0] not in ("warehouse", "scrapers", "transforms"):
            raise
        busy = type(error).__name__ == "WarehouseBusy"
        _stop(str(error), Exit.BUSY if busy else Exit.FAILED)


def _stop(sentence: str, code: Exit) -> None:
    stderr.print("[bold red]pertoken:[/bold red]", harmless(sentence), soft_wrap=True)
    raise SystemExit(int(code))


def _settings() -> Settings:
    from scrapers.registry import SOURCES

    return settings_module.read(SOURCES)


@app.command(
    epilog="Examples: pertoken refresh · pertoken refresh --source vast --source vultr · pertoken refresh --or-recorded"
)
def refresh(
    source: Annotated[list[str] | None, typer.Option(help="Only this source (repeatable).")] = None,
    or_recorded: Annotated[
        bool, typer.Option("--or-recorded", help="Without any reachable source, use the bundled recorded responses.")
    ] = False,
) -> None:
    """Ask every source, rank, publish. What a broken source said last stays, with its age."""
    from flows import pipeline
    from flows.logs import Lines, to_json
    from flows.progress import Bars
    from scrapers.registry import SOURCES

    current, began = _settings(), perf_counter()
    with Lines() if current.json_logs else Bars(stderr) as watcher:
        if current.json_logs:
            to_json()
        report = pipeline.refresh(current, SOURCES, source, watcher, now=_now)
        if report.published is None and or_recorded and not current.published.is_file():
            stderr.print("[yellow]No source could be reached: using the bundled recorded responses.[/yellow]")
            report = pipeline.refresh_recorded(current, SOURCES, watcher, now=_now)
    if current.metrics:
        from flows import metrics

        metrics.write(current.metrics, report, current.published, perf_counter() - began, _now())
    _report(report)


def _now() -> datetime:
    return datetime.now(UTC)


def _report(report: RunReport) -> None:
    for broken in report.broken:
        stderr.print(f"[yellow]{broken.source}[/yellow]", harmless(f"{broken.outcome}: {broken.error}"), soft_wrap=True)
    if report.published is None:
        _stop("nothing was published, the last good file stays as it is", Exit.NOT_PUBLISHED)
    assert report.published is not None
    stderr.print(
        f"published {report.published.path} ({report.published.file_bytes / 1e6:.1f} MB), "
        f"prices of {report.as_of:%Y-%m-%d %H:%M} UTC, {report.provenance}"
    )
    if report.site_problem:
        stderr.print(harmless(report.site_problem), style="yellow", soft_wrap=True)
    if report.broken:
        raise typer.Exit(Exit.BROKEN_SOURCE)


@app.command(
    epilog="Examples: pertoken leaderboard --workload chat "
    "· pertoken leaderboard --model llama-3.3-70b --board trusted · pertoken leaderboard --board api --format csv "
    "· pertoken leaderboard --model llama-3.3-70b --workload chat --best-slo"
)
def leaderboard(
    workload: Workload = None,
    model: Model = None,
    quant: Quant = None,
    board: Annotated[Board | None, typer.Option(help="One board instead of the overview.")] = None,
    top: Annotated[int, typer.Option(min=1, help="Rows per workload.")] = 10,
    excluded: Annotated[bool, typer.Option("--excluded", help="The rows that are not ranked, and why.")] = False,
    fastest: Annotated[bool, typer.Option("--fastest", help="By tokens/s for one user instead of price.")] = False,
    best_slo: Annotated[
        bool, typer.Option("--best-slo", help="Only what nothing beats in both price and tokens/s for one user.")
    ] = False,
    output: Output = Format.table,
    file: File = None,
) -> None:
    """The cheapest $ per 1M tokens: per workload and model, self-hosted beside API; or the ranks of one board."""
    from flows import tables

    published = published_file(file)
    known_on_boards(published, workload=workload, model=model)
    if fastest or best_slo:
        view = views.fastest if fastest else views.best_slo
        wanted = views.Wanted(board or Board.trusted, workload, model, quant)
        views.answer(published, view(published, wanted), top, output)
        return
    if board is None and model is None and not excluded and output is Format.table:
        show(tables.overview(published, workload=workload, model=model, quant=quant, top=top))
        return
    shown = board or Board.combined
    found = tables.rows(
        published, "board", board=shown, workload=workload, model=model, quant=quant, top=top, excluded=excluded
    )
    if output is Format.table:
        columns = tables.EXCLUDED if excluded else tables.BOARD
        show([tables.banner(published), tables.on_terminal(columns, found)])
    else:
        write(found, output)


@app.command(epilog="Example: pertoken sources")
def sources(file: File = None) -> None:
    """Each source: last success, age, rows, errors; then the names nobody knows yet."""
    from flows import tables

    published = published_file(file)
    stdout.print(tables.on_terminal(tables.SOURCES, tables.rows(published, "sources")))
    if unknown := tables.rows(published, "unknown_names", top=30):
        title = "names nobody knows yet: on no board"
        stdout.print(tables.on_terminal(tables.UNKNOWN_NAMES, unknown, title))


@app.command(epilog="Example: pertoken export out --format csv --format parquet")
def export(
    folder: Annotated[Path, typer.Argument(help="Folder to write into; made if it does not exist.")],
    output: Annotated[
        list[str], typer.Option("--format", help="csv, excel, parquet, json, md; repeat or separate by commas.")
    ] = ["csv", "parquet"],  # noqa: B006
    query: Annotated[str | None, typer.Option(help="Export the rows of this SELECT instead of the boards.")] = None,
    file: File = None,
) -> None:
    """Write the boards (or a query) as a data set that can be published as it is, with a README, keys and hashes."""
    from warehouse.export import export as export_tables
    from warehouse.export import export_query

    formats = tuple(part.strip() for text in output for part in text.split(",") if part.strip())
    published = published_file(file)
    if query:
        manifest = export_query(published, query, folder, name="query", formats=formats)
    else:
        manifest = export_tables(published, folder, formats=formats)
    stderr.print(f"wrote {manifest}")


@app.command(
    epilog='Examples: pertoken sql · pertoken sql "select gpu, min(usd_per_gpu_hour) from marts.gpu_prices group by 1"'
)
def sql(
    statement: Annotated[str | None, typer.Argument(help="One query; without it, a read-only DuckDB shell.")] = None,
    output: Output = Format.table,
    file: File = None,
) -> None:
    """Ask the published file: read-only, without access to other files."""
    from flows import shell

    published = published_file(file)
    if statement is None:
        shell.interactive(published, stdout)
        return
    found = shell.ask(published, statement)
    if output is Format.table:
        stdout.print(shell.as_table(found))
    else:
        write(found, output)


@app.command(epilog="Examples: pertoken serve · PREFECT_API_URL=http://127.0.0.1:4200/api pertoken serve")
def serve(
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port of the Prefect server it starts for itself.")
    ] = 4200,
) -> None:
    """Refresh at 0, 6, 12 and 18 h UTC until stopped; with a Prefect server of its own where there is none."""
    from flows.serve import serve as run

    run(port)


@app.command(epilog="Example: pertoken site public")
def site(
    folder: Annotated[Path, typer.Argument(help="Folder to write into; other files in it stay.")], file: File = None
) -> None:
    """Write the boards as a static site: opens from disk and from any web server, fetches nothing from elsewhere."""
    from warehouse.export.site import site as write_site

    first = write_site(published_file(file), folder)
    stderr.print(f"wrote {first}: open it in a browser", soft_wrap=True)


@app.command(epilog="Example: pertoken capture vultr")
def capture(
    name: Annotated[str, typer.Argument(help="A source's name, as `pertoken sources` shows it.")],
    folder: Annotated[Path, typer.Option(help="Where to write it.")] = Path("tests/captures"),
) -> None:
    """Ask one source and write its answers as a capture for the tests."""
    from flows import pipeline
    from flows.progress import Bars
    from scrapers.registry import SOURCES

    with Bars(stderr) as watcher:
        written = pipeline.capture(_settings(), SOURCES, name, folder, watcher, now=_now)
    stderr.print(f"wrote {written}; read it before it is committed: it holds what other people's machines said")


@app.command(epilog="Example: pertoken replay --since 2026-11-01")
def replay(
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day; everything when left out.")
    ] = None,
) -> None:
    """Read the stored responses again with today's parsers and guards. Changes nothing where nothing changed."""
    from flows import pipeline
    from flows.progress import Bars
    from scrapers.registry import SOURCES
    from warehouse.store import Warehouse

    current = _settings()
    start = since.replace(tzinfo=UTC) if since else None
    with Bars(stderr) as watcher, Warehouse.open(current.store) as warehouse:
        runs, changed = pipeline.replay(warehouse, start, SOURCES, current, watcher)
    stderr.print(f"{runs} runs read again, {changed} of them changed")


if __name__ == "__main__":
    main()
