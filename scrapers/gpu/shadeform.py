"""Shadeform: instance types of many clouds in cents per hour, whole instance, with stock per region. Needs a key."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from scrapers.contract import Capture, Finding, GpuOffer, Reading, Request, Source
from scrapers.wire import decode, field_names, new_fields


class Configuration(msgspec.Struct, frozen=True):
    gpu_type: str
    """ "A6000", "H100_sxm5"."""
    num_gpus: int
    vram_per_gpu_in_gb: float | None
    memory_in_gb: float
    storage_in_gb: float
    vcpus: float


class Place(msgspec.Struct, frozen=True):
    region: str
    available: bool
    rental_type: str = "on_demand"


class InstanceType(msgspec.Struct, frozen=True):
    cloud: str
    shade_instance_type: str
    hourly_price: float | None
    """Cents."""
    configuration: Configuration
    availability: list[Place]
    cloud_instance_type: str | None = None


class Answer(msgspec.Struct, frozen=True):
    instance_types: list[InstanceType]


class RawAnswer(msgspec.Struct, frozen=True):
    instance_types: list[msgspec.Raw]


KNOWN = field_names(InstanceType) | {
    *("boot_time", "deployment_type", "gpu_manufacturer", "gpu_type", "interconnect", "memory_in_gb", "num_gpus"),
    *("nvlink", "region", "storage_in_gb", "vcpus", "vram_per_gpu_in_gb"),
}


def parse(capture: Capture) -> Reading:
    """One on-demand offer per cloud, instance type and region. Spot places name another price, in an unsure unit."""
    offers: list[GpuOffer] = []
    findings: list[Finding] = []
    for kind in decode(capture, Answer).instance_types:
        where = f"instance_types[{kind.cloud}/{kind.shade_instance_type}]"[:120]
        if kind.configuration.num_gpus == 0:
            continue
        if not 0 < kind.configuration.num_gpus <= 64 or not kind.configuration.vram_per_gpu_in_gb:
            findings.append(Finding("quarantined", where, f"{kind.configuration}"[:200]))
            continue
        offers.extend(_offers(kind))
        if any(place.rental_type != "on_demand" for place in kind.availability):
            findings.append(Finding("unpriced", f"{where}.availability", "places that are not on demand"))
    new = new_fields(capture, RawAnswer, lambda answer: answer.instance_types, "instance_types", KNOWN)
    return Reading(offers, findings=[*findings, *new])


def _offers(kind: InstanceType) -> Iterator[GpuOffer]:
    cents, machine = kind.hourly_price, kind.configuration
    for place in kind.availability:
        if place.rental_type != "on_demand":
            continue
        key = f"{kind.cloud}:{kind.cloud_instance_type or kind.shade_instance_type}:{place.region}"
        yield GpuOffer(
            source="shadeform",
            offer_id=key,
            offer_key=key,
            market="cloud",
            price_kind="on_demand",
            usd_per_hour=cents / 100 if cents is not None and 0 < cents < 1e6 else None,
            gpu_name=machine.gpu_type,
            gpu_count=float(machine.num_gpus),
            memory_gib=machine.vram_per_gpu_in_gb,
            in_stock=place.available,
            host_id=kind.cloud,
            region=place.region,
            hosting="datacenter",
            storage_usd_per_gb_month=0.0,
            included_disk_gb=machine.storage_in_gb,
            vcpus=machine.vcpus,
            ram_gib=machine.memory_in_gb,
        )


SOURCE = Source(
    name="shadeform",
    kind="gpu",
    origin="https://api.shadeform.ai",
    first=(Request("/v1/instances/types", label="instance types"),),
    parse=parse,
    anchors=(b'"instance_types"',),
    key="SHADEFORM_API_KEY",
    key_required=True,
    key_header="X-API-KEY",
    key_format="{key}",
    min_records=3,
)
