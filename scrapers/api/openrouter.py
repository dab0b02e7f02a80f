"""OpenRouter: which hosts sell an open model, at what price and quantisation.

The list of models names them all; the hosts of one stand in its `endpoints` answer, which is asked for each open model
(one with a Hugging Face id). Prices are strings in USD per token. Closed models are read from the list alone, as a
second reading beside their publishers' own pages.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from scrapers.contract import ApiPrice, Capture, Component, Finding, Reading, Request, Source
from scrapers.pricelist import PriceList, per_token
from scrapers.wire import decode, extra_fields, field_names

NAME = "openrouter"
MODELS = "/api/v1/models"
COMPONENTS: Mapping[str, Component] = {
    "prompt": "input",
    "completion": "output",
    "input_cache_read": "cache_read",
    "input_cache_write": "cache_write_5m",
    "input_cache_write_1h": "cache_write_1h",
    "request": "request",
}
UNREAD_OF_PRICING = frozenset(
    {"image", "image_token", "image_output", "audio", "audio_output", "input_audio_cache", "web_search"}
    | {"internal_reasoning", "video", "video_output"}
)
"""Media, tools, and reasoning, which is billed as output."""
OTHER_TIERS = frozenset({"flex", "priority", "batch", "fast"})
"""Parts of a tag that name a service tier of the same host, not another host ("openai/flex")."""


class WirePricing(msgspec.Struct):
    prompt: str
    completion: str
    input_cache_read: str | None = None
    input_cache_write: str | None = None
    input_cache_write_1h: str | None = None
    request: str | None = None
    discount: float | None = None
    overrides: list[dict[str, str | int | float | None]] | None = None


class WireArchitecture(msgspec.Struct):
    output_modalities: list[str] | None = None


class WireModel(msgspec.Struct):
    id: str
    pricing: WirePricing
    hugging_face_id: str | None = None
    context_length: int | None = None
    architecture: WireArchitecture | None = None


class WireLinks(msgspec.Struct):
    next: str | None = None


class WireModels(msgspec.Struct):
    data: list[WireModel]
    links: WireLinks | None = None


class WireEndpoint(msgspec.Struct):
    provider_name: str
    tag: str
    pricing: WirePricing
    quantization: str | None
    context_length: int
    status: int | None = None
    max_completion_tokens: int | None = None
    uptime_last_1d: float | None = None


class WireHosted(msgspec.Struct):
    id: str
    endpoints: list[WireEndpoint]


class WireEndpoints(msgspec.Struct):
    data: WireHosted


class RawEndpoint(msgspec.Struct):
    pricing: msgspec.Raw


class RawHosted(msgspec.Struct):
    endpoints: list[msgspec.Raw]


class RawEndpoints(msgspec.Struct):
    data: RawHosted


UNREAD_OF_ENDPOINT = frozenset(
    {"name", "model_id", "model_name", "max_prompt_tokens", "supported_parameters", "supports_tool_choice"}
    | {"uptime_last_30m", "uptime_last_5m", "supports_implicit_caching", "supports_voice_cloning", "latency_last_30m"}
    | {"throughput_last_30m", "supports_multiple_audio_references", "supports_image_reference", "can_abort"}
)


def parse(capture: Capture) -> Reading:
    """Raises UnexpectedPage naming the field that is missing or of another type."""
    if capture.request.path.endswith("/endpoints"):
        return _endpoints(capture)
    return _models(capture)


def follow(capture: Capture) -> Sequence[Request]:
    """The next page of models, and the hosts of every open model that has a price."""
    if capture.request.path.endswith("/endpoints"):
        return ()
    answer = decode(capture, WireModels)
    requests = [_hosts_of(model.id) for model in answer.data if model.hugging_face_id and _sold(model)]
    following = urlsplit(answer.links.next or "") if answer.links else None
    if following and following.path:
        requests.append(Request(f"{following.path}?{following.query}".rstrip("?"), label="models, next page"))
    return requests


def _hosts_of(model: str) -> Request:
    return Request(f"{MODELS}/{quote(model, safe='/')}/endpoints", label=f"hosts of {model}")


def _sold(model: WireModel) -> bool:
    """Not a free variant, an alias, or a router whose price nobody knows beforehand."""
    variant = model.id.endswith(":free") or model.id.startswith("~") or "/" not in model.id
    return not variant and _priced(model.pricing)


def _priced(pricing: WirePricing) -> bool:
    return all((_amount(amount) or 0) > 0 for amount in (pricing.prompt, pricing.completion))


def _models(capture: Capture) -> Reading:
    prices = PriceList()
    for model in decode(capture, WireModels).data:
        if model.hugging_face_id or model.id.endswith(":free") or model.id.startswith("~"):
            continue
        if not _priced(model.pricing):
            prices.unpriced(model.id, f"prompt {model.pricing.prompt}, completion {model.pricing.completion}")
        elif model.architecture is None or model.architecture.output_modalities in (None, ["text"]):
            offer = ApiPrice(
                source=NAME,
                provider=_publisher(model.id),
                channel="registry",
                model_name=model.id,
                component="input",
                usd_per_mtok=None,
                context_length_tokens=model.context_length,
            )
            _add_prices(offer, model.pricing, prices)
    return prices.reading()


def _publisher(model: str) -> str:
    """Who sells a closed model first hand: the author its id begins with, under the name of its developer API."""
    author = model.partition("/")[0]
    return {"google": "gemini", "x-ai": "xai", "mistralai": "mistral"}.get(author, author)


def _endpoints(capture: Capture) -> Reading:
    hosted = decode(capture, WireEndpoints).data
    prices = PriceList()
    for finding in _extra_fields(capture):
        prices.find(finding)
    for endpoint in hosted.endpoints:
        if OTHER_TIERS & set(endpoint.tag.casefold().split("/")) or hosted.id.endswith(":free"):
            continue
        offer = ApiPrice(
            source=NAME,
            provider=endpoint.provider_name,
            channel="host",
            model_name=hosted.id,
            component="input",
            usd_per_mtok=None,
            quant_name=endpoint.quantization,
            endpoint=endpoint.tag,
            context_length_tokens=endpoint.context_length,
            max_output_tokens=endpoint.max_completion_tokens,
            uptime_1d=None if endpoint.uptime_last_1d is None else endpoint.uptime_last_1d / 100,
            endpoint_status=endpoint.status,
            discount=endpoint.pricing.discount,
        )
        _add_prices(offer, endpoint.pricing, prices)
    return prices.reading()


def _extra_fields(capture: Capture) -> Iterator[Finding]:
    endpoints = decode(capture, RawEndpoints).data.endpoints
    yield from extra_fields("data.endpoints", endpoints, field_names(WireEndpoint) | UNREAD_OF_ENDPOINT)
    pricing = [msgspec.json.decode(endpoint, type=RawEndpoint).pricing for endpoint in endpoints]
    yield from extra_fields("data.endpoints[].pricing", pricing, field_names(WirePricing) | UNREAD_OF_PRICING)


def _add_prices(offer: ApiPrice, pricing: WirePricing, prices: PriceList) -> None:
    """All components of one offer; dearer prices for long prompts as their own context intervals."""
    try:
        steps = list(_steps(pricing))
    except ValueError as error:
        prices.quarantine(f"{offer.model_name} at {offer.endpoint or 'the list'}", f"pricing.overrides: {error}")
        return
    for number, (beginning, step) in enumerate(steps):
        end = steps[number + 1][0] if number + 1 < len(steps) else None
        for name, component in COMPONENTS.items():
            if not isinstance(step.get(name), str | None):
                prices.quarantine(f"{offer.model_name} at {offer.endpoint or 'the list'}", f"{name} is not text")
                continue
            amount = _amount(step.get(name))
            if amount is None or (amount == 0 and component not in ("input", "output")):
                continue
            prices.add(
                msgspec.structs.replace(
                    offer,
                    component=component,
                    usd_per_mtok=amount if component == "request" else per_token(amount),
                    context_min_tokens=beginning,
                    context_max_tokens=end,
                    raw_text=f"{name} {step[name]}",
                )
            )


def _steps(pricing: WirePricing) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """(prompt tokens from which it holds, prices). Raises ValueError on a condition that is not understood."""
    standard = msgspec.structs.asdict(pricing)
    yield 0, standard
    thresholds = [(override.get("min_prompt_tokens"), override) for override in pricing.overrides or ()]
    for beginning, override in sorted(thresholds, key=lambda item: str(item[0]).zfill(20)):
        unknown = override.keys() - COMPONENTS.keys() - UNREAD_OF_PRICING - {"min_prompt_tokens"}
        if unknown or not isinstance(beginning, int) or beginning <= 0:
            raise ValueError(f"unknown condition in {override}")
        yield beginning, {**standard, **override}


def _amount(value: object) -> Decimal | None:
    """USD per token: a string, as the source sends it. None where nothing is said or it is no finite number."""
    try:
        amount = Decimal(value) if isinstance(value, str) else None
    except InvalidOperation:
        return None
    return amount if amount is not None and amount.is_finite() else None


SOURCE = Source(
    name=NAME,
    kind="api",
    origin="https://openrouter.ai",
    first=(Request(MODELS, label="models"),),
    parse=parse,
    follow=follow,
    requests_per_minute=120,
    max_requests=500,
    anchors=(b'"pricing"', b'"endpoints"'),
    min_records=20,
)
