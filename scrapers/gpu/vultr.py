"""Vultr: cloud GPU plans, whole and in slices, and bare metal, per region. One price for the whole plan.

Plans name the regions where they can be deployed (none: sold out everywhere); each region also lists what it has in
stock right now, which only narrows that down. A plan of 1/8 GPU carries the memory of that eighth.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Annotated, NamedTuple
from urllib.parse import quote

import msgspec

from scrapers.contract import Capture, Finding, GpuOffer, PriceKind, Reading, Request, Source, UnexpectedPage
from scrapers.wire import decode, field_names, new_fields

PLANS = "/v2/plans?type=all&per_page=500"
METAL = "/v2/plans-metal?per_page=500"
REGIONS = "/v2/regions?per_page=500"
OVERAGE_USD_PER_GB = 0.01
"""Traffic beyond the plan's quota; https://www.vultr.com/pricing/, 2025-08."""
NATIVE_GB = {"NVIDIA_A16": 16, "NVIDIA_A40": 48, "NVIDIA_A100": 80, "NVIDIA_A100_PCIE": 80, "NVIDIA_L40S": 48}
"""Memory of a whole GPU, for answers of the time before `gpu_count`."""


class Gpus(NamedTuple):
    name: str
    physical: Fraction
    total_gb: float


DEDICATED = {
    "vcg-a16-96c-878g-256vram": Gpus("NVIDIA_A16", Fraction(16), 256),
    "vcg-a100-96c-896g-320vram": Gpus("NVIDIA_A100", Fraction(4), 320),
    "vcg-h100-216c-1914gb-640vram": Gpus("NVIDIA_H100", Fraction(8), 640),
    "vcg-b200-248c-2826g-1536vram": Gpus("NVIDIA_B200", Fraction(8), 1536),
    "vcg-mi355x-252c-2872g-2304vram": Gpus("AMD_MI355X", Fraction(8), 2304),
}
"""Dedicated metal (type vdm) says nothing about its GPUs; from Vultr's product pages. The MI325X plan is left out:
its id says 1536 GB, its page 8 × 256 GB."""


class RegionCost(msgspec.Struct, frozen=True):
    hourly_cost: float | None = None
    hourly_cost_preemptible: float | None = None


class WirePlan(msgspec.Struct, frozen=True):
    """A plan of either list. RAM in MB, disk in GB per disk, memory of the GPUs in GB for the whole plan."""

    id: str
    type: str
    ram: float
    hourly_cost: float | None
    locations: list[str]
    disk: float = 0
    disk_count: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 1
    vcpu_count: float | None = None
    cpu_threads: float | None = None
    deploy_ondemand: bool = True
    deploy_preemptible: bool = False
    hourly_cost_preemptible: float | None = None
    location_cost: dict[str, RegionCost] | Annotated[list[RegionCost], msgspec.Meta(max_length=0)] | None = None
    """{} as an object, [] where the server has nothing to say."""
    gpu_type: str | None = None
    gpu_vram_gb: float | None = None
    gpu_count: str | int | float | None = None

    def cost(self, region: str) -> RegionCost:
        general = RegionCost(self.hourly_cost, self.hourly_cost_preemptible)
        return self.location_cost.get(region, general) if isinstance(self.location_cost, dict) else general


class Links(msgspec.Struct, frozen=True):
    next: str
    """Empty at the end."""


class Meta(msgspec.Struct, frozen=True):
    links: Links
    total: int | None = None


class PlanPage(msgspec.Struct, frozen=True):
    plans: list[WirePlan]
    meta: Meta


class MetalPage(msgspec.Struct, frozen=True):
    plans_metal: list[WirePlan]
    meta: Meta


class WireRegion(msgspec.Struct, frozen=True):
    id: str
    country: str | None = None


class RegionPage(msgspec.Struct, frozen=True):
    regions: list[WireRegion]
    meta: Meta


class Stock(msgspec.Struct, frozen=True):
    available_plans: list[str]


class RawPlans(msgspec.Struct, frozen=True):
    plans: list[msgspec.Raw] = []
    plans_metal: list[msgspec.Raw] = []


