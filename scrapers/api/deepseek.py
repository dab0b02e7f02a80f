"""DeepSeek's price page: one table, models as columns, components as rows, three layouts within a year.

A: one price spanning both models. B: a promotion and the struck-through list price in one cell. C: a label column more,
OFF-PEAK | PEAK. Spans are expanded to a full grid first; then every column headed MODEL holds labels and every other
one is a model, whatever their number.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from selectolax.lexbor import LexborHTMLParser

from scrapers.contract import ApiPrice, Capture, Component, Reading, Request, Source, TimeBand, UnexpectedPage
from scrapers.pricelist import PriceList
from scrapers.tables import Table, UnreadableCell, fold, html_tables, tokens, usd_per_mtok

NAME = "deepseek"
COMPONENTS: dict[str, Component] = {
    "1m input tokens (cache hit)": "cache_read",
    "1m input tokens (cache miss)": "input",
    "1m input tokens": "input",
    "1m output tokens": "output",
}
BANDS: dict[str, TimeBand] = {"off-peak": "off_peak", "peak": "peak"}


def parse(capture: Capture) -> Reading:
    """Raises UnexpectedPage on another language (the Chinese page is in CNY) and where there is no price table."""
    page = LexborHTMLParser(capture.body)
    root = page.css_first("html")
    language = (root.attributes.get("lang") or "" if root else "").casefold()
    if not language.startswith("en"):
        raise UnexpectedPage(NAME, "html lang", f"{language or 'none'}: prices may be in another currency")
    text = page.text(separator=" ", strip=True)
    prices = PriceList()
    for table in html_tables(page):
        if any(_component(row) for row in table.rows):
            _add_table(table, text, prices)
    if prices.empty:
        raise UnexpectedPage(NAME, "tables", "none has rows 1M INPUT TOKENS … with readable prices")
    return prices.reading()


def _add_table(table: Table, text: str, prices: PriceList) -> None:
    labels = [number for number, name in enumerate(table.header) if name == "model"]
    models = [number for number, name in enumerate(table.header) if name and name != "model"]
    priced = [row for row in table.rows if _component(row)]
    if not labels or not models or any(len(row) != len(table.header) for row in priced):
        prices.quarantine_table(table.where, f"unknown header or arity: {' | '.join(table.header)}")
        return
    bands: dict[Component | None, set[TimeBand]] = defaultdict(set)
    for row in priced:
        bands[_component(row)].add(_band([_label(row[number]) for number in labels]))
    for row in priced:
        names = [_label(row[number]) for number in labels]
        band = _band(names)
        component = _component(row)
        if bands[component] not in ({"all"}, {"peak", "off_peak"}):
            prices.quarantine(table.where, f"{' | '.join(row)}: holds at which hours?")
            continue
        odd = set(names) - COMPONENTS.keys() - BANDS.keys() - {"pricing", ""}
        if component is None or odd or (band != "all" and _peak_hours(text) is None):
            prices.quarantine(table.where, f"{' | '.join(row)}: unknown label, or peak hours not stated")
            continue
        for number in models:
            try:
                amount, listed = _amounts(row[number])
            except UnreadableCell as error:
                prices.quarantine(f"{table.header[number]} {component}", f"{error}")
                continue
            model = _label(table.header[number])
            prices.add(
                ApiPrice(
                    source=NAME,
                    provider=NAME,
                    channel="first_party",
                    model_name=model,
                    component=component,
                    usd_per_mtok=amount,
                    time_band=band,
                    band_rule=_peak_hours(text) if band != "all" else None,
                    list_usd_per_mtok=listed,
                    promo_until=_promotion_end(model, text) if listed is not None else None,
                    context_length_tokens=_limit(table, "context length", number),
                    max_output_tokens=_limit(table, "max output", number),
                    raw_text=row[number],
                )
            )


def _label(cell: str) -> str:
    """A label without its footnote mark, "PRICING(3)"."""
    return re.sub(r"\s*\(\d+\)$", "", fold(cell))


def _component(row: Sequence[str]) -> Component | None:
    found = [COMPONENTS[_label(cell)] for cell in row if _label(cell) in COMPONENTS]
    return found[0] if found else None


def _band(labels: Sequence[str]) -> TimeBand:
    return next((BANDS[label] for label in labels if label in BANDS), "all")


def _amounts(cell: str) -> tuple[Decimal | None, Decimal | None]:
    """What is paid and, beside a promotion, the list price: "$0.435 (75% off)<del>$1.74</del>"."""
    match = re.fullmatch(
        r"(\$[\d.,]+)\s*(?:\(\s*\d+% off(?:\(\d+\))?\s*\))?\s*(?:<del>\s*(\$[\d.,]+)\s*</del>|(\$[\d.,]+))?", cell
    )
    if match is None:
        return usd_per_mtok(cell), None
    struck = match[2] or match[3]
    amount, listed = usd_per_mtok(match[1]), usd_per_mtok(struck) if struck else None
    if amount is not None and listed is not None and listed <= amount:
        raise UnreadableCell(f"list price below what is paid: {cell}")
    return amount, listed


def _peak_hours(text: str) -> str | None:
    """The hours of a sentence such as: Peak hours are 01:00 - 04:00 and 06:00 - 10:00 UTC, Monday through Friday."""
    sentence = re.search(r"Peak hours are ([^.]{0,120}?) UTC,? (Monday (?:through|to) Friday|every day|daily)", text)
    hours = re.findall(r"(\d{2}:\d{2})\s*[-–]\s*(\d{2}:\d{2})", sentence[1]) if sentence else []
    if sentence is None or not hours:
        return None
    days = "Mon-Fri" if sentence[2].startswith("Monday") else "Mon-Sun"
    return f"{days} {','.join('-'.join(pair) for pair in hours)} UTC"


def _promotion_end(model: str, text: str) -> date | None:
    """The day of a sentence such as: The … model is currently offered at a 75% discount, … until 2026/05/31 …"""
    sentence = rf"{re.escape(model)} model [^.]{{0,120}}?discount[^.]{{0,60}}?until "
    match = re.search(sentence + r"(\d{4})/(\d{1,2})/(\d{1,2})", text)
    try:
        return date(int(match[1]), int(match[2]), int(match[3])) if match else None
    except ValueError:
        return None


def _limit(table: Table, label: str, column: int) -> int | None:
    """A token limit of the model in `column`: "1M", "MAXIMUM: 384K"."""
    cells = [row[column] for row in table.rows if row and fold(row[0]) == label and column < len(row)]
    found = re.search(r"\b\d+(\.\d+)?[KM]?$", cells[0]) if cells else None
    return tokens(found[0]) if found else None


SOURCE = Source(
    name=NAME,
    kind="api",
    origin="https://api-docs.deepseek.com",
    first=(Request("/quick_start/pricing", label="prices"),),
    parse=parse,
    robots=True,
    content_types=("text/html",),
    anchors=(b"1M INPUT TOKENS",),
    canaries=("deepseek-v4-pro", "deepseek-flash", "deepseek-chat"),
    min_records=6,
)
