"""RunPod: one price per GPU type in vetted datacenters (secure) and at community hosts, per GPU and hour.

0 or null is "not offered". 0.5 is a placeholder where the site has no price, unless its stock is sold at that price
or it has prices by the month. Stock is told per GPU type, not per kind of host.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from scrapers.contract import Capture, Finding, GpuOffer, Reading, Request, Source, UnexpectedPage
from scrapers.wire import decode, field_names, new_fields

PLACEHOLDER_USD = 0.5
LARGEST_DISCOUNT = 0.25
"""For a term of months; 15 % is the largest seen (RTX 5000 Ada, July 2026)."""
QUERY = """query GpuTypes { gpuTypes { id displayName memoryInGb securePrice communityPrice oneWeekPrice oneMonthPrice
threeMonthPrice sixMonthPrice clusterPrice lowestPrice(input: {gpuCount: 1}) { minimumBidPrice uninterruptablePrice
stockStatus } } }"""


class Lowest(msgspec.Struct, frozen=True):
    stockStatus: str | None = None
    """High, Medium, Low; null is none."""
    minimumBidPrice: float | None = None
    uninterruptablePrice: float | None = None


class GpuType(msgspec.Struct, frozen=True):
    """Prices in USD per GPU and hour."""

    id: str
    displayName: str
    memoryInGb: float | None
    securePrice: float | None
    communityPrice: float | None
    lowestPrice: Lowest | None
    threeMonthPrice: float | None = None
    sixMonthPrice: float | None = None


class Types(msgspec.Struct, frozen=True):
    gpuTypes: list[GpuType]


class Error(msgspec.Struct, frozen=True):
    message: str


class Answer(msgspec.Struct, frozen=True):
    data: Types | None = None
    errors: list[Error] = []


class RawTypes(msgspec.Struct, frozen=True):
    gpuTypes: list[msgspec.Raw]


class RawAnswer(msgspec.Struct, frozen=True):
    data: RawTypes


KNOWN = field_names(GpuType) | {"oneWeekPrice", "oneMonthPrice", "clusterPrice"}


def parse(capture: Capture) -> Reading:
    """Up to two offers per GPU type, of one GPU each. GraphQL answers errors with status 200: they raise."""
    answer = decode(capture, Answer)
    if answer.data is None:
        said = "; ".join(error.message for error in answer.errors)[:200] or "no data"
        raise UnexpectedPage("runpod", "data", said)
    offers: list[GpuOffer] = []
    findings: list[Finding] = []
    for gpu in answer.data.gpuTypes:
        for word, price in (("secure", gpu.securePrice), ("community", gpu.communityPrice)):
            if price is None or price == 0:
                continue
            where = f"gpuTypes[{gpu.id:.60}].{word}Price"
            if price == PLACEHOLDER_USD and not _meant(gpu, word):
                findings.append(Finding("unpriced", where, f"{PLACEHOLDER_USD} that nothing confirms is a placeholder"))
            elif fault := _fault(gpu, price):
                findings.append(Finding("quarantined", where, fault))
            else:
                offers.append(_offer(gpu, "secure" if word == "secure" else "community", price))
    new = new_fields(capture, RawAnswer, lambda answer: answer.data.gpuTypes, "gpuTypes", KNOWN)
    return Reading(offers, findings=[*findings, *new])


def _fault(gpu: GpuType, price: float) -> str | None:
    if not 0 < price < 1e4:
        return f"price {price!r}"
    if not gpu.memoryInGb or not 0.25 <= gpu.memoryInGb < 4096:
        return f"memoryInGb {gpu.memoryInGb!r}"
    return None


def _meant(gpu: GpuType, word: str) -> bool:
    """Whether a price that looks like the placeholder is one."""
    sold_at = gpu.lowestPrice.uninterruptablePrice if gpu.lowestPrice and _stocked(gpu) else None
    lowest = PLACEHOLDER_USD * (1 - LARGEST_DISCOUNT)
    return sold_at == PLACEHOLDER_USD or any(lowest <= term <= PLACEHOLDER_USD for term in _terms(gpu, word))


def _stocked(gpu: GpuType) -> bool:
    return gpu.lowestPrice is not None and bool(gpu.lowestPrice.stockStatus)


def _offer(gpu: GpuType, verification: Literal["secure", "community"], price: float) -> GpuOffer:
    discounts = [1 - term / price for term in _terms(gpu, verification) if 0 < term < price]
    return GpuOffer(
        source="runpod",
        offer_id=f"{gpu.id}:{verification}",
        offer_key=f"{gpu.id}:{verification}",
        market="cloud" if verification == "secure" else "marketplace",
        price_kind="on_demand",
        usd_per_hour=price,
        gpu_name=gpu.id,
        gpu_count=1.0,
        memory_gib=gpu.memoryInGb,
        in_stock=_stocked(gpu),
        verification=verification,
        hosting="datacenter" if verification == "secure" else None,
        reserved_discount=max(discounts, default=None),
    )


def _terms(gpu: GpuType, verification: str) -> Iterator[float]:
    """Prices with a term of months, which hold in the vetted datacenters."""
    if verification == "secure":
        yield from (price for price in (gpu.threeMonthPrice, gpu.sixMonthPrice) if price)


SOURCE = Source(
    name="runpod",
    kind="gpu",
    origin="https://api.runpod.io",
    first=(Request("/graphql", "POST", {"query": " ".join(QUERY.split())}, "GPU types"),),
    parse=parse,
    anchors=(b'"gpuTypes"',),
    canaries=("NVIDIA GeForce RTX 4090", "NVIDIA A100-SXM4-80GB"),
    min_records=10,
)
