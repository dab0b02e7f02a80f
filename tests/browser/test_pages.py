"""What a person sees and does on the pages, in a real browser, against numbers asked of the published file."""

from __future__ import annotations

import gzip
import re
import shutil
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.warehouse.test_site import HOSTILE, hostile_file
from warehouse.export.site import site
from warehouse.export.site.pages import PAGES
from warehouse.published import open_published

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

MODEL = "llama-3.3-70b"
FILES = [page.file for page in PAGES]
NARROW_AND_DARK = {"width": 390, "color_scheme": "dark"}


def asked(published: Path, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
    with open_published(published) as connection:
        return connection.execute(sql, list(parameters)).fetchall()


def board_of(published: Path, board: str = "combined", workload: str = "chat") -> list[dict[str, Any]]:
    with open_published(published) as connection:
        return (
            connection.execute(
                """
                select * from marts.leaderboard
                where board = ? and workload = ? and model = ? and place is not null order by place
                """,
                [board, workload, MODEL],
            )
            .pl()
            .to_dicts()
        )


def opened(page: Page, address: str) -> None:
    page.goto(address)
    page.wait_for_selector("#board-table table")


def column(page: Page, number: int, table: str = "#board-table") -> list[str]:
    return page.locator(f"{table} tbody tr:not(.details) > :nth-child({number})").all_inner_texts()


def prices(page: Page) -> list[float]:
    """The prices shown, in USD."""
    shown = page.locator("#board-table tbody tr:not(.details) .price").all_inner_texts()
    return [float(text.replace("$", "").replace(",", "")) for text in shown]


def close(shown: Sequence[float], true: Sequence[float]) -> None:
    """Prices are shown to three figures, or to the cent above a dollar."""
    assert shown == pytest.approx(true[: len(shown)], rel=0.006, abs=1e-6)


def show_all(page: Page) -> None:
    more = page.get_by_role("button", name=re.compile(r"^Show all \d"))
    if more.count():
        more.click()


@pytest.mark.parametrize(
    ("address", "page"),
    [
        *((file, {}) for file in FILES),
        *((file, NARROW_AND_DARK) for file in (f"index.html#model={MODEL}&volume=1e9", "gpus.html", "article.html")),
    ],
    indirect=["page"],
)
def test_every_page_is_accessible_and_fits(page: Page, origin: str, address: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    page.goto(f"{origin}/{address}")
    page.wait_for_load_state("networkidle")
    if address.startswith("index.html#"):
        page.locator("#board-table .open").first.click()
    faults = axe.Axe().run(page).response["violations"]
    serious = [fault for fault in faults if fault["impact"] in ("serious", "critical")]
    assert [(fault["id"], fault["nodes"][0]["html"]) for fault in serious] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert "Recorded data." in page.inner_text(".banner")


def test_first_view_is_small_and_does_not_jump(page: Page, origin: str, folder: Path) -> None:
    sizes: list[int] = []
    page.on("request", lambda ask: sizes.append(_compressed(folder, ask.url)))
    page.add_init_script(
        "window.moved = 0;"
        "new PerformanceObserver((list) => list.getEntries().forEach((entry) => { moved += entry.value; }))"
        ".observe({type: 'layout-shift', buffered: true});"
    )
    opened(page, f"{origin}/index.html")
    page.wait_for_load_state("networkidle")
    assert sum(sizes) < 500_000
    assert page.evaluate("moved") < 0.05


def _compressed(folder: Path, url: str) -> int:
    name = urlsplit(url).path.lstrip("/")
    return len(gzip.compress((folder / name).read_bytes())) if name and not url.startswith("data:") else 0


def test_a_board_shows_the_numbers_and_places_of_the_file(page: Page, origin: str, published: Path) -> None:
    opened(page, f"{origin}/index.html#model={MODEL}")
    show_all(page)
    board = board_of(published)
    assert len(board) > 20
    assert [int(place) for place in column(page, 1)] == [row["place"] for row in board]
    close(prices(page), [row["usd_per_mtok"] for row in board])
    bands = page.locator("#board-table tbody .price + .range").all_inner_texts()
    rented = [row for row in board if row["kind"] == "self_hosted"]
    lows = [float(band.split(" to ")[0].replace("$", "").replace(",", "")) for band in bands]
    close(lows, [row["usd_per_mtok_low"] for row in rented])


def test_filters_leave_what_the_file_has(page: Page, origin: str, published: Path) -> None:
    opened(page, f"{origin}/index.html#model={MODEL}")
    rented = [row for row in board_of(published) if row["kind"] == "self_hosted"]
    quant, gpu = rented[0]["quant"], rented[0]["gpu"]
    page.click("#filters summary")
    page.select_option("#quant", quant)
    page.select_option("#gpu", gpu)
    show_all(page)
    kept = [row for row in rented if row["quant"] == quant and row["gpu"] == gpu]
    assert [int(place) for place in column(page, 1)] == [row["place"] for row in kept]
    close(prices(page), [row["usd_per_mtok"] for row in kept])


@pytest.mark.parametrize("board", ["trusted", "interruptible", "api"])
def test_each_board_shows_its_own_rows(page: Page, origin: str, published: Path, board: str) -> None:
    opened(page, f"{origin}/index.html#model={MODEL}&workload=batch&board={board}")
    show_all(page)
    close(prices(page), [row["usd_per_mtok"] for row in board_of(published, board, "batch")])


def test_sliders_recompute_what_the_formulae_say(page: Page, origin: str, published: Path) -> None:
    opened(page, f"{origin}/index.html#model={MODEL}&board=trusted")
    page.locator("#utilization").fill("60")
    page.click("#people summary")
    page.locator("#volume").fill("31")
    page.locator("#hours").fill("20")
    page.locator("#rate").fill("150")
    tokens = 1e9
    assert page.inner_text("#volume-shown") == "1.0B tokens"
    people = 20 * 150 / (tokens / 1e6)

    def price(row: dict[str, Any]) -> float:
        served = row["output_tokens_per_s"] * 3600 / row["osl_tokens"]
        fixed = row["gpu_usd_per_hour"] + row["storage_usd_per_hour"]
        traffic = row["traffic_usd_per_hour"] / (served * row["utilization"])
        return float((fixed / (served * 0.6) + traffic) / (row["isl_tokens"] + row["osl_tokens"]) * 1e6 + people)

    close(prices(page), sorted(price(row) for row in board_of(published, "trusted")))


def test_people_cost_nothing_without_a_volume(page: Page, origin: str, published: Path) -> None:
    opened(page, f"{origin}/index.html#model={MODEL}&board=trusted&hours=80&rate=300")
    close(prices(page), [row["usd_per_mtok"] for row in board_of(published, "trusted")])


@pytest.mark.parametrize(
    ("unit", "name"), [("mtok_output", "usd_per_mtok_output"), ("requests", "usd_per_1k_requests")]
)
def test_units(page: Page, origin: str, published: Path, unit: str, name: str) -> None:
    opened(page, f"{origin}/index.html#model={MODEL}&unit={unit}")
    close(prices(page), [row[name] for row in board_of(published)])


def test_tables_sort_by_keyboard_and_say_so(page: Page, origin: str) -> None:
    opened(page, f"{origin}/index.html#model={MODEL}")
    show_all(page)
    head = page.locator("#board-table th", has_text="Price")
    assert head.get_attribute("aria-sort") == "ascending"
    head.locator("button").focus()
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    assert page.evaluate("document.activeElement.dataset.key") == "usd"
    assert prices(page) == sorted(prices(page), reverse=True)
    assert "sort=-usd" in page.url


def test_an_address_brings_back_the_same_view(page: Page, origin: str) -> None:
    opened(page, f"{origin}/index.html")
    page.select_option("#model", MODEL)
    page.select_option("#workload", "rag")
    page.select_option("#board", "trusted")
    page.locator("#utilization").fill("75")
    page.locator("#board-table caption", has_text="tokens of rag").wait_for()
    shown, address = prices(page), page.url
    page.goto("about:blank")
    opened(page, address)
    assert prices(page) == shown
    assert page.input_value("#workload") == "rag"
    assert page.inner_text("#utilization-shown") == "75 %"


def test_a_row_opens_its_explanation(page: Page, origin: str, published: Path) -> None:
    opened(page, f"{origin}/index.html#model={MODEL}&board=trusted")
    best = board_of(published, "trusted")[0]
    opener = page.locator("#board-table .open").first
    opener.focus()
    page.keyboard.press("Enter")
    assert opener.get_attribute("aria-expanded") == "true"
    page.locator("tr.details", has_text="Offers behind it").first.wait_for()  # its figures are fetched when it opens
    text = page.locator("tr.details").first.inner_text()
    assert f"{best['output_tokens_per_s']:,.0f} output tokens/s" in text
    assert best["throughput_basis"] in text
    assert "Offers behind it" in text


def test_the_overview_names_the_best_of_each_model(page: Page, origin: str, published: Path) -> None:
    opened(page, f"{origin}/index.html")
    row = page.locator("#board-table tbody tr", has_text="Llama-3.3-70B")
    best = {
        kind: asked(
            published,
            """
            select min(usd_per_mtok) from marts.leaderboard
            where board = 'combined' and workload = 'chat' and model = ? and kind = ?
            """,
            MODEL,
            kind,
        )[0][0]
        for kind in ("self_hosted", "api")
    }
    shown = [float(row.locator(f".{kind}price").inner_text().strip("$")) for kind in ("rent", "buy")]
    close(shown, [best["self_hosted"], best["api"]])


def test_charts_are_drawn(page: Page, origin: str) -> None:
    for file, charts in (
        ("gpus.html", ["#gpu-chart", "#front-chart"]),
        ("trends.html", ["#gpu-chart", "#api-chart"]),
        (f"break-even.html#model={MODEL}", ["#chart"]),
    ):
        page.goto(f"{origin}/{file}")
        for chart in charts:
            page.wait_for_selector(f"{chart} svg .mark-symbol path")


def test_gpu_prices_are_those_of_the_file(page: Page, origin: str, published: Path) -> None:
    page.goto(f"{origin}/gpus.html#size=1&provider=runpod")
    page.wait_for_selector("#gpu-table table")
    show_all(page)
    rows = asked(
        published,
        """
        select usd_per_gpu_hour from marts.gpu_prices
        where board = 'trusted' and source = 'runpod' and gpu_count = 1 and exclusion_reason is null order by all
        """,
    )
    shown = page.locator("#gpu-table .price").all_inner_texts()
    assert len(shown) == len(rows)
    close([float(text.strip("$")) for text in shown], [row[0] for row in rows])


def test_break_even_is_that_of_the_file(page: Page, origin: str, published: Path) -> None:
    page.goto(f"{origin}/break-even.html#model={MODEL}&quant=fp8")
    page.wait_for_selector("#table table")
    rows = asked(
        published,
        """
        select usd_per_mtok_api, break_even_utilization from marts.break_even
        where board = 'trusted' and workload = 'chat' and model = ? and quant = 'fp8' order by 1 nulls last, 2
        """,
        MODEL,
    )
    shown = page.locator("#table tbody tr > :nth-child(3)").all_inner_texts()
    assert len(shown) == len(rows) > 2
    known = [(text, row[1]) for text, row in zip(shown, rows, strict=True) if row[1] is not None]
    assert [float(text.removesuffix(" %")) for text, _ in known] == pytest.approx([100 * u for _, u in known], abs=0.51)


@pytest.mark.parametrize("file", ["index.html", "trends.html", "sources.html"])
def test_pages_open_from_disk(page: Page, folder: Path, file: str) -> None:
    page.goto((folder / file).as_uri())
    page.wait_for_selector("h1")
    if any(one.file == file and one.scripts for one in PAGES):
        page.wait_for_selector("table tbody tr, .canvas svg")


@pytest.mark.parametrize(("days", "is_said"), [(0.9, False), (1.1, True)])
def test_prices_that_are_old_by_now_are_called_old(
    page: Page, folder: Path, tmp_path: Path, days: float, is_said: bool
) -> None:
    """However young they were when the page was made."""
    (tmp_path / "site" / "assets").mkdir(parents=True)
    for vega in folder.glob("assets/vega.*.js"):
        shutil.copy(vega, tmp_path / "site" / "assets")
    published = hostile_file(tmp_path, "host")
    ((as_of, observed_at),) = asked(
        published, "select max(as_of), max(observed_at) from marts.leaderboard where board = 'api'"
    )
    page.clock.set_fixed_time(as_of + timedelta(days=days))
    opened(page, f"{site(published, tmp_path / 'site').as_uri()}#model={MODEL}&board=api")
    assert page.locator(".banner.old").is_visible() == is_said
    hours = (as_of - observed_at).total_seconds() / 3600 + 24 * days
    assert column(page, 8) == [f"{hours:.0f} h" if hours < 48 else f"{hours / 24:.0f} days"]


def test_hostile_text_stays_text(page: Page, folder: Path, tmp_path: Path) -> None:
    text = "".join(HOSTILE[:-1])
    (tmp_path / "site" / "assets").mkdir(parents=True)
    for vega in folder.glob("assets/vega.*.js"):
        shutil.copy(vega, tmp_path / "site" / "assets")
    index = site(hostile_file(tmp_path, text), tmp_path / "site")
    opened(page, f"{index.as_uri()}#model={MODEL}&board=api")
    page.locator("#board-table .open").first.click()
    page.wait_for_selector("tr.details td")
    assert "<script>alert(1)</script>" in page.inner_text("#board-table")
    assert page.locator("main script, main img").count() == 0
    opened(page, f"{index.as_uri()}#model={MODEL}&board=trusted")
    page.locator("#board-table .open").first.click()
    page.wait_for_selector("tr.details td")
    assert "<script>alert(1)</script>" in page.inner_text("tr.details")


@pytest.mark.parametrize(
    "address",
    ["#model=nothing&workload=none&board=x&u=-5&volume=NaN&hours=x&rate=<script>&sort=%00", "#model=%ff&gpu=x"],
)
def test_a_broken_address_is_no_fault(page: Page, origin: str, address: str) -> None:
    opened(page, f"{origin}/index.html{address}")
    assert page.locator("#board-table tbody tr").count() > 5
