"""Groq's list of models, the Markdown edition. A name is the path of its link; ContactSales is a status, not a gap."""

from __future__ import annotations

import re
from decimal import Decimal

from scrapers.contract import ApiPrice, Capture, Component, Listing, Reading, Request, Source, UnexpectedPage
from scrapers.pricelist import PriceList
from scrapers.tables import Table, UnreadableCell, fold, markdown_tables, plain, tokens, usd_per_mtok

NAME = "groq"
PRICE = "price per 1m tokens"
OTHER_UNITS = re.compile(r"\$[\d.,]+ (per hour|per 1M characters|per image|per minute|per second)", re.I)
"""Speech is sold by the hour and by the character; it is no text model."""


def parse(capture: Capture) -> Reading:
    """Raises UnexpectedPage where no table has a price column per 1M tokens."""
    prices = PriceList()
    tables = [table for table in markdown_tables(capture.body.decode("utf-8", "replace")) if table.header]
    for table in tables:
        if {"model id", PRICE} <= set(table.header):
            _add_table(table, prices)
        elif any("$" in cell for row in table.rows for cell in row):
            prices.quarantine_table(table.where, f"unknown columns {', '.join(table.header)}")
    if prices.empty:
        raise UnexpectedPage(NAME, "tables", f"none of {len(tables)} has columns 'model id' and '{PRICE}'")
    return prices.reading()


def _add_table(table: Table, prices: PriceList) -> None:
    listing: Listing = "preview" if "preview" in fold(table.heading) else "listed"
    for row in table.rows:
        if len(row) != len(table.header):
            prices.quarantine_table(table.where, f"a row of {len(row)} cells under {len(table.header)} columns")
            return
    for row in table.rows:
        cells = dict(zip(table.header, row, strict=True))
        try:
            _add_row(cells, listing, prices)
        except UnreadableCell as error:
            prices.quarantine(table.where, f"{plain(cells['model id'])[:60]}: {error}")


def _add_row(cells: dict[str, str], listing: Listing, prices: PriceList) -> None:
    link = re.search(r"\]\(/docs/(?:model/|compound/systems/)([\w./-]+)\)", cells["model id"])
    if link is None:
        raise UnreadableCell("no link that names the model")
    name, price = link[1], plain(cells[PRICE])
    if OTHER_UNITS.fullmatch(price):
        return
    if price == "-":
        prices.unpriced(name, "listed without a price")
        return
    sales = re.fullmatch(r"contact\s*sales", price, re.I) is not None
    amounts: dict[Component, Decimal | None] = {"input": None, "output": None} if sales else _amounts(price)
    for component, amount in amounts.items():
        prices.add(
            ApiPrice(
                source=NAME,
                provider=NAME,
                channel="host",
                model_name=name,
                component=component,
                usd_per_mtok=amount,
                listing="contact_sales" if sales else listing,
                context_length_tokens=_limit(cells, "context window"),
                max_output_tokens=_limit(cells, "max completion tokens"),
                raw_text=price,
            )
        )


def _amounts(price: str) -> dict[Component, Decimal | None]:
    """Of "$0.15 input$0.60 output", perhaps with cached input between. Raises UnreadableCell on anything else."""
    parts = re.fullmatch(r"(\$[\d.,]+) input\s*(?:(\$[\d.,]+) cached(?: input)?\s*)?(\$[\d.,]+) output", price)
    if parts is None:
        raise UnreadableCell(price)
    amounts: dict[Component, Decimal | None] = {"input": usd_per_mtok(parts[1]), "output": usd_per_mtok(parts[3])}
    return amounts | ({"cache_read": usd_per_mtok(parts[2])} if parts[2] else {})


def _limit(cells: dict[str, str], beginning: str) -> int | None:
    text = next((plain(cell) for name, cell in cells.items() if name.startswith(beginning)), "-")
    return None if text == "-" else tokens(text)


SOURCE = Source(
    name=NAME,
    kind="api",
    origin="https://console.groq.com",
    first=(Request("/docs/models.md", label="models"),),
    parse=parse,
    robots=True,
    content_types=("text/markdown", "text/plain"),
    anchors=(b"PRICE PER 1M TOKENS", b"Price per 1M tokens"),
    canaries=("openai/gpt-oss-120b", "llama-3.3-70b-versatile"),
    min_records=4,
)
