"""What a source is, what it is asked, what it answers, and what we read in the answer.

A source is data plus pure functions: the first requests to make, `parse: Capture -> Reading`, and, where an
answer leads to more requests, `follow: Capture -> requests`. Parsing turns the source's *units* into ours
(USD, GiB, GB/s, hours, USD per 1M tokens); it never touches its *names*.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import repeat
from typing import Any, Literal, overload

import msgspec

PriceKind = Literal["on_demand", "spot_floor", "preemptible", "reserved"]
Market = Literal["marketplace", "cloud"]
Component = Literal["input", "output", "cache_read", "cache_write_5m", "cache_write_1h", "request"]
Tier = Literal["standard", "batch", "flex", "fast"]
TimeBand = Literal["all", "peak", "off_peak"]
Channel = Literal["first_party", "host", "registry"]
Listing = Literal["listed", "retired", "contact_sales", "preview"]


@dataclass(frozen=True, slots=True)
class Request:
    """One request below a source's origin. `path` starts with a slash and may carry a query."""

    path: str
    method: Literal["GET", "POST", "PUT"] = "GET"
    json: Mapping[str, Any] | None = None
    label: str = ""
    """What is asked, for progress and logs: "on-demand from $0.31", "plans, page 2"."""


@dataclass(frozen=True, slots=True)
class Capture:
    """One response, as it came (after `Source.scrub`), with what asked for it. `body` is decompressed."""

    source: str
    request: Request
    url: str
    status: int
    content_type: str
    fetched_at: datetime
    body: bytes
    sha256: str
    etag: str | None = None
    last_modified: str | None = None


class UnexpectedPage(Exception):
    """The answer is not what the source's module knows: a layout, a field or a unit has changed.

    `where` names the field or table ("offers[3].gpu_ram", "table 'Batch pricing'"), `what` says what stood there.
    """

    def __init__(self, source: str, where: str, what: str) -> None:
        super().__init__(f"{source}: {where}: {what}")
        self.source, self.where, self.what = source, where, what


class GpuOffer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One rentable thing at one price, in our units. Prices are USD for the whole offer; None is "not said"."""

    source: str
    offer_id: str
    """The source's own id, unique within one snapshot and price kind."""
    offer_key: str
    """Stable across snapshots: machine and GPU count, plan and region, variant and datacenter."""
    market: Market
    price_kind: PriceKind
    usd_per_hour: float | None
    """GPU part of the price, whole offer, without extra storage or traffic."""
    gpu_name: str
    gpu_count: float
    """Physical GPUs: 1, 2, 8; below 1 where a share of one GPU is sold."""
    memory_gib: float | None
    """Per visible GPU (of the slice, where a slice is sold)."""
    in_stock: bool
    machine_id: str | None = None
    host_id: str | None = None
    available_units: int | None = None
    region: str | None = None
    country: str | None = None
    """ISO 3166 alpha-2."""
    verification: str | None = None
    """The source's word: verified, unverified, deverified, secure, community."""
    reliability: float | None = None
    hosting: Literal["consumer", "datacenter"] | None = None
    min_bid_usd_per_hour: float | None = None
    storage_usd_per_gb_month: float | None = None
    """0 where storage is included in the price; None where the source does not say."""
    included_disk_gb: float | None = None
    max_disk_gb: float | None = None
    egress_usd_per_gb: float | None = None
    ingress_usd_per_gb: float | None = None
    reserved_discount: float | None = None
    """Largest prepaid discount, 0..1."""
    min_purchase_gpus: int | None = None
    max_duration_hours: float | None = None
    nvlink_gb_per_s: float | None = None
    """0 = the machine has none."""
    pcie_gb_per_s: float | None = None
    gpu_bandwidth_gb_per_s: float | None = None
    gpu_power_w: float | None = None
    vcpus: float | None = None
    ram_gib: float | None = None
    download_mbit_per_s: float | None = None


class GpuOffers(Sequence[GpuOffer]):
    """Offers as columns: a sequence of records like any other, made only when someone looks at one.

    A book of thousands is read this way several times faster. `columns` holds a list per field of GpuOffer, in its
    order, all of one length.
    """

    __slots__ = ("columns",)

    def __init__(self, **columns: Sequence[Any]) -> None:
        """Fields that are not named are None throughout."""
        unsaid = [None] * len(columns["offer_id"])
        self.columns = {name: columns.get(name, unsaid) for name in GpuOffer.__struct_fields__}

    @classmethod
    def of(cls, offers: Sequence[GpuOffer]) -> GpuOffers:
        """Records as columns; what is columns already, as it is."""
        if isinstance(offers, cls):
            return offers
        columns = zip(*map(msgspec.structs.astuple, offers), strict=True) if offers else repeat(())
        return cls(**dict(zip(GpuOffer.__struct_fields__, columns, strict=False)))

    @classmethod
    def together(cls, parts: Iterable[GpuOffers]) -> GpuOffers:
        """All offers of all parts, in their order."""
        columns: dict[str, list[Any]] = {name: [] for name in GpuOffer.__struct_fields__}
        for part in parts:
            for name, values in columns.items():
                values += part.columns[name]
        return cls(**columns)

    def without(self, positions: Sequence[int]) -> GpuOffers:
        """All offers but those at `positions`, which ascend."""
        between = zip([0, *(position + 1 for position in positions)], [*positions, len(self)], strict=True)
        return GpuOffers.together(self[first:last] for first, last in between) if positions else self

    def __len__(self) -> int:
        return len(self.columns["offer_id"])

    @overload
    def __getitem__(self, index: int) -> GpuOffer: ...
    @overload
    def __getitem__(self, index: slice) -> GpuOffers: ...
    def __getitem__(self, index: int | slice) -> GpuOffer | GpuOffers:
        picked: dict[str, Any] = {name: values[index] for name, values in self.columns.items()}
        return GpuOffers(**picked) if isinstance(index, slice) else GpuOffer(**picked)

    def __iter__(self) -> Iterator[GpuOffer]:
        return map(self.__getitem__, range(len(self)))


