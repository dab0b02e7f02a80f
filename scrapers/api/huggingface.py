"""Hugging Face's inference router: what its partner hosts charge, a second reading. USD per 1M tokens as numbers."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from scrapers.contract import ApiPrice, Capture, Component, Reading, Request, Source, UnexpectedPage
from scrapers.pricelist import PriceList
from scrapers.wire import decode

NAME = "huggingface"


class WirePricing(msgspec.Struct):
    input: Decimal
    output: Decimal


class WireProvider(msgspec.Struct):
    provider: str
    pricing: WirePricing | None = None
    context_length: int | None = None
    is_free: bool = False
    status: str | None = None


class WireModel(msgspec.Struct):
    id: str
    providers: list[WireProvider]


class WireModels(msgspec.Struct):
    data: list[WireModel]


def parse(capture: Capture) -> Reading:
    """Raises UnexpectedPage naming the field that is missing or of another type, or an empty list."""
    models = decode(capture, WireModels).data
    if not models:
        raise UnexpectedPage(NAME, "data", "an empty list")
    prices = PriceList()
    offers = [(model, host) for model in models for host in model.providers]
    for model, host in offers:
        if host.pricing is None:
            continue
        if host.is_free:
            prices.unpriced(f"{model.id} at {host.provider}", "free")
            continue
        amounts: dict[Component, Decimal] = {"input": host.pricing.input, "output": host.pricing.output}
        for component, amount in amounts.items():
            prices.add(
                ApiPrice(
                    source=NAME,
                    provider=host.provider,
                    channel="host",
                    model_name=model.id,
                    component=component,
                    usd_per_mtok=amount,
                    hugging_face_id=model.id,
                    context_length_tokens=host.context_length,
                    raw_text=str(amount),
                )
            )
    return prices.reading()


SOURCE = Source(
    name=NAME,
    kind="api",
    origin="https://router.huggingface.co",
    first=(Request("/v1/models", label="models"),),
    parse=parse,
    anchors=(b'"providers"',),
    cross_check=True,
    min_records=2,
)
