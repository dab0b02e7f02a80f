"""The weekly report: every figure is what the file says, nothing is compared that cannot be, and text stays text."""

from __future__ import annotations

import gc
import re
import warnings
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token
from selectolax.lexbor import LexborHTMLParser
from typer.testing import CliRunner

from flows import report as flow
from flows.cli import app
from flows.settings import Settings
from tests.flows.conftest import PrefectServer
from tests.warehouse import samples, week
from warehouse.export import ExportError
from warehouse.export.report import Written, report
from warehouse.published import open_published

OWN_IMAGES = {f"report-{name}.svg" for name in ("gpus", "rent-or-buy", "break-even", "movers")}


def paragraphs(text: str) -> list[str]:
    """Of the Markdown, unescaped."""
    return [re.sub(r"\\(.)", r"\1", line) for line in text.splitlines()]


def row(text: str, caption: str, first_cell: str) -> list[str]:
    """The cells of one row of the table under a caption."""
    lines = paragraphs(text)
    start = next(number for number, line in enumerate(lines) if line.startswith(f"**{caption}"))
    (found,) = [line for line in lines[start + 2 : lines.index("", start + 2)] if line.startswith(f"| {first_cell} |")]
    return [cell.strip() for cell in found.strip("|").split("|")]


@pytest.fixture(scope="module")
def benign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return week.file("benign", tmp_path_factory)


@pytest.fixture(scope="module")
def written(benign: Path, tmp_path_factory: pytest.TempPathFactory) -> Written:
    return report(benign, tmp_path_factory.mktemp("out"), made_at=week.MADE_AT)


@pytest.fixture(scope="module")
def text(written: Written) -> str:
    return written.text


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_gpu_prices_are_those_of_the_two_runs(benign: Path, text: str) -> None:
    with open_published(benign) as connection:
        prices = connection.execute("select usd_per_gpu_hour from marts.gpu_price_history order by as_of").fetchall()
    assert prices == [(2.0,), (1.5,)]
    assert row(text, "GPUs at their cheapest", "h100-sxm-80gb") == [
        "h100-sxm-80gb", "$1.50", "vast 8x", "12", "$2.00", "vast 8x", "−25 %",
    ]  # fmt: skip
    assert any(
        line.startswith("Of 1 GPU with a ranked price") and "1 became cheaper and 0 dearer" in line
        for line in paragraphs(text)
    )


def test_boards_apis_and_loads_are_those_of_the_two_runs(text: str) -> None:
    best = row(text, "chat: 1,155 tokens in", "llama-3.3-70b")
    assert best[1:3] == ["$0.600", "0.480–0.780"]
    assert best[5:7] == ["$0.900", "−33 %"]
    api = row(text, "The largest changes of API prices", "host-a")
    assert api[3:6] == ["$0.300", "$0.400", "−25 %"]
    # Rented at $0.60 and 30 % busy against $1.00: 0.6 × 0.3 / 1.0; the week before 0.9 × 0.3 / 1.0.
    assert row(text, "The largest shifts", "chat")[4:6] == ["18 %", "27 %"]
    assert "Sellers changed 1 API price: 1 down, 0 up. 1 price came and none went." in paragraphs(text)


def test_what_was_held_and_what_is_new_is_named_with_its_reason(text: str) -> None:
    assert row(text, "API prices held back", "host-b")[3:] == [
        "$1.00", "$0.0100", "held", "far from every second reading",
    ]  # fmt: skip
    assert row(text, "New names nobody knows yet", "gpu")[1] == "GPU of tomorrow"
    assert row(text, "Sources that were not whole", "openrouter")[-1] == "503 from the site"


def test_the_same_file_and_moment_give_the_same_bytes(benign: Path, written: Written, tmp_path: Path) -> None:
    again = flow.write(Settings(home=benign.parent, site=tmp_path / "site"), week.MADE_AT)
    assert again.html == tmp_path / "site" / "report.html"
    assert contents(again.html.parent) == contents(written.html.parent)
    assert set(contents(again.html.parent)) == {"report.html", "report.md", "changes.atom", *OWN_IMAGES}


