"""DeepInfra's list of models, a second reading of a host: prices in US cents per token.

The same host's OpenAI-compatible list writes USD per 1M tokens; it is not read, so that one unit holds here.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from scrapers.contract import ApiPrice, Capture, Component, Reading, Request, Source, UnexpectedPage
from scrapers.pricelist import PriceList
from scrapers.wire import decode

NAME = "deepinfra"
USD_PER_MTOK_PER_CENT_PER_TOKEN = 10_000


class WirePricing(msgspec.Struct):
    type: str
    cents_per_input_token: Decimal | None = None
    cents_per_output_token: Decimal | None = None
    rate_per_input_token_cached: Decimal | None = None
    """Share of the input price that a cached token costs."""
    discount: float | None = None


class WireModel(msgspec.Struct):
    model_name: str
    type: str
    deprecated: float | None
    pricing: WirePricing | None = None
    max_tokens: int | None = None


def parse(capture: Capture) -> Reading:
    """Raises UnexpectedPage naming the field, or where nothing in the list is sold by the token."""
    prices = PriceList()
    for model in decode(capture, list[WireModel]):
        pricing = model.pricing
        if (
            model.type != "text-generation"
            or model.deprecated is not None
            or pricing is None
            or pricing.type != "tokens"
        ):
            continue
        if pricing.cents_per_input_token is None or pricing.cents_per_output_token is None:
            raise UnexpectedPage(NAME, f"[{model.model_name}].pricing", "sold by the token, but no cents per token")
        cents: dict[Component, Decimal] = {
            "input": pricing.cents_per_input_token,
            "output": pricing.cents_per_output_token,
        }
        if pricing.rate_per_input_token_cached:
            cents["cache_read"] = pricing.cents_per_input_token * pricing.rate_per_input_token_cached
        for component, amount in cents.items():
            prices.add(
                ApiPrice(
                    source=NAME,
                    provider=NAME,
                    channel="host",
                    model_name=model.model_name,
                    component=component,
                    usd_per_mtok=amount * USD_PER_MTOK_PER_CENT_PER_TOKEN,
                    context_length_tokens=model.max_tokens,
                    discount=pricing.discount,
                    raw_text=f"{amount} cents per token",
                )
            )
    if prices.empty:
        raise UnexpectedPage(NAME, "list", "no model sold by the token")
    return prices.reading()


SOURCE = Source(
    name=NAME,
    kind="api",
    origin="https://api.deepinfra.com",
    first=(Request("/models/list", label="models"),),
    parse=parse,
    anchors=(b'"cents_per_input_token"',),
    cross_check=True,
    min_records=4,
)
