"""From a hostile source, over the wire and through a whole run, to everything a person or program reads.

The same market is asked twice: once with harmless names, once with names that want to be more than text. What is made
of the two must differ in those names and in nothing else.
"""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
import unicodedata
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import polars as pl
import pytest
from markdown_it import MarkdownIt

from flows import alerts, tables
from flows import refresh as flow
from flows.pipeline import RunReport
from tests.conftest import ROOT
from tests.faults.market import FIRST, RECORDED, answering
from tests.flows.market import market, refresh
from tests.loopback.server import Answer, Routes
from tests.warehouse.week import INJECTIONS
from warehouse.export import DEFAULT_TABLES, export
from warehouse.export import site as site_module
from warehouse.export.formats import WRITERS
from warehouse.export.report import report
from warehouse.export.site import site
from warehouse.published import open_published

HOSTILE = (
    *INJECTIONS,
    "+1+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1)",
    "\t=1+1",
    "\r\n=1+1",
    "[red]x[/red] [link=http://evil.example]y[/link]",
    "`code` ```fence``` **bold** | cell |",
)
HARMLESS = tuple(
    f"Name {number}" if name.isprintable() and len(name) <= 100 else f"\tName {number}"
    for number, name in enumerate(HOSTILE)
)
"""As many harmless names. An offer whose GPU has no printable name is set apart, among these too."""
TABLES = tuple(name for name in DEFAULT_TABLES if name not in ("marts.leaderboard", "marts.throughput"))
"""All that stay small; the leaderboard is read by query."""
MODEL = "meta-llama/llama-3.3-70b-instruct"


# --- the source ------------------------------------------------------------------------------------------------------


def vast(names: Sequence[str]) -> Routes:
    """Every third offer has a name of theirs for its GPU, and for the place it stands in."""

    def offers(answer: Any) -> None:
        for number, offer in enumerate(answer["offers"][::3]):
            offer["gpu_name"] = names[number % len(names)]
            offer["geolocation"] = names[(number + 1) % len(names)]

    return _rewritten(RECORDED["vast"], offers)


def openrouter(names: Sequence[str], factor: float = 1.0) -> Routes:
    """Hosts, endpoints and one model have a name of theirs; on the second day their prices are others."""

    def hosts(answer: Any) -> None:
        found = answer["data"]
        if not isinstance(found, dict):
            return
        for number, endpoint in enumerate(found["endpoints"]):
            endpoint["provider_name"] = names[number % len(names)]
            endpoint["tag"] = f"{number}/{names[(number + 1) % len(names)]}"
        if found["id"] == "z-ai/glm-5":
            found["id"] = names[0]
        if found["id"] != MODEL:
            return
        for endpoint in found["endpoints"]:
            for part in ("prompt", "completion"):
                endpoint["pricing"][part] = f"{float(endpoint['pricing'][part]) * factor:.12f}"

    return _rewritten(RECORDED["openrouter"], hosts)


def _rewritten(served: Routes, change: Callable[[Any], None]) -> Routes:
    def rewritten(answer: Answer) -> Answer:
        if answer.status != 200:
            return answer
        body = json.loads(answer.body)
        change(body)
        return replace(answer, body=json.dumps(body).encode())

    return answering(served, rewritten)


@dataclass(frozen=True)
class Made:
    """All that came of one market."""

    published: Path
    runs: Sequence[RunReport]
    folder: Path
    report: str

    def file(self, name: str) -> str:
        return (self.folder / name).read_text("utf-8")


def made(names: Sequence[str], home: Path) -> Made:
    """Two days, then everything that is written from them into one folder."""
    others = {name: RECORDED[name] for name in ("runpod", "anthropic")}
    broken: Routes = {"/*": lambda ask: Answer(json.dumps({names[0]: names[5]}).encode(), 200)}
    runs = []
    for day, factor in enumerate((1.0, 0.7)):
        served = {**others, "vast": vast(names), "openrouter": openrouter(names, factor), "deepinfra": broken}
        with market(home, served) as settings:
            runs.append(refresh(settings, FIRST + timedelta(days=day), *served))
    at = FIRST + timedelta(days=1, hours=1)
    out = home / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(site_module, "_vega", lambda: b"")  # what it bundles has no names in it
        site(settings.published, out, made_at=at)
    export(settings.published, out, formats=tuple(WRITERS), tables=TABLES, exported_at=at)
    return Made(settings.published, runs, out, report(settings.published, out, made_at=at).text)


