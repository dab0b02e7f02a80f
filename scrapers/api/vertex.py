"""Open and partner models on Google's Vertex price page: the tables of two columns, Model | Pricing.

The page's other tables price Google's and Anthropic's own models, which their publishers' pages cover.
"""

from __future__ import annotations

import re

from selectolax.lexbor import LexborHTMLParser

from scrapers.contract import ApiPrice, Capture, Component, Listing, Reading, Request, Source, UnexpectedPage
from scrapers.pricelist import PriceList
from scrapers.tables import UnreadableCell, html_tables, plain, usd_per_mtok

NAME = "vertex"
COMPONENTS: dict[str, Component] = {
    "input": "input",
    "output": "output",
    "cache input": "cache_read",
    "cached input": "cache_read",
    "cache hit": "cache_read",
    "cache read": "cache_read",
}
PART = re.compile(r"([A-Za-z][A-Za-z ]*?):\s*(\$[\d.,]*\d)\s*/\s*million tokens\s*")


def parse(capture: Capture) -> Reading:
    """Raises UnexpectedPage on another language and where no table Model | Pricing has readable prices."""
    page = LexborHTMLParser(capture.body)
    root = page.css_first("html")
    if root is None or not (root.attributes.get("lang") or "").casefold().startswith("en"):
        raise UnexpectedPage(NAME, "html lang", "not English: prices may be in another currency")
    prices = PriceList()
    for table in html_tables(page):
        if table.header != ("model", "pricing"):
            continue
        for row in table.rows:
            try:
                _add_row(row, prices)
            except UnreadableCell as error:
                prices.quarantine(f"{table.where}, {plain(row[0]) if row else ''}", str(error))
    if prices.empty:
        raise UnexpectedPage(NAME, "tables", "none headed Model | Pricing")
    return prices.reading()


def _add_row(row: tuple[str, ...], prices: PriceList) -> None:
    if len(row) != 2:
        raise UnreadableCell(f"a row of {len(row)} cells")
    name, cell = re.sub(r"\s*\*+$", "", plain(row[0])), plain(row[1])
    parts = PART.findall(cell)
    parts = [(label.casefold(), amount) for label, amount in parts]
    unknown = [label for label, _ in parts if label.removeprefix("batch ") not in COMPONENTS]
    if unknown or re.sub(r"[\s*]+", "", PART.sub("", cell)):
        raise UnreadableCell(f"more than labelled token prices: {cell}")
    listing: Listing = "preview" if re.search(r"\(?(preview|experimental)\)?$", name, re.I) else "listed"
    for label, amount in parts:
        prices.add(
            ApiPrice(
                source=NAME,
                provider=NAME,
                channel="host",
                model_name=name,
                component=COMPONENTS[label.removeprefix("batch ")],
                usd_per_mtok=usd_per_mtok(amount),
                tier="batch" if label.startswith("batch ") else "standard",
                listing=listing,
                raw_text=cell,
            )
        )


SOURCE = Source(
    name=NAME,
    kind="api",
    origin="https://cloud.google.com",
    first=(Request("/vertex-ai/generative-ai/pricing", label="prices"),),
    parse=parse,
    robots=True,
    content_types=("text/html",),
    anchors=(b"million tokens",),
    canaries=("gpt-oss-120b", "Llama 3.3 70B"),
    min_records=10,
)
