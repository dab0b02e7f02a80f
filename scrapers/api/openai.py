"""OpenAI's price page, read twice: as Markdown by column name, and in the rows the HTML page hands to its scripts.

The HTML shows only the newest models; all of them are in the `props` of its `TextTokenPricingTables` islands, as rows
of four cells (no cache write) or five. The Markdown edition has changed form three times: MDX with the same rows, a
mirror of the collapsed tables, and tables whose column names say everything. Records of the HTML reading carry
`endpoint="page"` until `settle` has compared the two.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from selectolax.lexbor import LexborHTMLParser

from scrapers.contract import ApiPrice, Capture, Component, Finding, Reading, Request, Source, Tier, UnexpectedPage
from scrapers.pricelist import PriceList, agreed
from scrapers.tables import (
    Table,
    UnreadableCell,
    component,
    fold,
    html_tables,
    long_dates,
    markdown_tables,
    plain,
    tokens,
    usd_per_mtok,
)

NAME = "openai"
TIERS: Mapping[str, Tier] = {
    "standard": "standard",
    "batch": "batch",
    "flex": "flex",
    "fast": "fast",
    "fast mode": "fast",
    "priority": "fast",
}
"""Priority processing was renamed Fast mode on 2026-07-30."""
LONG_CONTEXT_TOKENS = 272_000
"""Where long-context prices begin when the name does not say it: others are called "(<272K context length)"."""
OTHER_GOODS = frozenset(
    {"modality", "training", "size", "use case", "tool", "details", "quality", "cost", "estimated cost", "duration"}
    | {"price per second", "dimensions"}
)
"""A table with such a column prices images, audio, tools, embeddings or fine-tuning, not a chat model's tokens."""
ROW_COMPONENTS: Mapping[int, Sequence[Component]] = {
    4: ("input", "cache_read", "output"),
    5: ("input", "cache_read", "cache_write_5m", "output"),
}
"""What the cells after the name mean in rows of four and of five; no other arity is known."""

Context = Literal["short", "long"]


@dataclass(frozen=True)
class _Page:
    """What holds for a whole capture."""

    reading: str | None
    """The mark of this reading among the records' endpoints."""
    promotions: Mapping[str, date]
    prices: PriceList


def parse(capture: Capture) -> Reading:
    """Text-token prices of one edition of the page. Raises UnexpectedPage where there are none."""
    text = capture.body.decode("utf-8", errors="replace")
    markdown = not text.lstrip()[:200].casefold().startswith(("<!doctype", "<html"))
    page = _Page(None if markdown else "page", _promotions(text), PriceList())
    if markdown:
        _read_markdown(text, page)
    else:
        _read_islands(text, page)
    if page.prices.empty:
        found = "; ".join(finding.what for finding in page.prices.reading().findings)
        raise UnexpectedPage(NAME, capture.request.path, f"no table of text-token prices; {found}")
    return page.prices.reading()


def settle(captures: Sequence[Capture], reading: Reading) -> Reading:
    """One price where the Markdown edition and the page agree or only one has it."""
    return agreed(reading)


# ---------------------------------------------------------------------------------------------- Markdown


def _read_markdown(text: str, page: _Page) -> None:
    _read_mdx(text, page)
    untold: dict[str, str] = {}
    for table in markdown_tables(text):
        columns = _columns(table)
        if columns is None:
            if not OTHER_GOODS & set(table.header) and any("$" in cell for row in table.rows for cell in row):
                page.prices.quarantine_table(table.where, f"unknown columns {', '.join(table.header)}")
            continue
        tier = _tier(table)
        if tier is None:
            names = [row[-len(columns) - 1] for row in table.rows if len(row) > len(columns)]
            again = [name for name in names if name in untold]
            if again:
                page.prices.quarantine_table(
                    table.where, f"states no service tier, and neither does {untold[again[0]]}"
                )
                continue
            untold.update(dict.fromkeys(names, table.where))
        _add_table(table, columns, tier or "standard", page)
    if re.search(r"^All models\s*$", text, flags=re.M):
        page.prices.find(Finding("truncated", "All models", "the tables are collapsed to their newest rows"))