class ApiPrice(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One price of one component, in USD per 1M tokens (per request for `request`), Decimal from string to table."""

    source: str
    provider: str
    """Who sells: openai, anthropic, or the host's name as the source spells it."""
    channel: Channel
    model_name: str
    component: Component
    usd_per_mtok: Decimal | None
    """None where the source names the model and publishes no price (see `listing`)."""
    tier: Tier = "standard"
    context_min_tokens: int = 0
    context_max_tokens: int | None = None
    """Prompt-token interval [min, max) in which the price holds; None is open."""
    time_band: TimeBand = "all"
    band_rule: str | None = None
    """When a peak band holds: "Mon-Fri 01:00-04:00,06:00-10:00 UTC"."""
    quant_name: str | None = None
    list_usd_per_mtok: Decimal | None = None
    """The struck-through price beside a promotion."""
    promo_until: date | None = None
    hugging_face_id: str | None = None
    endpoint: str | None = None
    """The host's own tag for this endpoint, where one host sells a model several times."""
    context_length_tokens: int | None = None
    max_output_tokens: int | None = None
    uptime_1d: float | None = None
    """0..1."""
    endpoint_status: int | None = None
    """OpenRouter: 0 is fine, negative is degraded."""
    discount: float | None = None
    listing: Listing = "listed"
    raw_text: str = ""
    """The cell or field the price was read from."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something a person should know about one capture, beside the records read from it.

    kind: `extra_field` (unknown field, tolerated), `truncated` (the source holds more than it gave), `quarantined` (a
    row set apart, not read), `quarantined_table` (a whole table whose layout is unknown), `unpriced` (listed without a
    usable price).
    """

    kind: Literal["extra_field", "truncated", "quarantined", "quarantined_table", "unpriced"]
    where: str
    what: str


@dataclass(frozen=True, slots=True)
class Reading:
    """All that was read from one capture."""

    offers: Sequence[GpuOffer] = ()
    prices: Sequence[ApiPrice] = ()
    findings: Sequence[Finding] = ()
    onward: Sequence[Request] | None = None
    """What `Source.follow` says of the capture, where `parse` comes to know it anyway."""


def keep(body: bytes) -> bytes:
    """The default `Source.scrub`: nothing in the body is personal."""
    return body


def follow_nothing(capture: Capture) -> Sequence[Request]:
    """The default `Source.follow`: one answer is the whole answer."""
    return ()


def settle_nothing(captures: Sequence[Capture], reading: Reading) -> Reading:
    """The default `Source.settle`: the captures of a run say nothing together that they do not say one by one."""
    return reading


@dataclass(frozen=True, slots=True)
class Source:
    """One place that is asked. Everything the fetcher and the pipeline need to know about it, and nothing else."""

    name: str
    kind: Literal["gpu", "api"]
    origin: str
    """scheme://host of the real site; the settings may override it."""
    first: Sequence[Request]
    parse: Callable[[Capture], Reading]
    follow: Callable[[Capture], Sequence[Request]] = follow_nothing
    settle: Callable[[Sequence[Capture], Reading], Reading] = settle_nothing
    """What only all captures of one run tell together (stock on one page, plans on another). Called once per run with
    the captures and the records `parse` read from all of them (`findings` empty); answers the records to keep, and
    findings about the run as a whole. It leaves out what `parse` refused and raises nothing of its own."""
    scrub: Callable[[bytes], bytes] = keep
    """Removes what must never be stored (host addresses) from a body before anything else sees it."""
    requests_per_minute: float = 30.0
    max_requests: int = 50
    """More than this in one run means the source or our paging has gone wrong; the run is marked truncated."""
    max_body_bytes: int = 16_000_000
    robots: bool = False
    """True for pages meant for people: robots.txt is asked first."""
    content_types: Sequence[str] = ("application/json",)
    anchors: Sequence[bytes] = ()
    """Byte strings one of which every good answer holds; without them the answer is not the page."""
    key: str | None = None
    """Name of the environment variable with an API key, where the source takes one."""
    key_required: bool = False
    """Without its key such a source is simply absent."""
    key_header: str = "Authorization"
    key_format: str = "Bearer {key}"
    cross_check: bool = False
    """A second reading or registry: flags disagreement, never enters a board."""
    canaries: Sequence[str] = ()
    """Source spellings that must be among the records, or the layout has moved."""
    min_records: int = 1
