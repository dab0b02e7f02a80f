"""models.dev, a registry: it flags what a page says otherwise and never enters a board. USD per 1M tokens.

It keeps models after their publishers have retired them and seldom says so. `RETIRED` holds the dates from Anthropic's
deprecation page: from then on such a row is the last known price of something nobody sells.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import msgspec

from scrapers.contract import ApiPrice, Capture, Component, Listing, Reading, Request, Source, UnexpectedPage
from scrapers.pricelist import PriceList
from scrapers.wire import decode

NAME = "models_dev"
SELLERS: Mapping[str, str] = {
    "openai": "openai",
    "anthropic": "anthropic",
    "google": "gemini",
    "deepseek": "deepseek",
    "mistral": "mistral",
    "xai": "xai",
    "groq": "groq",
    "cerebras": "cerebras",
    "deepinfra": "deepinfra",
    "novita-ai": "novita",
    "togetherai": "together",
    "fireworks-ai": "fireworks",
    "nebius": "nebius",
}
"""Key in the registry -> who sells first hand. Plans and resellers are left out: their zeros mean "included"."""
RETIRED: Mapping[str, date] = {
    "claude-3-sonnet-20240229": date(2025, 7, 21),
    "claude-3-5-sonnet-20240620": date(2025, 10, 28),
    "claude-3-5-sonnet-20241022": date(2025, 10, 28),
    "claude-3-opus-20240229": date(2026, 1, 5),
    "claude-3-5-haiku-20241022": date(2026, 2, 19),
    "claude-3-5-haiku-latest": date(2026, 2, 19),
    "claude-3-7-sonnet-20250219": date(2026, 2, 19),
    "claude-3-7-sonnet-latest": date(2026, 2, 19),
}
"""https://platform.claude.com/docs/en/about-claude/model-deprecations"""
LONG_CONTEXT_TOKENS = 200_000
"""Where `context_over_200k` begins."""


class WireCost(msgspec.Struct):
    input: Decimal
    output: Decimal
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None
    context_over_200k: WireCost | None = None


class WireModalities(msgspec.Struct):
    output: list[str]


class WireLimit(msgspec.Struct):
    context: int
    output: int


class WireModel(msgspec.Struct):
    id: str
    modalities: WireModalities
    limit: WireLimit
    cost: WireCost | None = None
    status: str | None = None


class WireProvider(msgspec.Struct):
    models: dict[str, WireModel]


def parse(capture: Capture) -> Reading:
    """Raises UnexpectedPage naming the field that is missing or of another type, or where no known seller is listed."""
    prices = PriceList()
    for provider, listed in decode(capture, dict[str, WireProvider]).items():
        for model in listed.models.values() if provider in SELLERS else ():
            if model.cost is not None and model.modalities.output == ["text"] and model.cost.output > 0:
                _add_model(SELLERS[provider], model, model.cost, capture.fetched_at.date(), prices)
    if prices.empty:
        raise UnexpectedPage(NAME, "providers", "none of the known sellers")
    return prices.reading()


def _add_model(seller: str, model: WireModel, cost: WireCost, today: date, prices: PriceList) -> None:
    gone = model.status == "deprecated" or (seller == "anthropic" and RETIRED.get(model.id, date.max) <= today)
    listing: Listing = "retired" if gone else "preview" if model.status in ("alpha", "beta") else "listed"
    steps = [(0, LONG_CONTEXT_TOKENS if cost.context_over_200k else None, cost)]
    if cost.context_over_200k:
        steps.append((LONG_CONTEXT_TOKENS, None, cost.context_over_200k))
    for low, high, step in steps:
        amounts: dict[Component, Decimal | None] = {
            "input": step.input,
            "output": step.output,
            "cache_read": step.cache_read or None,
            "cache_write_5m": step.cache_write or None,
        }
        for component, amount in amounts.items():
            if amount is not None:
                prices.add(
                    ApiPrice(
                        source=NAME,
                        provider=seller,
                        channel="registry",
                        model_name=model.id,
                        component=component,
                        usd_per_mtok=amount,
                        context_min_tokens=low,
                        context_max_tokens=high,
                        context_length_tokens=model.limit.context,
                        max_output_tokens=model.limit.output,
                        listing=listing,
                        raw_text=str(amount),
                    )
                )


SOURCE = Source(
    name=NAME,
    kind="api",
    origin="https://models.dev",
    first=(Request("/api.json", label="registry"),),
    parse=parse,
    anchors=(b'"models"',),
    cross_check=True,
    canaries=("gpt-4o",),
    min_records=20,
)
