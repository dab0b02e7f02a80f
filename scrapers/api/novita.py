"""Novita's list of models, a second reading of a host: prices are integers in 1e-4 USD per 1M tokens."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from scrapers.contract import ApiPrice, Capture, Component, Reading, Request, Source, UnexpectedPage
from scrapers.pricelist import PriceList
from scrapers.wire import decode

NAME = "novita"


class WireModel(msgspec.Struct):
    id: str
    input_token_price_per_m: int
    """In spite of the name, ten-thousandths of a dollar: 750 is $0.075."""
    output_token_price_per_m: int
    context_size: int | None = None


class WireModels(msgspec.Struct):
    data: list[WireModel]


def parse(capture: Capture) -> Reading:
    """Raises UnexpectedPage naming the field that is missing or no integer, or an empty list."""
    models = decode(capture, WireModels).data
    if not models:
        raise UnexpectedPage(NAME, "data", "an empty list")
    prices = PriceList()
    for model in models:
        integers: dict[Component, int] = {
            "input": model.input_token_price_per_m,
            "output": model.output_token_price_per_m,
        }
        for component, integer in integers.items():
            prices.add(
                ApiPrice(
                    source=NAME,
                    provider=NAME,
                    channel="host",
                    model_name=model.id,
                    component=component,
                    usd_per_mtok=Decimal(integer) / 10_000,
                    context_length_tokens=model.context_size,
                    raw_text=str(integer),
                )
            )
    return prices.reading()


SOURCE = Source(
    name=NAME,
    kind="api",
    origin="https://api.novita.ai",
    first=(Request("/v3/openai/models", label="models"),),
    parse=parse,
    anchors=(b'"input_token_price_per_m"',),
    cross_check=True,
    min_records=4,
)