KNOWN = field_names(WirePlan) | {
    *("bandwidth", "clusterable", "cpu_cores", "cpu_count", "cpu_manufacturer", "cpu_mhz", "cpu_model", "cpu_vendor"),
    *("disk_type", "gpu_brand", "invoice_type", "monthly_cost", "monthly_cost_preemptible", "physical_cpus"),
    *("storage_type", "vcpu_type"),
}


def follow(capture: Capture) -> Sequence[Request]:
    """The next page where there is one, and the stock of every region that a GPU plan names."""
    path = capture.request.path
    if _stock_region(path):
        return ()
    try:
        if _is(path, REGIONS):
            return _next_page(path, decode(capture, RegionPage).meta)
        meta, plans = _plan_page(capture)
    except UnexpectedPage:
        return ()
    regions = sorted({region for plan in plans if plan.gpu_type or plan.type == "vdm" for region in plan.locations})
    stock = [
        Request(f"/v2/regions/{quote(region)}/availability", label=f"stock in {region}") for region in regions if region
    ]
    return [*_next_page(path, meta), *stock]


def _next_page(path: str, meta: Meta) -> list[Request]:
    if not meta.links.next:
        return []
    first = path.split("&cursor=")[0]
    return [Request(f"{first}&cursor={quote(meta.links.next, safe='')}", label="next page")]


def parse(capture: Capture) -> Reading:
    """Offers of a page of plans; regions and stock are checked here and used by `settle`."""
    path = capture.request.path
    if _stock_region(path):
        decode(capture, Stock)
        return Reading()
    if _is(path, REGIONS):
        decode(capture, RegionPage)
        return Reading()
    offers: list[GpuOffer] = []
    findings: list[Finding] = []
    _, plans = _plan_page(capture)
    for plan in plans:
        try:
            gpus = _gpus(plan)
        except ValueError as error:
            findings.append(Finding("quarantined", f"plans[{plan.id}]", str(error)))
            continue
        if gpus:
            offers.extend(_offers(plan, gpus))
    new = new_fields(capture, RawPlans, lambda raw: [*raw.plans, *raw.plans_metal], "plans", KNOWN)
    return Reading(offers, findings=[*findings, *new])


def _plan_page(capture: Capture) -> tuple[Meta, list[WirePlan]]:
    if _is(capture.request.path, METAL):
        metal = decode(capture, MetalPage)
        return metal.meta, metal.plans_metal
    page = decode(capture, PlanPage)
    return page.meta, page.plans


def _gpus(plan: WirePlan) -> Gpus | None:
    """What the plan holds, None for a plan without GPU. ValueError where it does not say and must."""
    if plan.id in DEDICATED and not plan.gpu_type:
        return DEDICATED[plan.id]
    if not plan.gpu_type:
        if plan.type in ("vcg", "vdm") or plan.id.endswith("-gpu"):
            raise ValueError("a GPU plan that does not say which GPU")
        return None
    if not plan.gpu_vram_gb or plan.gpu_vram_gb < 0:
        raise ValueError(f"gpu_vram_gb {plan.gpu_vram_gb!r} for {plan.gpu_type}")
    return Gpus(plan.gpu_type, _count(plan, plan.gpu_vram_gb), plan.gpu_vram_gb)


def _count(plan: WirePlan, total_gb: float) -> Fraction:
    """ "1/8", "8" or 8; from the memory where the field is absent."""
    if plan.gpu_count is None:
        if plan.gpu_type not in NATIVE_GB:
            raise ValueError(f"no gpu_count for {plan.gpu_type}")
        return Fraction(total_gb).limit_denominator(1000) / NATIVE_GB[plan.gpu_type]
    try:
        count = Fraction(plan.gpu_count)
    except (ValueError, ZeroDivisionError, OverflowError) as error:
        raise ValueError(f"gpu_count {plan.gpu_count!r:.40}") from error
    if not 0 < count <= 64:
        raise ValueError(f"gpu_count {plan.gpu_count!r:.40}")
    return count


