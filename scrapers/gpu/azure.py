"""Azure retail prices of GPU virtual machines: on demand and spot, per region, for the whole machine.

A list of prices, not of stock. The rows do not say what a size holds, so the sizes we read stand in `SIZES`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, NamedTuple
from urllib.parse import quote, urlsplit

import msgspec

from scrapers.contract import Capture, Finding, GpuOffer, PriceKind, Reading, Request, Source, UnexpectedPage
from scrapers.wire import decode, field_names, new_fields

PATH = "/api/retail/prices"
SAMPLED = 64
"""Rows looked at for fields no one knows."""


class Size(NamedTuple):
    gpus: float
    memory_gib: float
    """Per visible GPU."""
    vcpus: int
    ram_gib: int


SIZES = {
    "Standard_NC4as_T4_v3": Size(1, 16, 4, 28),
    "Standard_NC64as_T4_v3": Size(4, 16, 64, 440),
    "Standard_NV12ads_A10_v5": Size(1 / 3, 8, 12, 110),
    "Standard_NV36ads_A10_v5": Size(1, 24, 36, 440),
    "Standard_NV72ads_A10_v5": Size(2, 24, 72, 880),
    "Standard_NC24ads_A100_v4": Size(1, 80, 24, 220),
    "Standard_NC48ads_A100_v4": Size(2, 80, 48, 440),
    "Standard_NC96ads_A100_v4": Size(4, 80, 96, 880),
    "Standard_ND96amsr_A100_v4": Size(8, 80, 96, 1900),
    "Standard_NC40ads_H100_v5": Size(1, 94, 40, 320),
    "Standard_NC80adis_H100_v5": Size(2, 94, 80, 640),
    "Standard_ND96isr_H100_v5": Size(8, 80, 96, 1900),
    "Standard_ND96isr_H200_v5": Size(8, 141, 96, 1850),
    "Standard_ND96isr_MI300X_v5": Size(8, 192, 96, 1850),
}
"""https://learn.microsoft.com/en-us/azure/virtual-machines/sizes/overview, read 2026-10."""


class SavingsPlan(msgspec.Struct, frozen=True):
    retailPrice: float
    term: str


class Item(msgspec.Struct, frozen=True):
    currencyCode: str
    retailPrice: float | None
    armRegionName: str
    armSkuName: str
    effectiveStartDate: Annotated[datetime, msgspec.Meta(tz=True)]
    meterName: str
    productName: str
    skuName: str
    unitOfMeasure: str
    type: str
    isPrimaryMeterRegion: bool = True
    savingsPlan: list[SavingsPlan] = []


class Page(msgspec.Struct, frozen=True):
    Items: list[Item]
    NextPageLink: str | None


class RawPage(msgspec.Struct, frozen=True):
    Items: list[msgspec.Raw]


KNOWN = field_names(Item) | {
    *("availabilityId", "effectiveEndDate", "location", "meterId", "productId", "reservationTerm", "serviceFamily"),
    *("serviceId", "serviceName", "skuId", "tierMinimumUnits", "unitPrice"),
}


def _first() -> Request:
    sizes = " or ".join(f"armSkuName eq '{name}'" for name in SIZES)
    filters = f"serviceName eq 'Virtual Machines' and priceType eq 'Consumption' and ({sizes})"
    return Request(f"{PATH}?api-version=2023-01-01-preview&$filter={quote(filters)}", label="GPU sizes")


def follow(capture: Capture) -> Sequence[Request]:
    """The next page; its link is a whole address, of which we keep what lies below the origin."""
    try:
        link = decode(capture, Page).NextPageLink
    except UnexpectedPage:
        return ()
    url = urlsplit(link or "")
    if not link or url.path != PATH:
        return ()
    return [Request(f"{PATH}?{url.query}", label="next page")]


def parse(capture: Capture) -> Reading:
    """One offer per size, region and price kind, at the price that holds at the time of the capture."""
    page = decode(capture, Page)
    offers: list[GpuOffer] = []
    findings: list[Finding] = []
    for item in page.Items:
        if item.armSkuName not in SIZES or not _comparable(item, capture.fetched_at):
            continue
        if item.currencyCode != "USD" or item.unitOfMeasure != "1 Hour":
            what = f"{item.currencyCode} per {item.unitOfMeasure}"
            findings.append(Finding("quarantined", f"Items[{item.armSkuName}].unitOfMeasure", what[:100]))
            continue
        offers.append(_offer(item))
    new = new_fields(capture, RawPage, lambda page: page.Items[:SAMPLED], "Items", KNOWN)
    return Reading(offers, findings=[*findings, *_dead_end(capture, page), *new])


def _comparable(item: Item, at: datetime) -> bool:
    """Linux, pay as you go, in force. Windows and low priority are other products under the same size."""
    words = f"{item.productName} {item.skuName} {item.meterName}"
    return (
        item.type == "Consumption"
        and item.isPrimaryMeterRegion
        and item.effectiveStartDate <= at
        and "Windows" not in words
        and "Low Priority" not in words
    )


def _offer(item: Item) -> GpuOffer:
    size = SIZES[item.armSkuName]
    kind: PriceKind = "preemptible" if "Spot" in f"{item.skuName} {item.meterName}" else "on_demand"
    price = item.retailPrice if item.retailPrice is not None and 0 < item.retailPrice < 1e4 else None
    return GpuOffer(
        source="azure",
        offer_id=f"{item.armSkuName}:{item.armRegionName}",
        offer_key=f"{item.armSkuName}:{item.armRegionName}",
        market="cloud",
        price_kind=kind,
        usd_per_hour=price,
        gpu_name=item.armSkuName,
        gpu_count=float(size.gpus),
        memory_gib=float(size.memory_gib),
        in_stock=True,
        region=item.armRegionName,
        hosting="datacenter",
        reserved_discount=max(_discounts(item, price), default=None),
        vcpus=float(size.vcpus),
        ram_gib=float(size.ram_gib),
    )


def _discounts(item: Item, price: float | None) -> Iterator[float]:
    if price:
        yield from (1 - plan.retailPrice / price for plan in item.savingsPlan if 0 < plan.retailPrice < price)


def _dead_end(capture: Capture, page: Page) -> list[Finding]:
    if page.NextPageLink and not follow(capture):
        return [Finding("truncated", "NextPageLink", f"leads elsewhere: {page.NextPageLink[:80]}")]
    return []


SOURCE = Source(
    name="azure",
    kind="gpu",
    origin="https://prices.azure.com",
    first=(_first(),),
    parse=parse,
    follow=follow,
    anchors=(b'"Items"',),
    canaries=("Standard_NC24ads_A100_v4",),
    min_records=3,
)