@pytest.fixture(scope="module")
def harmless(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return made(HARMLESS, tmp_path_factory.mktemp("harmless"))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return made(HOSTILE, tmp_path_factory.mktemp("hostile"))


# --- what it may not be ----------------------------------------------------------------------------------------------


def quiet(text: str, allowed: str = "\n") -> bool:
    """Whether a text holds no control, direction or other unseen character."""
    return not any(unicodedata.category(one) in ("Cc", "Cf") and one not in allowed for one in text)


def tags(text: str) -> list[tuple[str, list[str]]]:
    """Every element of a page with the names of its attributes, in order."""
    found: list[tuple[str, list[str]]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.append((tag, [name for name, _ in attrs]))

    Reader(convert_charrefs=True).feed(text)
    return found


def markdown(text: str) -> list[str]:
    """The kinds of what a reader of Markdown makes of a text, in order."""
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    return [inner.type for token in parser.parse(text) for inner in (token, *(token.children or []))]


def asked(made_: Made, sql: str) -> list[tuple[Any, ...]]:
    with open_published(made_.published) as connection:
        return connection.execute(sql).fetchall()


# --- the tables ------------------------------------------------------------------------------------------------------


def test_other_sources_are_as_they_would_have_been(harmless: Made, hostile: Made) -> None:
    assert [[one.outcome for one in run.sources] for run in hostile.runs] == [
        [one.outcome for one in run.sources] for run in harmless.runs
    ]
    for sql in (
        "select * exclude (run_id, observed_at) from core.api_prices where source = 'anthropic' order by all",
        "select source, offer_key, usd_per_hour, status from core.gpu_offers where source = 'runpod' order by all",
        "select board, source, gpu, gpu_count, usd_per_hour, n_machines from marts.gpu_prices order by all",
        "select board, workload, model, place, usd_per_mtok from marts.leaderboard order by all",
        "select source, outcome, records, ok, held, quarantined, unknown_names from marts.source_health order by all",
    ):
        assert asked(hostile, sql) == asked(harmless, sql), sql
    assert "<script>" in str(asked(hostile, "select distinct provider from marts.leaderboard"))  # it came this far
    assert asked(hostile, "select count(*) from core.unknown_names where name like '%<script>%'") != [(0,)]


# --- pages, report, feed ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["index.html", "gpus.html", "trends.html", "break-even.html", "sources.html", "article.html", "report.html"]
)
def test_pages_have_the_same_elements(harmless: Made, hostile: Made, name: str) -> None:
    assert tags(hostile.file(name)) == tags(harmless.file(name))
    assert quiet(hostile.file(name), "\n\t")


def test_figures_are_the_same_but_for_text(harmless: Made, hostile: Made) -> None:
    names = sorted(path.name.split(".")[0] for path in (hostile.folder / "assets").glob("*.js"))
    assert names == sorted(path.name.split(".")[0] for path in (harmless.folder / "assets").glob("*.js"))
    for path in (hostile.folder / "assets").glob("*.js"):
        if handed := re.fullmatch(r'pertoken\.receive\("[^"]+",(\{.*\})\);\n', path.read_text("utf-8"), re.DOTALL):
            for text in _texts(json.loads(handed[1])):
                assert quiet(text, "") and len(text) <= 160


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for one in value.items() for part in one for text in _texts(part))
    elif isinstance(value, list):
        yield from (text for one in value for text in _texts(one))


def test_the_feed_has_the_same_elements(harmless: Made, hostile: Made) -> None:
    tame, wild = (ElementTree.fromstring(one.file("changes.atom")) for one in (harmless, hostile))
    assert sorted(element.tag for element in wild.iter()) == sorted(element.tag for element in tame.iter())
    assert len(list(wild.iter("{http://www.w3.org/2005/Atom}entry"))) > 1
    assert all(quiet(element.text or "") and len(element.text or "") < 1_000 for element in wild.iter())