def test_one_run_is_compared_with_nothing(tmp_path: Path) -> None:
    published = samples.published_runs(tmp_path, 1).path
    written = report(published, tmp_path / "out", made_at=samples.START)
    lines = paragraphs(written.text)
    assert "> **There is one run only, so nothing can be compared with a week before.**" in lines
    assert not any("became cheaper" in line or "Break-even shifts" in line for line in lines)
    assert row(written.text, "chat: 1,155 tokens in", "llama-3.3-70b")[5:7] == ["–", "–"]


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Of recorded responses, by new rules, three weeks later, and without an answer of vast."""
    folder = tmp_path_factory.mktemp("troubled")
    published = week.published_week(folder, provenance="recorded", rules="2", vast="failed")
    return paragraphs(report(published, folder / "out", made_at=week.MADE_AT + timedelta(days=21)).text)


def test_what_must_not_be_overlooked_stands_on_top(troubled: list[str]) -> None:
    assert [line.strip("> *") for line in troubled if line.startswith("> ")] == [
        "These are recorded responses, not live prices.",
        "The newest prices are 21 days old.",
        "The rules changed from 1 to 2 in between: what moved on the boards may be the rules.",
    ]


def test_a_source_that_answered_once_is_left_out_and_named(troubled: list[str]) -> None:
    assert "Left out, for they answered in one of the two runs only: vast." in troubled
    assert any(line.startswith("Of no GPU with a ranked price") for line in troubled)


def test_a_file_without_boards_is_refused_in_a_sentence(tmp_path: Path) -> None:
    published = samples.published_runs(tmp_path, 0).path
    with pytest.raises(ExportError, match="run `pertoken refresh` first"):
        report(published, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_command_says_where_the_report_is(benign: Path, tmp_path: Path) -> None:
    answered = CliRunner().invoke(app, ["report", str(tmp_path / "out"), "--file", str(benign)])
    assert answered.exit_code == 0
    assert str(tmp_path / "out" / "report.html") in answered.output


# --- hostile names ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Written:
    published = week.file("hostile", tmp_path_factory)
    return report(published, tmp_path_factory.mktemp("hostile-out"), made_at=week.MADE_AT)


def test_hostile_names_change_nothing_but_their_own_cells(text: str, hostile: Written) -> None:
    """Same lines, same cells, same figures; a cell differs only where a source wrote it."""
    tame, wild = ([re.split(r"(?<!\\)\|", line) for line in report_.splitlines()] for report_ in (text, hostile.text))
    assert [len(cells) for cells in tame] == [len(cells) for cells in wild]
    theirs = {value.replace("_", " ") for value in week.BENIGN.values()}
    for before, after in zip(tame, wild, strict=True):
        for cell, other in zip(before, after, strict=True):
            assert cell == other or any(name in cell for name in theirs), (cell, other)


def flat(tokens: list[Token]) -> list[Token]:
    return [inner for token in tokens for inner in (token, *flat(token.children or []))]


def test_hostile_names_are_no_markup_in_markdown(hostile: Written) -> None:
    tokens = flat(MarkdownIt("commonmark", {"html": True}).enable("table").enable("strikethrough").parse(hostile.text))
    kinds = {token.type for token in tokens}
    assert not kinds & {"html_block", "html_inline", "link_open", "code_inline", "fence", "code_block", "em_open"}
    assert {str(token.attrs["src"]) for token in tokens if token.type == "image"} <= OWN_IMAGES
    assert "http://" not in hostile.text
    assert "www." not in hostile.text
    assert max(map(len, hostile.text.splitlines())) < 2_500


def test_hostile_names_are_no_markup_in_html(hostile: Written) -> None:
    page = LexborHTMLParser(hostile.html.read_text("utf-8"))
    assert page.css("script, iframe, object, embed, form, base, svg, a[href^='http'], [onerror], [onmouseover]") == []
    outside = [node.attributes.get("href") or node.attributes.get("src") or "" for node in page.css("[href], [src]")]
    assert all(path in ("report.md", "changes.atom") or path.startswith("data:image/svg+xml;") for path in outside)
    assert "<script>alert(1)</script>" in page.text()
    (meta,) = page.css("meta[http-equiv]")
    policy = meta.attributes["content"] or ""
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "script-src" not in policy


def test_charts_are_drawings_and_nothing_else(hostile: Written) -> None:
    for name in OWN_IMAGES:
        drawing = ElementTree.fromstring((hostile.html.parent / name).read_bytes())
        tags = {element.tag.split("}")[1] for element in drawing.iter()}
        assert tags <= {"svg", "g", "rect", "path", "line", "text", "defs", "clipPath", "title", "desc"}, name


def test_a_killed_writer_leaves_no_half_report(benign: Path, written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(building: Path, target: Path) -> None:
        raise KeyboardInterrupt

    before = contents(written.html.parent)
    monkeypatch.setattr("warehouse.swap.swap_in", killed)
    with pytest.raises(KeyboardInterrupt):
        report(benign, written.html.parent, made_at=week.MADE_AT + timedelta(days=1))
    assert contents(written.html.parent) == before


# --- on a server -----------------------------------------------------------------------------------------------------


@pytest.fixture
def _prefect_leaves_its_sockets_to_the_garbage_collector() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield
        gc.collect()


@pytest.mark.server
@pytest.mark.usefixtures("_prefect_leaves_its_sockets_to_the_garbage_collector")
def test_the_flows_end_in_states_a_person_understands(
    prefect_server: PrefectServer, benign: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERTOKEN_HOME", str(benign.parent))
    monkeypatch.setenv("PERTOKEN_SITE", str(tmp_path / "site"))
    done = flow.weekly_report(return_state=True)
    assert (done.type, done.message) == ("COMPLETED", f"wrote {tmp_path / 'site' / 'report.html'}")
    found = prefect_server.api.post("/artifacts/latest/filter", json={}).raise_for_status().json()
    (artifact,) = [artifact for artifact in found if artifact["key"] == "weekly-report"]
    assert artifact["data"] == (tmp_path / "site" / "report.md").read_text("utf-8")

    monkeypatch.setenv("PERTOKEN_HOME", str(tmp_path))
    failed = flow.weekly_report(return_state=True)
    assert (failed.type, "run `pertoken refresh` first" in str(failed.message)) == ("FAILED", True)
    silent = flow.watch_prices(str(tmp_path / "none.toml"), return_state=True)
    assert (silent.type, "none.toml cannot be read" in str(silent.message)) == ("FAILED", True)
