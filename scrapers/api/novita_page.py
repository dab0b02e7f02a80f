"""Novita's price page, HTML or Markdown, a second reading beside its list of models: USD per 1M tokens ("/Mt").

The HTML repeats every row as a card for small screens; only the tables are read. A model is named by its link.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal

from selectolax.lexbor import LexborHTMLParser, LexborNode

from scrapers.contract import ApiPrice, Capture, Component, Reading, Request, Source, UnexpectedPage
from scrapers.pricelist import PriceList
from scrapers.tables import UnreadableCell, cell_text, fold, html_grid, markdown_tables, plain, tokens, usd_per_mtok

NAME = "novita_page"
COLUMNS = ("model name", "context", "input", "output", "actions")

Row = tuple[str, str, str, str]
"""Model, context, input cell, output cell."""


def parse(capture: Capture) -> Reading:
    """Raises UnexpectedPage where no table has the columns of the language models."""
    text = capture.body.decode("utf-8", "replace")
    prices = PriceList()
    for name, context, given, made in [*_html_rows(text), *_markdown_rows(text)]:
        try:
            amounts = {**_input(given), "output": usd_per_mtok(made)}
            for component, amount in amounts.items():
                if amount is not None:
                    prices.add(_price(name, component, amount, context, given if component != "output" else made))
        except UnreadableCell as error:
            kind = prices.unpriced if fold(made) == "tiered pricing" else prices.quarantine
            kind(name, str(error))
    if prices.empty:
        raise UnexpectedPage(NAME, "tables", f"none has the columns {', '.join(COLUMNS)}")
    return prices.reading()


def _markdown_rows(text: str) -> Iterator[Row]:
    for table in markdown_tables(text):
        if table.header == COLUMNS:
            for row in table.rows:
                if len(row) == len(COLUMNS):
                    yield plain(row[0]), plain(row[1]), plain(row[2]), plain(row[3])


def _html_rows(text: str) -> Iterator[Row]:
    for table in LexborHTMLParser(text).css("table"):
        grid = html_grid(table)
        if not grid or tuple(fold(cell) for cell in grid[0]) != COLUMNS:
            continue
        for row in table.css("tbody tr"):
            cells = row.css("td")
            if len(cells) == len(COLUMNS):
                yield _linked(cells[0]), cell_text(cells[1]), cell_text(cells[2]), cell_text(cells[3])


def _linked(cell: LexborNode) -> str:
    """The id in a link to /models/model-detail/…, else the text."""
    link = cell.css_first("a")
    found = re.search(r"/model-detail/([\w.\-]+)", (link.attributes.get("href") or "") if link else "")
    return found[1] if found else cell_text(cell)


def _input(cell: str) -> dict[Component, Decimal | None]:
    """Of "$0.269 /Mt· Cache Read $0.1345 /Mt": input and, where it is there, cache_read. Raises UnreadableCell."""
    parts: Sequence[str] = [part.strip() for part in re.split(r"·?\s*Cache Read", cell)]
    if len(parts) > 2:
        raise UnreadableCell(cell)
    amounts: dict[Component, Decimal | None] = {"input": usd_per_mtok(parts[0].rstrip("· "))}
    return amounts | ({"cache_read": usd_per_mtok(parts[1])} if len(parts) == 2 else {})


def _price(name: str, component: Component, amount: Decimal, context: str, raw_text: str) -> ApiPrice:
    return ApiPrice(
        source=NAME,
        provider="novita",
        channel="host",
        model_name=name,
        component=component,
        usd_per_mtok=amount,
        context_length_tokens=None if context in ("", "-") else tokens(context),
        raw_text=raw_text,
    )


SOURCE = Source(
    name=NAME,
    kind="api",
    origin="https://novita.ai",
    first=(Request("/pricing", label="prices"),),
    parse=parse,
    robots=True,
    content_types=("text/html", "text/markdown"),
    anchors=(b"/Mt",),
    cross_check=True,
    min_records=10,
)
