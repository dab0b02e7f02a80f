"""The static site: whole files, harmless text, figures packed without loss. In a browser: tests/browser."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import warehouse.export.site as site_module
from tests.warehouse import samples
from warehouse.export import ExportError
from warehouse.export.site import folder as folders
from warehouse.export.site import site
from warehouse.export.site.columnar import LONGEST_CELL, packed
from warehouse.publish import publish
from warehouse.store import Warehouse

HOSTILE = (
    "<script>alert(1)</script>",
    '=HYPERLINK("http://evil.example")',
    "</script><img src=x onerror=alert(1)>",
    "\u202eevil\x00\u2028",
    "x" * 10_000,
)


def hostile_file(home: Path, text: str) -> Path:
    """A published file of two runs, a day apart, in which a seller, an endpoint, an offer and a name are `text`."""
    with Warehouse.open(home / "warehouse.duckdb") as warehouse:
        warehouse.load_reference()
        for number, usd_per_gpu_hour in ((0, 2.0), (4, 2.5)):
            _hostile_run(warehouse, number, usd_per_gpu_hour, text)
        publish(warehouse, home / "prices.duckdb")
    return home / "prices.duckdb"


def _hostile_run(warehouse: Warehouse, number: int, usd_per_gpu_hour: float, text: str) -> None:
    at = samples.START + timedelta(hours=6 * number)
    api = {**samples.API_ROW, "provider": text, "endpoint": text, "usd_per_1k_requests": 1.0}
    marts = samples.marts(at, usd_per_gpu_hour=usd_per_gpu_hour)
    lengths = {"isl_tokens": pl.lit(1155, pl.Int64), "osl_tokens": pl.lit(211, pl.Int64)}
    sold = samples.rows("marts.leaderboard", {"board": "api", "as_of": at} | api)
    unknown = samples.rows(
        "core.unknown_names", {"kind": "gpu", "name": text, "detail": text, "rows": 1, "observed_at": at}
    )
    run = samples.begin(warehouse, number)
    core = samples.core(at, offers=[{"gpu_name": text}], prices=[{"provider": text, "model_name": text}])
    warehouse.replace_core(run, core | {"unknown_names": unknown})
    warehouse.replace_marts(
        run, marts | {"leaderboard": pl.concat([marts["leaderboard"].with_columns(**lengths), sold])}
    )
    warehouse.finish_run(run, finished_at=at + timedelta(minutes=3), as_of=at)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of a file full of hostile text. Bundling Vega takes seconds and is tested in the browser."""
    home = tmp_path_factory.mktemp("home")
    published = hostile_file(home, "".join(HOSTILE[:-1]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(site_module, "_vega", lambda: b"")
        site(published, home / "site", made_at=datetime(2026, 11, 3, 3, 4, tzinfo=UTC))
    return home / "site"


class Elements(HTMLParser):
    """Every element of a page with its attributes, and the text of inline scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, Mapping[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def figures(site_folder: Path, name: str) -> dict[str, Any]:
    (path,) = site_folder.glob(f"assets/{name}.*.js")
    match = re.fullmatch(r"pertoken\.receive\((\".*?\"),(\{.*\})\);\n", path.read_text("utf-8"), re.DOTALL)
    assert match is not None
    tables: dict[str, Any] = json.loads(match[2])
    return tables


def test_hostile_text_is_nothing_but_text_on_every_page(folder: Path) -> None:
    for page in folder.glob("*.html"):
        html = page.read_text("utf-8")
        elements = Elements(html).found
        assert "alert(1)" not in html.replace("&lt;script&gt;alert(1)", "").replace("onerror=alert(1)&gt;", "")
        assert not {"\x00", "\u202e", "\u2028"} & set(html)
        assert not [name for _, attributes in elements for name in attributes if name.startswith("on")]
        scripts = [attributes for tag, attributes in elements if tag == "script"]
        assert all("src" in script or script.get("type") == "application/json" for script in scripts)
    assert "&lt;script&gt;alert(1)" in (folder / "sources.html").read_text("utf-8")


def test_pages_name_no_other_host_and_forbid_asking_one(folder: Path) -> None:
    pages = sorted(folder.glob("*.html"))
    assert len(pages) == 7
    for page in pages:
        elements = Elements(page.read_text("utf-8")).found
        addresses = [
            value for _, attributes in elements for name, value in attributes.items() if name in ("src", "href")
        ]
        (policy,) = [a["content"] for _, a in elements if a.get("http-equiv") == "Content-Security-Policy"]
        assert policy is not None
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        for address in filter(None, addresses):
            local = re.fullmatch(r"(?!\w+:|//)([\w./-]*)(#[\w-]+)?", address)
            assert local or address.startswith("data:image/svg+xml,"), address
            assert not local or not local[1] or (page.parent / local[1]).is_file(), address


@pytest.mark.parametrize("text", HOSTILE)
def test_packed_text_is_plain_and_short(text: str) -> None:
    table = packed(pl.DataFrame({"name": [text, None, text]}))
    (word,) = table["columns"]["name"]["words"]
    assert table["columns"]["name"]["at"] == [0, None, 0]
    assert len(word) <= LONGEST_CELL
    assert not {"\x00", "\u202e", "\u2028"} & set(word)


def test_packed_numbers_keep_six_figures_and_their_gaps() -> None:
    table = packed(pl.DataFrame({"usd": [0.000123456789, None, float("nan"), 98765.4321], "machines": [1, None, 3, 4]}))
    assert table["columns"] == {"usd": [0.000123457, None, None, 98765.4], "machines": [1, None, 3, 4]}


def test_figures_of_a_board_are_those_of_the_file(folder: Path) -> None:
    board = figures(folder, "board-chat")
    assert board["rented"]["rows"] == 1
    assert board["rented"]["columns"]["output_tokens_per_s"] == [4000.0]
    assert board["bought"]["columns"]["usd_per_request"] == [0.001]
    assert figures(folder, "prices")["gpu_prices"]["columns"]["usd_per_gpu_hour"] == [2.5]


def test_trends_are_those_of_the_file(folder: Path) -> None:
    history = figures(folder, "gpu-h100-sxm-80gb")["gpu_price_history"]["columns"]
    days = [samples.START + timedelta(days=day) for day in (0, 1)]
    assert history["as_of"] == [int(day.timestamp()) for day in days]
    assert history["usd_per_gpu_hour"] == [2.0, 2.5]
    moves = figures(folder, "movers")["movers"]["columns"]
    assert (moves["old_usd"][0], moves["new_usd"][0], moves["factor"][0]) == (2.0, 2.5, 1.25)


def test_each_page_says_when_and_from_what_it_was_made(folder: Path) -> None:
    for page in folder.glob("*.html"):
        html = page.read_text("utf-8")
        assert "2 November 2026, 06:00 UTC" in html
        assert "Page made 3 November 2026, 03:04 UTC" in html
        assert samples.run_id(4) in html
        assert "Recorded data" not in html


def test_a_page_finds_its_figures_while_the_next_ones_are_written(tmp_path: Path) -> None:
    builds = []
    for number in range(3):
        folders.write(tmp_path, {f"assets/prices.{number}.js": lambda: b"1"}, {"index.html": f"page {number}"})
        builds.append(sorted(path.name for path in (tmp_path / "assets").glob("*.js")))
    assert builds == [["prices.0.js"], ["prices.0.js", "prices.1.js"], ["prices.1.js", "prices.2.js"]]
    assert (tmp_path / "index.html").read_text() == "page 2"


def test_other_files_of_the_folder_stay(tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("ours")
    folders.write(tmp_path, {}, {"index.html": "page"})
    assert (tmp_path / "report.html").read_text() == "ours"
    assert not list(tmp_path.glob(".*"))


def test_a_missing_extra_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site_module, "find_spec", lambda name: None if name == "vl_convert" else object())
    with pytest.raises(ExportError, match=r"the site needs vl_convert: pip install 'pertoken\[site\]'"):
        site(tmp_path / "prices.duckdb", tmp_path / "site")
