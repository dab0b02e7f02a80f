"""Cerebras' public list of models: prices are strings in USD per token. The price page is not read, it has no ids."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

import msgspec

from scrapers.contract import ApiPrice, Capture, Component, Listing, Reading, Request, Source, UnexpectedPage
from scrapers.pricelist import PriceList, per_token
from scrapers.wire import decode, extra_fields, field_names

NAME = "cerebras"


class WirePricing(msgspec.Struct):
    prompt: str
    completion: str


class WireLimits(msgspec.Struct):
    max_context_length: int | None = None
    max_completion_tokens: int | None = None


class WireModel(msgspec.Struct):
    id: str
    pricing: WirePricing
    hugging_face_id: str | None
    quantization: str | None
    deprecated: bool
    preview: bool
    limits: WireLimits


class WireModels(msgspec.Struct):
    data: list[WireModel]


class RawModels(msgspec.Struct):
    data: list[msgspec.Raw]


UNREAD = frozenset(
    {"object", "created", "owned_by", "name", "description", "capabilities", "supported_parameters", "architecture"}
    | {"datacenter_locations"}
)


def parse(capture: Capture) -> Reading:
    """Raises UnexpectedPage naming the field that is missing or of another type, or an empty list."""
    models = decode(capture, WireModels).data
    if not models:
        raise UnexpectedPage(NAME, "data", "an empty list")
    prices = PriceList()
    for finding in extra_fields("data", decode(capture, RawModels).data, field_names(WireModel) | UNREAD):
        prices.find(finding)
    for model in models:
        listing: Listing = "retired" if model.deprecated else "preview" if model.preview else "listed"
        components: list[tuple[Component, str]] = [
            ("input", model.pricing.prompt),
            ("output", model.pricing.completion),
        ]
        for component, text in components:
            prices.add(
                ApiPrice(
                    source=NAME,
                    provider=NAME,
                    channel="host",
                    model_name=model.id,
                    component=component,
                    usd_per_mtok=per_token(_decimal(text, model.id)),
                    quant_name=model.quantization,
                    hugging_face_id=model.hugging_face_id,
                    context_length_tokens=model.limits.max_context_length,
                    max_output_tokens=model.limits.max_completion_tokens,
                    listing=listing,
                    raw_text=text,
                )
            )
    return prices.reading()


def _decimal(text: str, model: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise UnexpectedPage(NAME, f"data[{model}].pricing", f"{text[:40]!r} is no number") from error


SOURCE = Source(
    name=NAME,
    kind="api",
    origin="https://api.cerebras.ai",
    first=(Request("/public/v1/models", label="models"),),
    parse=parse,
    anchors=(b'"pricing"',),
    canaries=("gpt-oss-120b", "gemma-4-31b"),
    min_records=2,
)
