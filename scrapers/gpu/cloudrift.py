"""CloudRift: machine variants per datacenter, in cents for the whole variant, with the number of nodes free."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from scrapers.contract import Capture, Finding, GpuOffer, Reading, Request, Source
from scrapers.wire import decode, field_names, new_fields

BYTES_PER_GIB = 2**30
PROTOCOL = "2025-03-21"


class Volume(msgspec.Struct, frozen=True):
    name: str
    cost_per_gb_per_month: float | None = None
    """Cents."""


class Variant(msgspec.Struct, frozen=True):
    """cost_per_hour: cents for the whole variant. vram: bytes per GPU. dram, disk: bytes."""

    name: str
    logical_cpu_count: float
    dram: float
    vram: float
    disk: float
    cost_per_hour: float | None
    nodes_per_dc: dict[str, int]
    available_nodes_per_dc: dict[str, int]
    gpu_count: int | None = None
    mig_profile: str | None = None
    volume_types_per_dc: dict[str, list[Volume]] = {}


class Datacenter(msgspec.Struct, frozen=True):
    name: str
    provider_name: str | None = None
    country_code: str | None = None


class InstanceType(msgspec.Struct, frozen=True):
    name: str
    variants: list[Variant]
    datacenters: list[Datacenter]
    brand_short: str | None = None
    manufacturer: str | None = None


class Listing(msgspec.Struct, frozen=True):
    instance_types: list[InstanceType]


class Answer(msgspec.Struct, frozen=True):
    data: Listing


class RawType(msgspec.Struct, frozen=True):
    variants: list[msgspec.Raw]


class RawListing(msgspec.Struct, frozen=True):
    instance_types: list[RawType]


class RawAnswer(msgspec.Struct, frozen=True):
    data: RawListing


def _variants(answer: RawAnswer) -> list[msgspec.Raw]:
    return [variant for kind in answer.data.instance_types for variant in kind.variants]


KNOWN = field_names(Variant) | {
    *("available_nodes", "cpu_count", "cpu_sharing_policy", "ip_availability_per_dc", "nodes"),
}


def parse(capture: Capture) -> Reading:
    """An offer per GPU variant and datacenter that has such nodes, free or not."""
    offers: list[GpuOffer] = []
    findings: list[Finding] = []
    for kind in decode(capture, Answer).data.instance_types:
        for variant in kind.variants:
            if fault := _fault(kind, variant):
                findings.append(Finding("quarantined", f"variants[{variant.name:.60}]", fault))
            elif variant.gpu_count:
                offers.extend(_offers(kind, variant))
    new = new_fields(capture, RawAnswer, _variants, "variants", KNOWN)
    return Reading(offers, findings=[*findings, *new])


def _fault(kind: InstanceType, variant: Variant) -> str | None:
    """Why a variant with GPUs cannot be an offer; variants without GPU have none."""
    if not variant.gpu_count:
        return None
    if variant.mig_profile:
        return f"a slice, MIG profile {variant.mig_profile!r:.40}: its share of the GPU is not told"
    if not 0 < variant.gpu_count <= 64 or not 2**28 <= variant.vram < 2**43:
        return f"{variant.gpu_count} GPUs with {variant.vram:.0f} bytes"
    return None if kind.brand_short else "GPUs without brand_short"


def _offers(kind: InstanceType, variant: Variant) -> Iterator[GpuOffer]:
    countries = {datacenter.name: datacenter.country_code for datacenter in kind.datacenters}
    for datacenter in sorted(variant.nodes_per_dc.keys() | variant.available_nodes_per_dc.keys()):
        free = max(0, variant.available_nodes_per_dc.get(datacenter, 0))
        yield GpuOffer(
            source="cloudrift",
            offer_id=f"{variant.name}:{datacenter}",
            offer_key=f"{variant.name}:{datacenter}",
            market="cloud",
            price_kind="on_demand",
            usd_per_hour=_usd(variant.cost_per_hour),
            gpu_name=kind.brand_short or kind.name,
            gpu_count=float(variant.gpu_count or 0),
            memory_gib=variant.vram / BYTES_PER_GIB,
            in_stock=free > 0,
            available_units=free,
            region=datacenter,
            country=countries.get(datacenter),
            hosting="datacenter",
            storage_usd_per_gb_month=0.0,
            included_disk_gb=variant.disk / 1e9,
            egress_usd_per_gb=0.0,
            vcpus=variant.logical_cpu_count,
            ram_gib=variant.dram / BYTES_PER_GIB,
        )


def _usd(cents: float | None) -> float | None:
    return cents / 100 if cents is not None and 0 < cents < 1e7 else None


SOURCE = Source(
    name="cloudrift",
    kind="gpu",
    origin="https://api.cloudrift.ai",
    first=(
        Request(
            "/api/v1/instance-types/list",
            "POST",
            {"version": PROTOCOL, "data": {"selector": "All"}},
            "instance types",
        ),
    ),
    parse=parse,
    anchors=(b'"instance_types"',),
    canaries=("RTX 4090",),
)
