"""Anthropic's price page, the Markdown edition: model, batch, fast-mode and long-context tables, by column name.

Wording moves (headers changed case and "&" to "and" in September 2026), footnote digits stick to prices, and notes
beside a name say what became of a model. Older editions leave the model out of the fast and long-context tables and
name it in the sentence above; it is taken from there only where the figures fit the model table.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

import msgspec

from scrapers.contract import ApiPrice, Capture, Component, Listing, Reading, Request, Source, Tier, UnexpectedPage
from scrapers.pricelist import PriceList
from scrapers.tables import (
    Table,
    UnreadableCell,
    component,
    fold,
    long_dates,
    markdown_tables,
    plain,
    tokens,
    usd_per_mtok,
)

NAME = "anthropic"
NOTES: Sequence[tuple[str, Listing]] = (
    ("retired", "retired"),
    ("deprecated", "listed"),
    ("limited availability", "preview"),
    ("limited preview", "preview"),
    ("research preview", "preview"),
    ("preview", "preview"),
    ("beta", "preview"),
    ("introductory pric", "listed"),
    ("promotional pric", "listed"),
)
"""How a note in brackets beside a name may begin, and what it makes of the listing."""


@dataclass
class _Page:
    models: dict[str, list[ApiPrice]] = field(default_factory=dict)
    """What the model and batch tables say, by model; the other tables refer to it."""
    prices: PriceList = field(default_factory=PriceList)


def parse(capture: Capture) -> Reading:
    """Raises UnexpectedPage where the model table cannot be found."""
    page = _Page()
    tables = [
        table
        for table in markdown_tables(capture.body.decode("utf-8", errors="replace"))
        if any(re.search(r"\$\s?\d[\d.,]*\s*/\s*M", cell) for row in table.rows for cell in row)
    ]
    late = [table for table in tables if not _add_models(table, page)]
    if not page.models:
        raise UnexpectedPage(NAME, "model table", f"none of {len(tables)} priced tables has its columns")
    for table in late:
        if not (_add_fast(table, page) or _add_long_context(table, page)):
            page.prices.quarantine_table(table.where, f"unknown columns or figures: {', '.join(table.header)}")
    for price in (price for prices in page.models.values() for price in prices):
        page.prices.add(price)
    return page.prices.reading()


# ---------------------------------------------------------------------------- model and batch tables


def _add_models(table: Table, page: _Page) -> bool:
    """Read a table of one price per model and component. False where it is another kind of table."""
    heading = fold(table.heading)
    batch = "batch" in heading or any(name.startswith("batch ") for name in table.header)
    columns = [meaning for name in table.header[1:] if (meaning := component(name.removeprefix("batch ")))]
    complete = len(columns) == len(set(columns)) == len(table.header) - 1 and {"input", "output"} <= set(columns)
    if table.header[:1] != ("model",) or "fast" in heading or not complete:
        return False
    if odd := [row for row in table.rows if len(row) != len(table.header)]:
        page.prices.quarantine_table(table.where, f"a row of {len(odd[0])} cells under {len(table.header)} columns")
        return True
    for row in table.rows:
        try:
            _add_model(row, columns, "batch" if batch else "standard", table, page)
        except UnreadableCell as error:
            page.prices.quarantine(f"{table.where}, {plain(row[0])}", f"not read: {error}")
    return True


def _add_model(row: Sequence[str], columns: Sequence[Component], tier: Tier, table: Table, page: _Page) -> None:
    name, listing, promo_until = _name(row[0])
    prices = [
        ApiPrice(
            source=NAME,
            provider=NAME,
            channel="first_party",
            model_name=name,
            component=meaning,
            usd_per_mtok=amount,
            tier=tier,
            listing=listing,
            promo_until=promo_until or _footnote_date(cell, table),
            raw_text=plain(cell),
        )
        for meaning, cell in zip(columns, row[1:], strict=True)
        if (amount := usd_per_mtok(cell)) is not None
    ]
    page.models.setdefault(name, []).extend(prices)


def _name(cell: str) -> tuple[str, Listing, date | None]:
    """Name, listing and end of promotion. Raises UnreadableCell on a note that may change what the row means."""
    text = plain(cell)
    match = re.fullmatch(r"([^()]+?)\s*\((.*)\)", text)
    if match is None:
        return text, "listed", None
    dates = [*long_dates(match[2]), None]
    for beginning, listing in NOTES:
        if match[2].casefold().startswith(beginning):
            return match[1], listing, dates[0]
    if dates[0] and match[2].casefold().startswith(("through ", "until ")):
        return match[1], "listed", dates[0]
    raise UnreadableCell(f"unknown note ({match[2]})")


def _footnote_date(cell: str, table: Table) -> date | None:
    """The last day of a promotion, where the footnote a price carries names one: "<sup>3</sup>" below the table."""
    mark = re.search(r"<sup>\s*(\w+)\s*</sup>", cell)
    notes = [line for line in table.below if mark and re.search(rf"<sup>\s*{mark[1]}\b(?!\s*</sup>)", line)]
    dates = [day for line in notes if re.search(r"\b(through|until)\b", line) for day in long_dates(line)]
    return dates[0] if dates else None


# ------------------------------------------------------------------- fast-mode and long-context tables


def _add_fast(table: Table, page: _Page) -> bool:
    """Fast mode: [model |] input | output, one row for one or several models, dearer than the standard price."""
    columns = [component(name) for name in table.header if name != "model"]
    if "fast" not in fold(table.heading) or columns != ["input", "output"]:
        return False
    found: list[ApiPrice] = []
    for row in table.rows:
        models = _models(row[0], page.models) if table.header[0] == "model" else _models_in_prose(table, page)
        if len(row) != len(table.header) or not models:
            return False
        try:
            fast = dict(zip(columns, map(usd_per_mtok, row[-2:]), strict=True))
        except UnreadableCell:
            return False
        standard = [price for model in models for price in _standard(model, page) if price.component in fast]
        if any((fast[price.component] or 0) <= (price.usd_per_mtok or 0) for price in standard):
            return False
        found += [
            msgspec.structs.replace(
                price,
                tier="fast",
                usd_per_mtok=fast[price.component],
                context_max_tokens=None,
                raw_text=" | ".join(row),
            )
            for price in standard
        ]
    for price in found:
        page.prices.add(price)
    return True


def _add_long_context(table: Table, page: _Page) -> bool:
    """Long context: [model |] <= 200K input tokens | > 200K input tokens, cells "Input: $3 / MTok".

    The left column repeats the standard price: a table that does not fit its models there is not read.
    """
    borders = re.fullmatch(
        r"(?:model;)?<= ?([\d.]+[km]?)(?: input)? tokens;> ?\1(?: input)? tokens", ";".join(table.header)
    )
    if borders is None:
        return False
    models: list[str] = [] if table.header[0] == "model" else _models_in_prose(table, page)
    longer: list[tuple[str, Component, Decimal, str]] = []
    for row in table.rows:
        if len(row) == 3 and row[0]:
            models = _models(row[0], page.models)
        cells = [re.fullmatch(r"(input|output):\s*(.+)", plain(cell).casefold()) for cell in row[-2:]]
        if len(row) != len(table.header) or not models or cells[0] is None or cells[1] is None:
            return False
        try:
            base, dearer = usd_per_mtok(cells[0][2]), usd_per_mtok(cells[1][2])
        except UnreadableCell:
            return False
        meaning = component(cells[0][1])
        stated = {p.usd_per_mtok for model in models for p in _standard(model, page) if p.component == meaning}
        if meaning is None or dearer is None or stated != {base} or cells[0][1] != cells[1][1]:
            return False
        longer += [(model, meaning, dearer, " | ".join(row)) for model in models]
    _apply_long_context(longer, tokens(borders[1]), page)
    return True


def _apply_long_context(longer: Sequence[tuple[str, Component, Decimal, str]], border: int, page: _Page) -> None:
    """Add the dearer prices from the border on; every other price of those models holds below it."""
    for model, meaning, amount, raw_text in longer:
        standard = next(price for price in _standard(model, page) if price.component == meaning)
        page.prices.add(
            msgspec.structs.replace(
                standard, usd_per_mtok=amount, context_min_tokens=border, context_max_tokens=None, raw_text=raw_text
            )
        )
    for model in {model for model, *_ in longer}:
        page.models[model] = [msgspec.structs.replace(p, context_max_tokens=border) for p in page.models[model]]


def _standard(model: str, page: _Page) -> list[ApiPrice]:
    return [price for price in page.models[model] if price.tier == "standard"]


def _models(cell: str, known: Mapping[str, object]) -> list[str]:
    """Models of one cell, "Claude Opus 5 / Claude Opus 4.8", "Claude Sonnet 4.6 / 4.5"; empty if any is unknown."""
    parts = [part.strip() for part in re.split(r"\s*/\s*|,\s*(?:and\s+)?|\s+and\s+", plain(cell)) if part.strip()]
    family = parts[0].rpartition(" ")[0] if parts else ""
    names = [part if part in known else f"{family} {part}" for part in parts]
    return names if all(name in known for name in names) else []


def _models_in_prose(table: Table, page: _Page) -> list[str]:
    """Models named in the first sentence above a table that has no column for them."""
    sentence = re.split(r"\.\s", " ".join(plain(line) for line in table.lines if not line.startswith("<")))[0]
    return [
        name
        for name in page.models
        if re.search(rf"(?<![\w.]){re.escape(name.removeprefix('Claude '))}(?!\.?\w)", sentence)
    ]


SOURCE = Source(
    name=NAME,
    kind="api",
    origin="https://platform.claude.com",
    first=(Request("/docs/en/about-claude/pricing.md", label="prices"),),
    parse=parse,
    robots=True,
    content_types=("text/markdown", "text/plain"),
    anchors=(b"Model pricing", b"/ MTok"),
    canaries=("Claude Haiku 4.5", "Claude Haiku 3.5", "Claude Sonnet 5"),
    min_records=20,
)
