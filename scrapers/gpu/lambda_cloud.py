"""Lambda: instance types in cents per hour for the whole instance, and the regions that have one free. Needs a key."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated

import msgspec

from scrapers.contract import Capture, Finding, GpuOffer, Reading, Request, Source
from scrapers.wire import decode, field_names, new_fields

MEMORY = re.compile(r"\((\d{1,4}) GB\b")


Gib = Annotated[float, msgspec.Meta(ge=0, le=1e9)]


class Specs(msgspec.Struct, frozen=True):
    vcpus: float
    memory_gib: Gib
    storage_gib: Gib
    gpus: int


class InstanceType(msgspec.Struct, frozen=True):
    name: str
    gpu_description: str
    """ "A100 (40 GB SXM4)"; "N/A" for machines without GPU."""
    price_cents_per_hour: float | None
    specs: Specs


class Region(msgspec.Struct, frozen=True):
    name: str


class Entry(msgspec.Struct, frozen=True):
    instance_type: InstanceType
    regions_with_capacity_available: list[Region]


class Answer(msgspec.Struct, frozen=True):
    data: dict[str, Entry]


class RawEntry(msgspec.Struct, frozen=True):
    instance_type: msgspec.Raw


class RawAnswer(msgspec.Struct, frozen=True):
    data: dict[str, RawEntry]


def _types(answer: RawAnswer) -> list[msgspec.Raw]:
    return [entry.instance_type for entry in answer.data.values()]


KNOWN = field_names(InstanceType) | {"description", "architecture"}


def parse(capture: Capture) -> Reading:
    """One offer per type and region with capacity; one out of stock for a type without."""
    offers: list[GpuOffer] = []
    findings: list[Finding] = []
    for entry in decode(capture, Answer).data.values():
        kind = entry.instance_type
        memory = MEMORY.search(kind.gpu_description)
        if kind.specs.gpus == 0:
            continue
        if memory is None or not 0 < kind.specs.gpus <= 64:
            what = f"{kind.specs.gpus} GPUs, {kind.gpu_description!r:.60}"
            findings.append(Finding("quarantined", f"data[{kind.name:.60}]", what))
            continue
        offers.extend(_offers(entry, float(memory[1])))
    new = new_fields(capture, RawAnswer, _types, "instance_type", KNOWN)
    return Reading(offers, findings=[*findings, *new])


def _offers(entry: Entry, memory_gib: float) -> Iterator[GpuOffer]:
    kind, cents = entry.instance_type, entry.instance_type.price_cents_per_hour
    regions: list[str | None] = [region.name for region in entry.regions_with_capacity_available]
    for region in regions or [None]:
        yield GpuOffer(
            source="lambda",
            offer_id=f"{kind.name}:{region or '-'}",
            offer_key=f"{kind.name}:{region or '-'}",
            market="cloud",
            price_kind="on_demand",
            usd_per_hour=cents / 100 if cents is not None and 0 < cents < 1e6 else None,
            gpu_name=kind.gpu_description,
            gpu_count=float(kind.specs.gpus),
            memory_gib=memory_gib,
            in_stock=region is not None,
            region=region,
            hosting="datacenter",
            storage_usd_per_gb_month=0.0,
            included_disk_gb=kind.specs.storage_gib * 2**30 / 1e9,
            egress_usd_per_gb=0.0,
            vcpus=kind.specs.vcpus,
            ram_gib=kind.specs.memory_gib,
        )


SOURCE = Source(
    name="lambda",
    kind="gpu",
    origin="https://cloud.lambda.ai",
    first=(Request("/api/v1/instance-types", label="instance types"),),
    parse=parse,
    anchors=(b'"regions_with_capacity_available"',),
    key="LAMBDA_API_KEY",
    key_required=True,
    min_records=3,
)
