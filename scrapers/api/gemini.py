"""Google's Gemini API price page, the Markdown edition: a section per model, a table per service tier.

A cell holds several amounts, each followed by what it is for: prompts up to 200k tokens, audio, storage by the hour, a
promotion's last day. A cell with an amount whose qualifier is not known is set apart whole.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from scrapers.contract import ApiPrice, Capture, Component, Listing, Reading, Request, Source, Tier, UnexpectedPage
from scrapers.pricelist import PriceList
from scrapers.tables import Table, UnreadableCell, fold, long_dates, markdown_tables, plain, tokens, usd_per_mtok

NAME = "gemini"
TIERS: dict[str, Tier] = {
    "standard": "standard",
    "batch": "batch",
    "flex": "flex",
    "priority": "fast",
    "fast": "fast",
    "fast mode": "fast",
}
PER_MTOK = "paid tier, per 1m tokens in usd"
OTHER_UNITS = re.compile(r"paid tier, per (image|second|request|minute|song|video|1k images) in usd")
COMPONENTS: dict[str, Component] = {
    "input price": "input",
    "output price": "output",
    "context caching price": "cache_read",
}
MEDIA = re.compile(
    r"(/ ?(min|sec|second|minute|image|song) ?)?\(?(audio|images?|videos?|(audio|image|video) ?/ ?(audio|video))\)?\**"
    r"|per ([\w./]+ )?(image|second|minute|song|frame)s?\**,?( and)?"
    r"|/ 1,000,000 tokens (\(audio\)|per hour( \(storage price\))?)"
)
"""Amounts for audio, images, video and cache storage by the hour: no text tokens."""
TEXT = re.compile(
    r"(/ 1,000,000 tokens )?\(text((, ?| ?/ ?| and )(image|video|thinking|audio))*\)\**|/ 1,000,000 tokens"
)
CONTEXT = re.compile(r"prompts (<=|>) ?(\d+k)( tokens?)?")


@dataclass(frozen=True)
class _Amount:
    usd: Decimal
    context_min: int = 0
    context_max: int | None = None
    listed: Decimal | None = None
    until: date | None = None


def parse(capture: Capture) -> Reading:
    """Raises UnexpectedPage where no section holds a readable table of prices per 1M tokens."""
    prices = PriceList()
    sections = re.split(r"^## +", capture.body.decode("utf-8", "replace"), flags=re.M)[1:]
    for section in sections:
        title, _, body = section.partition("\n")
        ids = re.search(r"^[_*]+(`[a-z][\w.\-]*`(?:(?:,| and|, and) `[a-z][\w.\-]*`)*)[_*]+\s*$", body, flags=re.M)
        if ids is not None:
            _add_model(plain(title), re.findall(r"`([^`]+)`", ids[1]), body, prices)
        elif any(_label(row[0]) and "$" in row[-1] for table in markdown_tables(body) for row in table.rows):
            prices.quarantine_table(plain(title), "a table of token prices in a section that names no model")
    if prices.empty:
        raise UnexpectedPage(NAME, "sections", f"none of {len(sections)} has a readable table '{PER_MTOK}'")
    return prices.reading()


def _add_model(title: str, models: Sequence[str], section: str, prices: PriceList) -> None:
    tables = markdown_tables(section)
    tiers = _tiers(tables, section)
    priced = [table for table in tables if "$" in str(table.rows) and not OTHER_UNITS.fullmatch(table.header[-1])]
    gone = re.search(r"\b(has been|was) shut down\b", section) is not None
    for table in priced:
        tier = tiers.get(table.number)
        if tier is None or len(table.header) != 3 or table.header[-1] != PER_MTOK:
            prices.quarantine_table(
                f"{title}, table {table.number}", f"unknown tier or columns {' | '.join(table.header)}"
            )
            continue
        rows = _components(table, f"{title} {tier}", prices)
        if "output" not in rows:
            continue  # an embedding, a voice or an image: no chat model
        for model in models:
            listing: Listing = "retired" if gone else "preview" if "preview" in model else "listed"
            for component, (cell, amounts) in rows.items():
                for amount in amounts:
                    prices.add(_price(model, component, tier, listing, amount, cell))


def _tiers(tables: Sequence[Table], section: str) -> dict[int, Tier]:
    """Table number -> service tier: by the heading above it, or by its place in the row of tabs above the first."""
    by_heading = {table.number: TIERS[fold(table.heading)] for table in tables if fold(table.heading) in TIERS}
    if by_heading:
        return by_heading
    tabs = re.search(r"^(\[(?:Standard|Batch|Flex|Priority|Fast)[^\]]*\]\([^)\s]*\))+", section, flags=re.M)
    names = re.findall(r"\[([^\]]+)\]", tabs[0]) if tabs else ["Standard"]
    if len(names) != len(tables) or any(fold(name) not in TIERS for name in names):
        return {}
    return {table.number: TIERS[fold(name)] for table, name in zip(tables, names, strict=True)}


def _components(table: Table, where: str, prices: PriceList) -> dict[Component, tuple[str, list[_Amount]]]:
    """Component -> (cell, text amounts) of one table; what cannot be read is a finding."""
    found: dict[Component, tuple[str, list[_Amount]]] = {}
    twice: set[Component] = set()
    for row in table.rows:
        label = fold(row[0]) if row else ""
        component = _label(label)
        if component is None or len(row) != len(table.header):
            continue
        try:
            amounts = _amounts(plain(row[-1]))
        except UnreadableCell as error:
            prices.quarantine(f"{where}, {label}", str(error))
            continue
        if component in found and found[component][1] != amounts:
            twice.add(component)
            prices.quarantine(f"{where}, {label}", f"twice in one table: {found[component][0]} and {plain(row[-1])}")
        elif amounts:
            found[component] = (plain(row[-1]), amounts)
    return {component: said for component, said in found.items() if component not in twice}


def _label(cell: str) -> Component | None:
    """The component a row is of: "Output price (including thinking tokens)"."""
    label = re.sub(r" \((including thinking tokens|text(, (image|video|audio))*)\)$", "", fold(cell))
    return COMPONENTS.get(label)


def _amounts(cell: str) -> list[_Amount]:
    """Text-token amounts of a cell. Raises UnreadableCell on a qualifier that is not known."""
    text = re.sub(r"\$[\d.,]+ or (?=\$[\d.,]+/)", "", cell)
    before, *parts = re.split(r"(?=\$\d)", text)
    if before.strip(" _*").casefold() not in ("", "same as standard", "not available", "free of charge"):
        raise UnreadableCell(cell)
    amounts: list[_Amount] = []
    for part in parts:
        match = re.fullmatch(r"(\$[\d.,]*\d)[,.]?\s*(.*?)", part.strip())
        if match is None:
            raise UnreadableCell(cell)
        qualifier = re.sub(r"[,.]?\s*equivalent to$", "", match[2].casefold()).strip(" ,.")
        usd = usd_per_mtok(match[1])
        if MEDIA.fullmatch(qualifier) or usd is None:
            continue
        amounts = _with(amounts, usd, qualifier, match[2], cell)
    if len({(amount.context_min, amount.context_max) for amount in amounts}) < len(amounts):
        raise UnreadableCell(f"two amounts for one thing: {cell}")
    return amounts


def _with(amounts: list[_Amount], usd: Decimal, qualifier: str, written: str, cell: str) -> list[_Amount]:
    if context := CONTEXT.fullmatch(qualifier):
        border = tokens(context[2])
        short = context[1] == "<="
        return [*amounts, _Amount(usd, 0 if short else border, border if short else None)]
    if amounts and amounts[-1].until and not amounts[-1].listed and (qualifier == "" or qualifier.startswith("from ")):
        return [*amounts[:-1], _Amount(amounts[-1].usd, listed=usd, until=amounts[-1].until)]
    if re.fullmatch(r"(through|until) \w+ \d{1,2}, \d{4}", qualifier):
        return [*amounts, _Amount(usd, until=next(long_dates(written)))]
    if qualifier == "" or TEXT.fullmatch(qualifier):
        return [*amounts, _Amount(usd)]
    raise UnreadableCell(f"unknown qualifier '{qualifier}' in: {cell}")


def _price(model: str, component: Component, tier: Tier, listing: Listing, amount: _Amount, cell: str) -> ApiPrice:
    return ApiPrice(
        source=NAME,
        provider=NAME,
        channel="first_party",
        model_name=model,
        component=component,
        usd_per_mtok=amount.usd,
        tier=tier,
        context_min_tokens=amount.context_min,
        context_max_tokens=amount.context_max,
        list_usd_per_mtok=amount.listed,
        promo_until=amount.until,
        listing=listing,
        raw_text=cell,
    )


SOURCE = Source(
    name=NAME,
    kind="api",
    origin="https://ai.google.dev",
    first=(Request("/gemini-api/docs/pricing.md.txt", label="prices"),),
    parse=parse,
    robots=True,
    content_types=("text/plain", "text/markdown"),
    anchors=(b"Paid Tier, per 1M tokens in USD",),
    canaries=("gemini-2.5-pro", "gemini-2.5-flash"),
    min_records=12,
)
