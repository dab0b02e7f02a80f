"""The weekly report: `report.html` (one file), `report.md` with its charts beside it, and the feed of price changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

from warehouse.errors import WarehouseUnwritable
from warehouse.export import ExportError
from warehouse.export.feed import FEED, feed
from warehouse.published import open_published
from warehouse.swap import write_whole

NEEDED = ("altair", "jinja2", "vl_convert")
"""Packages of the extra `site`."""


@dataclass(frozen=True, slots=True)
class Written:
    """The files of a report, and its text for where a person reads it elsewhere."""

    html: Path
    markdown: Path
    feed: Path
    text: str


def report(published: Path, folder: Path, *, made_at: datetime | None = None) -> Written:
    """Writes the report and the feed into `folder`, each file whole or not at all; other files of the folder stay.

    The same published file and moment give the same bytes. Raises ExportError where the extra `site` is not installed
    or no run has boards yet, WarehouseUnwritable.
    """
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise ExportError(f"the report needs {', '.join(missing)}: pip install 'pertoken[site]'")

    from warehouse.export.report import contents
    from warehouse.export.report.html import html
    from warehouse.export.report.markdown import markdown

    with open_published(published) as connection:
        readings = contents.readings_of(connection, made_at or datetime.now(UTC))
        if readings is None:
            raise ExportError(f"{published} holds no run with boards: run `pertoken refresh` first")
        document = contents.document(readings)
        changes = feed(connection)
    charts = {chart.name: chart.svg for section in document.sections for chart in section.charts}
    chart_files = {name: f"report-{name}.svg" for name in charts}
    text = markdown(document, chart_files)
    files = {chart_files[name]: svg for name, svg in charts.items()}
    files |= {FEED: changes, "report.md": text, "report.html": html(document, dict(_links(folder)))}
    _write(folder, files)
    return Written(folder / "report.html", folder / "report.md", folder / FEED, text)


def _links(folder: Path) -> Iterator[tuple[str, str]]:
    if (folder / "index.html").is_file():
        yield "Leaderboard", "index.html"
    yield "This report as Markdown", "report.md"
    yield "Feed of price changes", FEED


def _write(folder: Path, files: dict[str, str]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            write_whole(folder / name, text.encode())
    except OSError as error:
        raise WarehouseUnwritable(f"cannot write the report in {folder}: {error.strerror}") from error