def _tier(table: Table) -> Tier | None:
    """The service tier a heading names ("Batch pricing data"), or else the nearest line that is only its name."""
    named = TIERS.get(fold(table.heading).removesuffix(" pricing data"))
    lines = [TIERS[fold(line)] for line in table.prose if fold(line) in TIERS]
    return named or (lines[-1] if lines else None)


def _columns(table: Table) -> Mapping[int, tuple[Component, Context]] | None:
    """Column number -> component and context of a table of text-token prices; None for any other table."""
    labels = 2 if table.header[:2] == ("category", "model") else 1
    if table.header[labels - 1 : labels] != ("model",):
        return None
    columns: dict[int, tuple[Component, Context]] = {}
    for number, name in enumerate(table.header[labels:], labels):
        context: Context = "long" if name.startswith("long context ") else "short"
        meaning = component(name.removeprefix(f"{context} context "))
        if meaning is None or (meaning, context) in columns.values():
            return None
        columns[number] = (meaning, context)
    complete = {("input", "short"), ("output", "short")} <= set(columns.values())
    return columns if complete else None


def _add_table(table: Table, columns: Mapping[int, tuple[Component, Context]], tier: Tier, page: _Page) -> None:
    labels, width = min(columns), len(table.header)
    # A category that spans rows is written once: the rows below it are one cell short.
    rows = [("", *row) if labels == 2 and len(row) == width - 1 else row for row in table.rows]
    if odd := [row for row in rows if len(row) != width]:
        page.prices.quarantine_table(
            table.where, f"a row of {len(odd[0])} cells under {width} columns: {' | '.join(odd[0])}"
        )
        return
    for row in rows:
        try:
            amounts = {columns[i]: usd_per_mtok(row[i]) for i in columns}
            _add_row(row[labels - 1], amounts, tier, " | ".join(row), page)
        except UnreadableCell as error:
            page.prices.quarantine(table.where, f"{' | '.join(row)}: {error}")


# ------------------------------------------------------------------------------------------ rows of props


def _read_mdx(text: str, page: _Page) -> None:
    for tag in re.finditer(r"<TextTokenPricingTables\b([^>]{0,400}?)\brows=\{(?=\[)", text):
        tier = TIERS.get((re.search(r'\btier="([^"]*)"', tag[1]) or ["", ""])[1])
        try:
            source = re.sub(r",(\s*\])", r"\1", _bracketed(text[tag.end() :]))
            rows = json.loads(source, parse_float=Decimal, parse_int=Decimal)
        except (ValueError, RecursionError) as error:
            page.prices.quarantine_table("TextTokenPricingTables", f"rows cannot be read: {error}")
            continue
        _add_rows(rows, tier, page)


def _bracketed(text: str) -> str:
    """The bracketed list a text begins with. Raises ValueError where it does not end."""
    depth = 0
    for mark in re.finditer(r'"(?:[^"\\]|\\.)*"|[\[\]]', text):
        depth += {"[": 1, "]": -1}.get(mark[0], 0)
        if depth == 0:
            return text[: mark.end()]
    raise ValueError("no closing bracket")


def _read_islands(text: str, page: _Page) -> None:
    for island in LexborHTMLParser(text).css('astro-island[component-export="TextTokenPricingTables"]'):
        try:
            props = _astro(json.loads(island.attributes.get("props") or "", parse_float=Decimal, parse_int=Decimal))
            tier, rows = TIERS.get(str(props.get("tier"))), props["rows"]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            page.prices.quarantine_table("TextTokenPricingTables", f"props cannot be read: {error!r}")
            continue
        for table in html_tables(island):
            columns = _columns(table)
            if columns is None:
                page.prices.quarantine_table(f"shown table, {tier}", f"unknown columns {', '.join(table.header)}")
            elif tier is not None:
                _add_table(table, columns, tier, page)
        _add_rows(rows, tier, page)


