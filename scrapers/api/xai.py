"""xAI's prices, read twice: the Markdown price page by column name, and the model list its models page carries.

The list writes prices as integers in 1e-4 USD per 1M tokens. Records of that reading carry `endpoint="models"` until
`settle` has compared the two.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from decimal import Decimal

import msgspec

from scrapers.contract import ApiPrice, Capture, Component, Reading, Request, Source, UnexpectedPage
from scrapers.pricelist import PriceList, agreed
from scrapers.tables import Table, UnreadableCell, component, markdown_tables, plain, tokens, usd_per_mtok

NAME = "xai"
MARK = "globalThis.__XAI_PUBLIC_MODELS__="
LABELS = frozenset({"model", "context", "context window", "rate limits", "modalities", "capabilities"})


class WireModel(msgspec.Struct, rename="camel"):
    name: str
    prompt_text_token_price: str | None = None
    cached_prompt_token_price: str | None = None
    completion_text_token_price: str | None = None
    prompt_text_token_price_long_context: str | None = None
    cached_prompt_token_price_long_context: str | None = None
    completion_token_price_long_context: str | None = None
    long_context_threshold: str | None = None
    max_prompt_length: int | None = None


class WireCluster(msgspec.Struct, rename="camel"):
    language_models: list[WireModel]


class WireModels(msgspec.Struct, rename="camel"):
    cluster_configs: list[WireCluster]


def parse(capture: Capture) -> Reading:
    """Raises UnexpectedPage where neither a price table nor the model list is found, naming what is missing."""
    text = capture.body.decode("utf-8", "replace")
    prices = PriceList()
    if MARK in text:
        _read_list(text, prices)
    else:
        for table in markdown_tables(text):
            _add_table(table, prices)
    if prices.empty:
        raise UnexpectedPage(NAME, capture.request.path, f"neither a table of token prices nor {MARK}")
    return prices.reading()


def settle(captures: Sequence[Capture], reading: Reading) -> Reading:
    """One price where the price page and the model list agree or only one has it."""
    return agreed(reading)


# ---------------------------------------------------------------------------------------------- Markdown


def _add_table(table: Table, prices: PriceList) -> None:
    columns = {number: component(name) for number, name in enumerate(table.header) if name not in LABELS}
    if table.header[:1] != ("model",) or not {"input", "output"} <= set(columns.values()):
        return
    odd = [row for row in table.rows if len(row) != len(table.header)]
    if odd or None in columns.values() or len(set(columns.values())) < len(columns):
        prices.quarantine_table(table.where, f"unknown columns or arity: {', '.join(table.header)}")
        return
    for row in table.rows:
        try:
            name, low, high = _name(plain(row[0]))
            for number, meaning in columns.items():
                if meaning is not None and (amount := usd_per_mtok(row[number])) is not None:
                    prices.add(_price(name, meaning, amount, low, high, plain(row[number])))
        except UnreadableCell as error:
            prices.quarantine(f"{table.where}, {plain(row[0])}", str(error))


def _name(written: str) -> tuple[str, int, int | None]:
    """Name and prompt interval: "grok-4.6 (< 200k prompt tokens)", "grok-4.6 (>= 200k prompt tokens)"."""
    match = re.fullmatch(r"(\S+)\s*\(([<>≥≤]=?)\s*([\d.,]+ ?[km]?) prompt tokens\)", written, re.I)
    if match is None:
        if "(" in written:
            raise UnreadableCell(f"unknown note in {written}")
        return written, 0, None
    border = tokens(match[3])
    return (match[1], 0, border) if match[2][0] in "<≤" else (match[1], border, None)


# -------------------------------------------------------------------------------------------- model list


def _read_list(text: str, prices: PriceList) -> None:
    try:
        found, _ = json.JSONDecoder().raw_decode(text, text.index(MARK) + len(MARK))
        clusters = msgspec.convert(found, WireModels).cluster_configs
    except (ValueError, RecursionError) as error:
        raise UnexpectedPage(NAME, MARK, str(error)) from error
    for model in (model for cluster in clusters for model in cluster.language_models):
        border = int(_number(model.long_context_threshold, model.name) or 0)
        short = (model.prompt_text_token_price, model.cached_prompt_token_price, model.completion_text_token_price)
        long = (
            model.prompt_text_token_price_long_context,
            model.cached_prompt_token_price_long_context,
            model.completion_token_price_long_context,
        )
        if short[0] is None or short[2] is None:
            prices.unpriced(model.name, "listed without a price")
            continue
        has_long = border > 0 and any(long)
        _add_integers(model, short, 0, border if has_long else None, prices)
        if has_long:
            _add_integers(model, long, border, None, prices)


def _add_integers(
    model: WireModel, written: Sequence[str | None], low: int, high: int | None, prices: PriceList
) -> None:
    meanings: Sequence[Component] = ("input", "cache_read", "output")
    for meaning, text in zip(meanings, written, strict=True):
        number = _number(text, model.name)
        if number is not None:
            price = _price(model.name, meaning, number / 10_000, low, high, str(text))
            limit = model.max_prompt_length
            prices.add(msgspec.structs.replace(price, endpoint="models", context_length_tokens=limit))


def _number(text: str | None, model: str) -> Decimal | None:
    if text is None:
        return None
    if not re.fullmatch(r"\d{1,12}", text):
        raise UnexpectedPage(NAME, f"languageModels[{model}]", f"{text[:40]!r} is no integer")
    return Decimal(text)


def _price(name: str, meaning: Component, amount: Decimal, low: int, high: int | None, raw_text: str) -> ApiPrice:
    return ApiPrice(
        source=NAME,
        provider=NAME,
        channel="first_party",
        model_name=name,
        component=meaning,
        usd_per_mtok=amount,
        context_min_tokens=low,
        context_max_tokens=high,
        raw_text=raw_text,
    )


SOURCE = Source(
    name=NAME,
    kind="api",
    origin="https://docs.x.ai",
    first=(Request("/developers/pricing.md", label="prices"), Request("/developers/models", label="models")),
    parse=parse,
    settle=settle,
    robots=True,
    content_types=("text/markdown", "text/plain", "text/html"),
    anchors=(b"__XAI_PUBLIC_MODELS__", b"prompt tokens", b"$"),
    min_records=3,
)