def _offers(plan: WirePlan, gpus: Gpus) -> Iterator[GpuOffer]:
    """One offer per region, or one out of stock where no region is named; preemptible beside it where it differs."""
    regions: list[str | None] = [region for region in plan.locations if region]
    for region in regions or [None]:
        cost = plan.cost(region or "")
        deployable = region is not None and plan.deploy_ondemand
        yield _offer(plan, gpus, region, "on_demand", _usd(cost.hourly_cost), deployable)
        spot = _usd(cost.hourly_cost_preemptible)
        if plan.deploy_preemptible and spot is not None and spot != cost.hourly_cost:
            yield _offer(plan, gpus, region, "preemptible", spot, region is not None)


def _offer(
    plan: WirePlan, gpus: Gpus, region: str | None, price_kind: PriceKind, usd_per_hour: float | None, in_stock: bool
) -> GpuOffer:
    return GpuOffer(
        source="vultr",
        offer_id=f"{plan.id}:{region or '-'}",
        offer_key=f"{plan.id}:{region or '-'}",
        market="cloud",
        price_kind=price_kind,
        usd_per_hour=usd_per_hour,
        gpu_name=gpus.name,
        gpu_count=float(gpus.physical),
        memory_gib=gpus.total_gb / max(float(gpus.physical), 1.0),
        in_stock=in_stock,
        region=region,
        hosting="datacenter",
        storage_usd_per_gb_month=0.0,
        included_disk_gb=plan.disk * plan.disk_count,
        egress_usd_per_gb=OVERAGE_USD_PER_GB,
        vcpus=plan.vcpu_count or plan.cpu_threads,
        ram_gib=plan.ram / 1024,
    )


def _usd(cost: float | None) -> float | None:
    return cost if cost is not None and 0 < cost < 1e5 else None


def settle(captures: Sequence[Capture], reading: Reading) -> Reading:
    """Offers with their country, and in stock only where the region's own list has the plan too."""
    countries: dict[str, str | None] = {}
    stock: dict[str, set[str]] = {}
    for capture in captures:
        if region := _stock_region(capture.request.path):
            stock[region] = set(decode(capture, Stock).available_plans)
        elif _is(capture.request.path, REGIONS):
            countries |= {region.id: region.country for region in decode(capture, RegionPage).regions}
    offers = [
        msgspec.structs.replace(
            offer, country=countries.get(offer.region or ""), in_stock=offer.in_stock and _stocked(offer, stock)
        )
        for offer in reading.offers
    ]
    return Reading(offers, reading.prices, _empty_regions(stock, reading.offers))


def _stocked(offer: GpuOffer, stock: Mapping[str, set[str]]) -> bool:
    """Dedicated metal is missing from the lists of regions, and an empty list tells nothing."""
    plan, _, region = offer.offer_id.rpartition(":")
    return plan in DEDICATED or not stock.get(region) or plan in stock[region]


def _empty_regions(stock: Mapping[str, set[str]], offers: Sequence[GpuOffer]) -> list[Finding]:
    named = {offer.region for offer in offers}
    return [
        Finding("quarantined", f"regions[{region}].available_plans", "empty, though plans name the region")
        for region, plans in sorted(stock.items())
        if not plans and region in named
    ]


def _is(path: str, first: str) -> bool:
    return path.split("?")[0] == first.split("?")[0]


def _stock_region(path: str) -> str | None:
    parts = path.split("?")[0].strip("/").split("/")
    return parts[2] if parts[:2] == ["v2", "regions"] and parts[3:] == ["availability"] else None


SOURCE = Source(
    name="vultr",
    kind="gpu",
    origin="https://api.vultr.com",
    first=(Request(PLANS, label="plans"), Request(METAL, label="bare metal"), Request(REGIONS, label="regions")),
    parse=parse,
    follow=follow,
    settle=settle,
    requests_per_minute=60,
    max_requests=80,
    anchors=(b'"plans"', b'"plans_metal"', b'"regions"', b'"available_plans"'),
    min_records=5,
)