@pytest.mark.parametrize("name", ["report.md", "README.md", "data-dictionary.md"])
def test_markdown_has_the_same_structure(harmless: Made, hostile: Made, name: str) -> None:
    assert markdown(hostile.file(name)) == markdown(harmless.file(name))
    assert quiet(hostile.file(name))


# --- exports ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", TABLES)
def test_an_exported_table_is_the_same_table_in_every_format(harmless: Made, hostile: Made, table: str) -> None:
    name = table.removeprefix("marts.")
    with (hostile.folder / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    frame = pl.read_parquet(hostile.folder / f"{name}.parquet")
    assert (len(rows) - 1, {len(row) for row in rows}) == (frame.height, {frame.width})
    for cell in (cell for row in rows for cell in row):
        number = re.fullmatch(r"-[0-9.]+(e-?[0-9]+)?", cell)
        assert quiet(cell, "") and (number or not cell.lstrip().startswith(("=", "+", "-", "@"))), cell[:80]

    document = json.loads(hostile.file(f"{name}.json"))
    texts = [column for column, dtype in frame.schema.items() if dtype == pl.String]
    assert [{one: row[one] for one in texts} for row in document["rows"]] == frame.select(texts).to_dicts()

    kinds = set(markdown(hostile.file(f"{name}.md")))
    assert kinds == set(markdown(harmless.file(f"{name}.md")))
    assert not kinds & {"html_inline", "html_block", "link_open", "image", "code_inline", "fence", "em_open"}

    with zipfile.ZipFile(hostile.folder / f"{name}.xlsx") as book:
        sheet = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))
        assert "xl/externalLinks" not in " ".join(book.namelist())
    elements = [element.tag.partition("}")[2] for element in sheet.iter()]
    assert not {"f", "hyperlink", "hyperlinks"} & set(elements)
    assert elements.count("row") == frame.height + 1
    assert all(quiet(element.text or "", "") for element in sheet.iter() if element.tag.endswith("}t"))


# --- messages, artifacts, log lines, terminal ------------------------------------------------------------------------


def test_alerts_are_lines_of_text(hostile: Made, tmp_path: Path) -> None:
    (tmp_path / "alerts.toml").write_text(
        """
        [[best_price]]
        workload = "chat"
        model = "llama-3.3-70b"
        board = "api"
        below_usd_per_mtok = 100

        [[move]]
        kind = "api"
        percent = 5

        [[silent]]
        hours = 1
        """
    )
    config = alerts.read_config(tmp_path / "alerts.toml")
    found = [
        one.text
        for rule in alerts.judge(hostile.published, config, FIRST + timedelta(days=1, hours=3))
        for one in rule.alerts
    ]
    assert len(found) > 10
    for text in found:
        assert quiet(text, "") and len(text) < 400
        assert not set(text) & set("<>@*`[]") and "://" not in text


def test_what_prefect_shows_is_text(harmless: Made, hostile: Made) -> None:
    boards = [tables.overview_markdown(one.published) for one in (harmless, hostile)]
    assert markdown(boards[1]) == markdown(boards[0])
    assert "&lt;script&gt;" in boards[1]
    for run in hostile.runs:
        summary = flow._summary(run)
        assert quiet(summary, "") and len(summary) < 5_000
        assert all(quiet(str(cell), "") for outcome in run.sources for cell in tables.source_row(outcome).values())


@pytest.mark.parametrize(
    "command",
    [
        ["leaderboard", "--workload", "chat", "--model", "llama-3.3-70b", "--board", "api"],
        ["explain", "--board", "api", "--workload", "chat", "--model", "llama-3.3-70b", "--place", "1"],
        ["sources"],
        ["sql", "select distinct provider, endpoint, model_name from core.api_prices"],
    ],
    ids=lambda command: command[0],
)
def test_a_terminal_shows_text(hostile: Made, command: list[str]) -> None:
    program = [sys.executable, "-m", "flows.cli", *command, "--file", str(hostile.published)]
    environment = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": "200", "PERTOKEN_HOME": str(hostile.published.parent)}
    said = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, env=environment, check=True, timeout=120)
    shown = re.sub(r"\x1b\[[\d;]*m", "", said.stdout + said.stderr)
    assert "script>" in shown
    assert quiet(shown), [one for one in shown if not quiet(one)]