def _astro(value: Any) -> Any:
    """Astro's tagged values: an object of pairs, [0, scalar or such an object], [1, list of pairs]."""
    if isinstance(value, dict):
        return {name: _astro(pair) for name, pair in value.items()}
    tag, inner = value
    if tag == 1:
        return [_astro(pair) for pair in inner]
    return _astro(inner) if isinstance(inner, dict) else inner


def _add_rows(rows: Any, tier: Tier | None, page: _Page) -> None:
    """Rows [name, amounts…]; a row of unknown arity puts in doubt what the cells of all rows mean."""
    where = f"TextTokenPricingTables {tier}"
    if not isinstance(rows, list) or not rows or tier is None:
        page.prices.quarantine_table(where, "no rows, or a service tier of another name")
        return
    if odd := [row for row in rows if not isinstance(row, list) or len(row) not in ROW_COMPONENTS]:
        page.prices.quarantine_table(where, f"a row of unknown arity: {odd[0]}")
        return
    for name, *cells in rows:
        written = " | ".join(str(cell) for cell in (name, *cells))
        try:
            meanings: Sequence[tuple[Component, Context]] = [(m, "short") for m in ROW_COMPONENTS[len(cells) + 1]]
            amounts = dict(zip(meanings, map(_cell, cells), strict=True))
            _add_row(str(name), amounts, tier, written, page)
        except UnreadableCell as error:
            page.prices.quarantine(where, f"{written}: {error}")


def _cell(value: Any) -> Decimal | None:
    if value is None or isinstance(value, Decimal):
        return value
    return usd_per_mtok(str(value))


# ------------------------------------------------------------------------------------------------ records


def _add_row(
    written_name: str,
    amounts: Mapping[tuple[Component, Context], Decimal | None],
    tier: Tier,
    raw_text: str,
    page: _Page,
) -> None:
    name, limit = _name(written_name)
    has_long = any(amount is not None for (_, context), amount in amounts.items() if context == "long")
    border = limit or (LONG_CONTEXT_TOKENS if has_long else None)
    if all(amount is None for amount in amounts.values()):
        page.prices.unpriced(name, f"{tier}: {raw_text}")
    for (meaning, context), amount in amounts.items():
        if amount is None:
            continue
        page.prices.add(
            ApiPrice(
                source=NAME,
                provider=NAME,
                channel="first_party",
                model_name=name,
                component=meaning,
                usd_per_mtok=amount,
                tier=tier,
                context_min_tokens=(border or 0) if context == "long" else 0,
                context_max_tokens=border if context == "short" else None,
                promo_until=page.promotions.get(name),
                endpoint=page.reading,
                raw_text=raw_text,
            )
        )


def _name(written: str) -> tuple[str, int | None]:
    """A model's name, and the prompt length below which its row holds: "gpt-5.4 (<272K context length)"."""
    text = plain(written)
    match = re.fullmatch(r"(.+?)\s*\((?:<=?|≤|up to) ?([\d.,]+ ?[KM]?)( tokens?)?( context( length)?)?\)", text, re.I)
    return (match[1], tokens(match[2])) if match else (text, None)


def _promotions(text: str) -> Mapping[str, date]:
    """Last days of promotions the footnotes announce, by model name: "GPT-5.6 Sol's promotional pricing is …"."""
    model = r"\b((?:GPT-|o)\d[\w.\-]*(?: [A-Z][a-z]+)?)"
    sentences = re.finditer(model + r"['’]s promotional pricing\b([^<\n]{0,160})", text)
    ends = {match[1].casefold().replace(" ", "-"): list(long_dates(match[2])) for match in sentences}
    return {name: dates[0] for name, dates in ends.items() if dates}


SOURCE = Source(
    name=NAME,
    kind="api",
    origin="https://developers.openai.com",
    first=(
        Request("/api/docs/pricing.md", label="prices, Markdown edition"),
        Request("/api/docs/pricing", label="prices, page"),
    ),
    parse=parse,
    settle=settle,
    robots=True,
    content_types=("text/html", "text/markdown", "text/plain"),
    anchors=(b"TextTokenPricingTables", b"pricing data", b"Cached input", b"cached input"),
    canaries=("gpt-4o", "gpt-4o-2024-05-13", "gpt-4.1"),
    min_records=20,
)
