"""Vast.ai: whole GPUs of thousands of hosts, on demand and as interruptible bids.

An anonymous search answers at most 64 offers, whatever `limit` says; with a key up to 512. So the book is walked
upwards by price, then id. The end is an answer that leads nowhere, never "a page shorter than 64": the cap has
moved before. Where the answers are not in the order asked for, the book is cut in halves until each piece fits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from math import inf
from typing import Any

import msgspec

from scrapers.contract import Capture, Finding, GpuOffers, PriceKind, Reading, Request, Source, UnexpectedPage
from scrapers.wire import decode, field_names, new_fields

PATH = "/api/v0/bundles/"
ANONYMOUS_CAP = 64
KEYED_CAP = 512
LEAST_CAP = 16
"""No cap is assumed to be smaller: an answer shorter than this is not cut off."""
ROUNDING = 1e-6
"""A price shown may differ by this much, relatively, from the one the server compares."""
SAMPLED_FOR_EXTRA_FIELDS = 64


class WireOffer(msgspec.Struct, frozen=True, gc=False):
    """What we read of an offer. Null is a value we judge; an absent field is another layout."""

    id: int | None
    machine_id: int | None
    host_id: int | None
    gpu_name: str | None
    num_gpus: int | None
    gpu_ram: float | None
    """MiB per GPU."""
    dph_base: float | None
    """USD per hour, GPU part, all GPUs; equals min_bid in answers of type "bid"."""
    dph_total: float | None
    min_bid: float | None
    storage_cost: float | None
    """USD per GB and month of 720 h."""
    inet_up_cost: float | None
    inet_down_cost: float | None
    geolocation: str | None
    verification: str | None
    reliability2: float | None
    duration: float | None
    """Seconds."""
    hosting_type: int | None = None
    inet_down: float | None = None
    rentable: bool | None = None
    rented: bool | None = None
    credit_discount_max: float | None = None
    disk_space: float | None = None
    bw_nvlink: float | None = None
    pcie_bw: float | None = None
    gpu_mem_bw: float | None = None
    gpu_max_power: float | None = None
    cpu_cores: float | None = None
    cpu_cores_effective: float | None = None
    cpu_ram: float | None = None
    """MiB of the whole machine."""


class Page(msgspec.Struct, frozen=True):
    offers: list[WireOffer]


class RawPage(msgspec.Struct, frozen=True):
    offers: list[msgspec.Raw]


UNREAD = frozenset(
    re.findall(
        r"\w+",
        """
    ask_contract_id bundle_id bundled_results compute_cap cpu_arch cpu_ghz cpu_name cuda_max_good direct_port_count
    disk_bw disk_name dlperf dlperf_per_dphtotal driver_version driver_vers end_date external flops_per_dphtotal
    geolocode gpu_arch gpu_display_active gpu_frac gpu_ids gpu_lanes gpu_total_ram gpu_max_temp has_avx hostname
    inet_up is_bid logo mobo_name os_version pci_gen public_ipaddr reliability reliability_mult score start_date
    static_ip storage_total_cost total_flops vericode vram_costperhour webpage vms_enabled expected_reliability
    sla_sigma_x sla_broker_rate is_vm_deverified resource_type cluster_id avail_vol_ask_id avail_vol_dph
    avail_vol_size nw_disk_min_bw nw_disk_max_bw nw_disk_avg_bw rn dph_total_adj target_reliability sla_r_claim
    discount_rate discounted_hourly discounted_dph_total search instance time_remaining time_remaining_isbid
    internet_up_cost_per_tb internet_down_cost_per_tb platform_fee
    """,
    )
)
KNOWN = field_names(WireOffer) | UNREAD
HOSTING = {None: None, 0: "consumer"}
"""By `hosting_type`; every other number is a kind of datacenter."""


# --- what is asked -----------------------------------------------------------------------------------------------


Position = tuple[float, int]
"""Where an offer stands in the order asked for: dph_total and id."""


class WirePosition(msgspec.Struct, frozen=True, gc=False):
    id: int | None
    dph_total: float | None


class PositionPage(msgspec.Struct, frozen=True):
    offers: list[WirePosition]


def search(
    rental: str, dph_total: Mapping[str, float] | None = None, ids: Mapping[str, float] | None = None
) -> Request:
    """One search among the rentable offers; filters are {operator: value} with the operators eq, gt, gte, lt."""
    filters = {name: dict(bounds) for name, bounds in (("dph_total", dph_total), ("id", ids)) if bounds}
    query: dict[str, Any] = {
        "type": rental,
        "rentable": {"eq": True},
        "order": [["dph_total", "asc"], ["id", "asc"]],
        "limit": KEYED_CAP,
        **filters,
    }
    told = " and ".join(
        f"{name} {operator} {value:.6g}" for name, bounds in filters.items() for operator, value in bounds.items()
    )
    return Request(PATH, "POST", query, f"{rental} {told}".strip())


def follow(capture: Capture) -> Sequence[Request]:
    """The searches that lead on from one answer; none where it holds all that its filters let through.

    Ordered answers: up from the last price; along the ids where one price fills a page; once, right after the first
    page, the range below its last price again, which an honest answer cannot fill (answers have been samples before).
    """
    return _onward(capture.request.json or {}, _positions(capture))


def _onward(asked: Mapping[str, Any], page: Sequence[Position]) -> Sequence[Request]:
    rental, price, ids = str(asked.get("type")), dict(asked.get("dph_total", {})), dict(asked.get("id", {}))
    if _ignores_filter(price, page):
        return ()
    if list(page) != sorted(page) or "lt" in price or "lt" in ids or "gte" in ids:
        return _halves(rental, price, ids, page)
    if "eq" in price:
        return _along_ids(rental, price["eq"], ids, page)
    if not page:
        return ()
    (first, _), (last, _) = page[0], page[-1]
    if last > price.get("gte", -inf):
        onward = [search(rental, {"gte": last})]
        probe = not price and LEAST_CAP <= len(page) <= ANONYMOUS_CAP and first < last
        return [*onward, search(rental, {"lt": last})] if probe else onward
    return [*_along_ids(rental, last, {}, page), search(rental, {"gt": last})] if len(page) >= LEAST_CAP else ()


def _along_ids(rental: str, dph_total: float, ids: Mapping[str, int], page: Sequence[Position]) -> Sequence[Request]:
    """On a plateau of equal prices: the ids after the last, and once more those before it."""
    if len(page) < LEAST_CAP:
        return ()
    _, last_id = page[-1]
    onward = search(rental, {"eq": dph_total}, {"gt": last_id})
    probe = [search(rental, {"eq": dph_total}, {**ids, "lt": last_id})] if len(page) <= ANONYMOUS_CAP else []
    return [onward, *probe]


def _halves(
    rental: str, price: Mapping[str, float], ids: Mapping[str, int], page: Sequence[Position]
) -> Sequence[Request]:
    """The range asked for, cut at the middle price of the answer, or at the middle id where there is one price."""
    if _fits(len(page)):
        return ()
    prices = sorted({price for price, _ in page})
    if len(prices) > 1:
        below, above = _cut(price, prices[len(prices) // 2])
        return [search(rental, below), search(rental, above)]
    middle = sorted({number for _, number in page})
    if len(middle) < 2:
        return ()
    pieces = [search(rental, {"eq": prices[0]}, half) for half in _cut(ids, middle[len(middle) // 2])]
    if "eq" in price:
        return pieces
    if "lt" not in price:
        return [*pieces, search(rental, {"gt": prices[0]})]
    return [*pieces, search(rental, {**price, "lt": prices[0]}), search(rental, {"gt": prices[0], "lt": price["lt"]})]


def _fits(offers: int) -> bool:
    """Whether an answer of this length is whole, as far as its length tells."""
    return offers < ANONYMOUS_CAP or ANONYMOUS_CAP < offers < KEYED_CAP


def _cut(bounds: Mapping[str, float], middle: float) -> tuple[dict[str, Any], dict[str, Any]]:
    upper = {operator: value for operator, value in bounds.items() if operator == "lt"}
    return {**bounds, "lt": middle}, {"gte": middle, **upper}


def _ignores_filter(price: Mapping[str, float], page: Sequence[Position]) -> bool:
    bounds = [value for operator, value in price.items() if operator in ("gte", "gt", "eq")]
    return bool(page and bounds) and min(page)[0] < max(bounds) - abs(max(bounds)) * ROUNDING


def _positions(capture: Capture) -> list[Position]:
    """Prices and ids in the order they came, read from as little of the answer as possible."""
    try:
        return _placed(decode(capture, PositionPage).offers)
    except UnexpectedPage:
        return []


def _placed(offers: Sequence[WirePosition | WireOffer]) -> list[Position]:
    return [(o.dph_total, o.id) for o in offers if o.dph_total is not None and o.id is not None]


# --- what is read ------------------------------------------------------------------------------------------------


def parse(capture: Capture) -> Reading:
    """Offers of one answer, without price where the price cannot be one (hosts do set floors of 0).

    An offer that cannot be what it says it is, is set apart; most offers so, or without price, is another layout.
    """
    page = decode(capture, Page).offers
    asked = capture.request.json or {}
    kind: PriceKind = "spot_floor" if asked.get("type") == "bid" else "on_demand"
    faults: list[Finding] = []
    sound: list[WireOffer] = []
    for wire in page:
        if fault := _fault(wire):
            faults.append(Finding("quarantined", f"offers[].{fault[0]}", f"offer {wire.id!r:.30}: {fault[1]!r:.80}"))
        else:
            sound.append(wire)
    offers = _offers(sound, kind)
    faults += _unpriced(sound, offers, "dph_base" if kind == "on_demand" else "min_bid")
    if len(faults) * 2 > len(page):
        what = f"unusable in {len(faults)} of {len(page)} offers, capture {capture.sha256[:12]}"
        raise UnexpectedPage("vast", faults[0].where, what)
    placed = _placed(page)
    onward = _onward(asked, placed)
    findings = [*faults, *_new_fields(capture), *_truncation(capture.request, placed, onward)]
    return Reading(offers, findings=findings, onward=onward)


def _unpriced(wires: Sequence[WireOffer], offers: GpuOffers, field: str) -> list[Finding]:
    return [
        Finding("unpriced", f"offers[].{field}", f"offer {wire.id}: {getattr(wire, field)!r}")
        for wire, price in zip(wires, offers.columns["usd_per_hour"], strict=True)
        if price is None
    ]


def _fault(wire: WireOffer) -> tuple[str, object] | None:
    """The first field whose value cannot be true of a machine."""
    if wire.id is None or not 0 < wire.id < 2**53:
        return "id", wire.id
    if wire.machine_id is None or not 0 <= wire.machine_id < 2**53:
        return "machine_id", wire.machine_id
    if wire.host_id is None or not 0 <= wire.host_id < 2**53:
        return "host_id", wire.host_id
    if wire.num_gpus is None or not 0 < wire.num_gpus <= 1024:
        return "num_gpus", wire.num_gpus
    if wire.gpu_ram is None or not 256 <= wire.gpu_ram < 2**23:
        return "gpu_ram", wire.gpu_ram
    named = wire.gpu_name and wire.gpu_name.strip() and wire.gpu_name.isprintable() and len(wire.gpu_name) <= 100
    return None if named else ("gpu_name", wire.gpu_name)


def _offers(wires: Sequence[WireOffer], kind: PriceKind) -> GpuOffers:
    """Offers in our units; `_fault` has seen to it that what is required is there."""
    places = [_place(wire.geolocation) for wire in wires]
    return GpuOffers(
        source=["vast"] * len(wires),
        offer_id=[str(wire.id) for wire in wires],
        offer_key=[f"{wire.machine_id}:{wire.num_gpus}" for wire in wires],
        market=["marketplace"] * len(wires),
        price_kind=[kind] * len(wires),
        usd_per_hour=_prices(wire.dph_base if kind == "on_demand" else wire.min_bid for wire in wires),
        gpu_name=[wire.gpu_name for wire in wires],
        gpu_count=[float(wire.num_gpus) for wire in wires],  # type: ignore[arg-type]
        memory_gib=[wire.gpu_ram / 1024 for wire in wires],  # type: ignore[operator]
        in_stock=[wire.rentable is not False and wire.rented is not True for wire in wires],
        machine_id=[str(wire.machine_id) for wire in wires],
        host_id=[str(wire.host_id) for wire in wires],
        region=[region for region, _ in places],
        country=[country for _, country in places],
        verification=[wire.verification for wire in wires],
        reliability=_within((wire.reliability2 for wire in wires), 1.0),
        hosting=[HOSTING.get(wire.hosting_type, "datacenter") for wire in wires],
        min_bid_usd_per_hour=_prices(wire.min_bid for wire in wires),
        storage_usd_per_gb_month=_within(wire.storage_cost for wire in wires),
        max_disk_gb=_within(wire.disk_space for wire in wires),
        egress_usd_per_gb=_within(wire.inet_up_cost for wire in wires),
        ingress_usd_per_gb=_within(wire.inet_down_cost for wire in wires),
        reserved_discount=_within((wire.credit_discount_max for wire in wires), 1.0),
        max_duration_hours=_within(None if wire.duration is None else wire.duration / 3600 for wire in wires),
        nvlink_gb_per_s=_within(wire.bw_nvlink for wire in wires),
        pcie_gb_per_s=_within(wire.pcie_bw for wire in wires),
        gpu_bandwidth_gb_per_s=_within(wire.gpu_mem_bw for wire in wires),
        gpu_power_w=_within(wire.gpu_max_power for wire in wires),
        vcpus=_within(wire.cpu_cores_effective for wire in wires),
        ram_gib=_within(map(_ram_gib, wires)),
        download_mbit_per_s=_within(wire.inet_down for wire in wires),
    )


def _prices(usd_per_hour: Iterable[float | None]) -> list[float | None]:
    return [price if price is not None and 1e-6 <= price <= 1e5 else None for price in usd_per_hour]


def _within(values: Iterable[float | None], most: float = 1e12) -> list[float | None]:
    """The values, None where it is none of the kind asked for (negative, absurd)."""
    return [value if value is not None and 0 <= value <= most else None for value in values]


def _ram_gib(wire: WireOffer) -> float | None:
    """The share of the machine's memory that comes with this offer's share of its cores."""
    if not wire.cpu_ram or not wire.cpu_cores or not wire.cpu_cores_effective:
        return None
    share = wire.cpu_cores_effective / wire.cpu_cores
    return wire.cpu_ram / 1024 * (share if share < 1.0 else 1.0)


@lru_cache(maxsize=4096)
def _place(geolocation: str | None) -> tuple[str | None, str | None]:
    """ "Washington, US" -> region and country; ", US" and null occur."""
    region, comma, country = (geolocation or "").rpartition(",")
    country = country.strip()
    if not comma or len(country) != 2 or not country.isalpha():
        return (geolocation or "").strip() or None, None
    return region.strip() or None, country.upper()


def _new_fields(capture: Capture) -> list[Finding]:
    """From a sample of the offers of the first answers: a field is in all of them or in none."""
    asked = capture.request.json or {}
    if "dph_total" in asked or "id" in asked:
        return []
    return new_fields(capture, RawPage, lambda page: page.offers[:SAMPLED_FOR_EXTRA_FIELDS], "offers", KNOWN)


def _truncation(request: Request, page: Sequence[Position], onward: Sequence[Request]) -> list[Finding]:
    """An answer that is cut off and leads nowhere."""
    asked = request.json or {}
    if _ignores_filter(asked.get("dph_total", {}), page):
        return [Finding("truncated", request.label, "the price filter is not honoured: the rest is out of reach")]
    if not _fits(len(page)) and not onward:
        return [Finding("truncated", request.label, f"{len(page)} offers, and no way to ask for more")]
    return []


# --- what is never stored ----------------------------------------------------------------------------------------

_PERSONAL = (b'ipaddr"', b'ip_addr"', b'ip_address"', b'hostname"', b'host_name"', b'webpage"', b'email"', b'username"')
"""Ends of the names of fields that tell whose machine it is."""
_REST = re.compile(rb'"\s*:\s*(?:"(?:[^"\\]|\\.)*"?|\[[^\]]*\]?|\{[^}]*\}?|[^,}\]\s]*)\s*', re.S)
_DOTTED = re.compile(rb"\.\d{1,3}\.\d{1,3}\.")
_ADDRESS = re.compile(rb"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])")


def scrub(body: bytes) -> bytes:
    """Without host names, web pages and addresses: the fields by name, an IPv4 address wherever it stands.

    Works on bytes, so that a broken answer loses them too and a whole one stays as it came otherwise.
    """
    kept = bytearray()
    position = 0
    for start, end in sorted(span for name in _PERSONAL for span in _fields_named(body, name)):
        kept += body[position:start]
        position = max(position, end)
        if body[position : position + 1] == b",":
            position += 1
        else:
            kept = bytearray(kept.rstrip().removesuffix(b","))
    kept += body[position:]
    return _ADDRESS.sub(b"0.0.0.0", kept) if _DOTTED.search(kept) else bytes(kept)


def _fields_named(body: bytes, name_end: bytes) -> Iterator[tuple[int, int]]:
    """Start and end of every field whose name ends so."""
    at = body.find(name_end)
    while at >= 0:
        quote = at + len(name_end) - 1
        rest = _REST.match(body, quote)
        start = body.rfind(b'"', 0, quote)
        if rest is not None and start >= 0:
            yield start, rest.end()
        at = body.find(name_end, quote)


SOURCE = Source(
    name="vast",
    kind="gpu",
    origin="https://console.vast.ai",
    first=(search("on-demand"), search("bid")),
    parse=parse,
    follow=follow,
    scrub=scrub,
    requests_per_minute=9,  # 10 are allowed, and the answer above that names no Retry-After
    max_requests=1000,
    anchors=(b'"offers"',),
    key="VAST_API_KEY",
    canaries=("RTX 4090", "RTX 5090", "H100 SXM"),
    min_records=20,
)
