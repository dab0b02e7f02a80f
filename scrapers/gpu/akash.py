"""Akash: what providers bid per GPU model, summed up over the last month of bids, in USD per GPU and hour.

The network tells no single offers without a deployment. One row per model and memory stands for its providers; the
price is the median bid, since the lowest is one bid of one provider at some time of the month.
"""

from __future__ import annotations

import re

import msgspec

from scrapers.contract import Capture, Finding, GpuOffer, Reading, Request, Source
from scrapers.wire import decode, field_names, new_fields

RAM = re.compile(r"(\d{1,4})Gi")


class Units(msgspec.Struct, frozen=True):
    available: int
    total: int


class Price(msgspec.Struct, frozen=True):
    currency: str
    min: float | None
    max: float | None
    med: float | None
    """Over the bids of the last 31 days."""


class Model(msgspec.Struct, frozen=True):
    vendor: str
    model: str
    """ "h100", "rtx4090"."""
    ram: str
    """ "80Gi", per GPU."""
    interface: str
    """ "SXM5", "PCIe"."""
    availability: Units
    price: Price | None
    """None where no one has bid."""
    providerAvailability: Units | None = None


class Answer(msgspec.Struct, frozen=True):
    models: list[Model]


class RawAnswer(msgspec.Struct, frozen=True):
    models: list[msgspec.Raw]


KNOWN = field_names(Model) | {"priceUakt", "bidCount", "providersWithBestBid"}


def parse(capture: Capture) -> Reading:
    """One offer per model, memory and interface that has bids."""
    offers: list[GpuOffer] = []
    findings: list[Finding] = []
    for model in decode(capture, Answer).models:
        where = f"models[{model.model} {model.ram} {model.interface}]"[:100]
        ram = RAM.fullmatch(model.ram)
        if model.price is None:
            findings.append(Finding("unpriced", where, "no bids"))
        elif ram is None or model.price.currency != "USD":
            findings.append(
                Finding("quarantined", where, f"ram {model.ram!r:.20}, price in {model.price.currency!r:.20}")
            )
        else:
            offers.append(_offer(model, model.price, float(ram[1])))
    new = new_fields(capture, RawAnswer, lambda answer: answer.models, "models", KNOWN)
    return Reading(offers, findings=[*findings, *new])


def _offer(model: Model, price: Price, memory_gib: float) -> GpuOffer:
    free = max(0, model.availability.available)
    return GpuOffer(
        source="akash",
        offer_id=f"{model.model}:{model.ram}:{model.interface}",
        offer_key=f"{model.model}:{model.ram}:{model.interface}",
        market="marketplace",
        price_kind="on_demand",
        usd_per_hour=price.med if price.med is not None and 0 < price.med < 1e3 else None,
        gpu_name=f"{model.model} {model.interface}",
        gpu_count=1.0,
        memory_gib=memory_gib,
        in_stock=free > 0,
        available_units=free,
    )


SOURCE = Source(
    name="akash",
    kind="gpu",
    origin="https://console-api.akash.network",
    first=(Request("/v1/gpu-prices", label="GPU models"),),
    parse=parse,
    anchors=(b'"models"',),
)
