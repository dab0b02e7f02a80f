"""Prime Intellect: configurations of many clouds in USD per hour, whole configuration, with stock. Needs a key."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from scrapers.contract import Capture, Finding, GpuOffer, Reading, Request, Source, UnexpectedPage
from scrapers.wire import decode, field_names, new_fields

PATH = "/api/v1/availability/gpus"
PAGE_SIZE = 100


class Prices(msgspec.Struct, frozen=True):
    onDemand: float | None
    currency: str = "USD"


class Item(msgspec.Struct, frozen=True):
    cloudId: str
    gpuType: str
    """ "H100_80GB"."""
    socket: str | None
    """ "SXM5", "PCIe"."""
    provider: str
    gpuCount: int
    gpuMemory: float | None
    """GB per GPU."""
    stockStatus: str | None
    """Available, Low, Medium, High, Unavailable."""
    prices: Prices
    dataCenter: str | None = None
    region: str | None = None
    country: str | None = None
    security: str | None = None
    isSpot: bool | None = None


class Page(msgspec.Struct, frozen=True):
    items: list[Item]
    totalCount: int


class RawPage(msgspec.Struct, frozen=True):
    items: list[msgspec.Raw]


KNOWN = field_names(Item) | {
    *("disk", "images", "interconnect", "interconnectType", "internalId", "memory", "prepaidTime"),
    *("provisioningTime", "sharedDisk", "vcpu"),
}


def page(number: int) -> Request:
    return Request(f"{PATH}?page={number}&page_size={PAGE_SIZE}", label=f"configurations, page {number}")


def follow(capture: Capture) -> Sequence[Request]:
    """The next page while the total says there is one."""
    asked = re.search(r"[?&]page=(\d+)", capture.request.path)
    try:
        answer = decode(capture, Page)
    except UnexpectedPage:
        return ()
    number = int(asked[1]) if asked else 1
    return [page(number + 1)] if answer.items and number * PAGE_SIZE < answer.totalCount else []


def parse(capture: Capture) -> Reading:
    """One offer per configuration and datacenter."""
    offers: list[GpuOffer] = []
    findings: list[Finding] = []
    for item in decode(capture, Page).items:
        if not 0 < item.gpuCount <= 64 or not item.gpuMemory or item.prices.currency != "USD":
            what = f"{item.gpuCount} × {item.gpuMemory} GB in {item.prices.currency!r:.10}"
            findings.append(Finding("quarantined", f"items[{item.cloudId:.60}]", what))
            continue
        offers.append(_offer(item))
    new = new_fields(capture, RawPage, lambda page: page.items, "items", KNOWN)
    return Reading(offers, findings=[*findings, *new])


def _offer(item: Item) -> GpuOffer:
    price = item.prices.onDemand
    secure = item.security == "secure_cloud"
    place = f"{item.region or '-'}:{item.dataCenter or '-'}:{item.security or '-'}"
    key = f"{item.provider}:{item.cloudId}:{place}:{item.gpuCount}"
    return GpuOffer(
        source="prime_intellect",
        offer_id=key,
        offer_key=key,
        market="cloud" if secure else "marketplace",
        price_kind="preemptible" if item.isSpot else "on_demand",
        usd_per_hour=price if price is not None and 0 < price < 1e4 else None,
        gpu_name=f"{item.gpuType} {item.socket}" if item.socket else item.gpuType,
        gpu_count=float(item.gpuCount),
        memory_gib=item.gpuMemory,
        in_stock=(item.stockStatus or "").lower() in ("available", "low", "medium", "high"),
        host_id=item.provider,
        region=item.dataCenter or item.region,
        country=item.country,
        verification="secure" if secure else "community",
        hosting="datacenter" if secure else None,
    )


SOURCE = Source(
    name="prime_intellect",
    kind="gpu",
    origin="https://api.primeintellect.ai",
    first=(page(1),),
    parse=parse,
    follow=follow,
    anchors=(b'"items"',),
    key="PRIME_INTELLECT_API_KEY",
    key_required=True,
    min_records=3,
)
