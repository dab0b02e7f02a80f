"""From the captures of one source in one run to its records: live and on replay the same function."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import get_args, get_type_hints

import msgspec

from scrapers.contract import (
    ApiPrice,
    Capture,
    Finding,
    GpuOffer,
    GpuOffers,
    Reading,
    Request,
    Source,
    UnexpectedPage,
)
from scrapers.tables import UnreadableCell

LONG_NUMBER = b"0" * 19
"""So many digits in a row may be more than 64 bits."""
DIGITS = bytes.maketrans(b"123456789", b"0" * 9)
OFFER_COUNTS_AND_TEXTS, PRICE_COUNTS_AND_TEXTS = (
    [name for name, kind in get_type_hints(record).items() if {int, str} & {kind, *get_args(kind)}]
    for record in (GpuOffer, ApiPrice)
)
"""The fields in which a source may write what no table holds; the words of a Literal are ours."""


@dataclass(frozen=True, slots=True)
class RunReading:
    """What one source said in one run."""

    readings: Sequence[tuple[Capture, Reading]]
    """Per capture that could be read, in the order of fetching. A finding stands where it was met first."""
    refused: Sequence[tuple[Capture, UnexpectedPage]]
    """Captures whose layout is not the one we know."""
    settled: Reading
    """The records of the run, and the findings about the run as a whole."""

    @property
    def truncated(self) -> bool:
        """Whether the source holds more than we have."""
        findings = [finding for _, reading in self.readings for finding in reading.findings]
        return any(finding.kind == "truncated" for finding in [*findings, *self.settled.findings])


def read(source: Source, captures: Sequence[Capture]) -> RunReading:
    """Parse every capture by itself (one broken page loses one page), then settle what only all of them tell.

    Overlapping pages show an offer twice: of offers equal in source, price kind and id the last read stays. An offer
    that one page holds twice, at two prices, and a record that no table can hold are set apart with a finding.
    """
    readings: list[tuple[Capture, Reading]] = []
    refused: list[tuple[Capture, UnexpectedPage]] = []
    known: set[Finding] = set()
    for capture in captures:
        try:
            reading = source.parse(capture)
        except UnexpectedPage as error:
            refused.append((capture, error))
            continue
        except UnreadableCell as error:
            refused.append((capture, UnexpectedPage(source.name, "tables", f"{error}"[:200])))
            continue
        except Exception as error:
            refused.append((capture, _fault_of_ours(source, error)))
            continue
        offers, odd_offers = _kept_offers(reading.offers)
        prices, odd_prices = _kept_prices(reading.prices)
        found = [*reading.findings, *odd_offers, *odd_prices]
        new = [finding for finding in found if finding not in known]
        known.update(new)
        readings.append((capture, Reading(offers, prices, new, reading.onward)))
    together = Reading(
        _last_read(GpuOffers.together(GpuOffers.of(reading.offers) for _, reading in readings)),
        [price for _, reading in readings for price in reading.prices],
    )
    readable = [capture for capture, _ in readings]
    if not captures:
        return RunReading((), (), Reading())
    try:
        settled = source.settle(readable, together)
        gaps = _gaps(source, readings, captures)
    except Exception as error:
        return RunReading(readings, [*refused, (captures[-1], _fault_of_ours(source, error))], Reading())
    return RunReading(readings, refused, Reading(settled.offers, settled.prices, [*settled.findings, *gaps]))


def _fault_of_ours(source: Source, error: Exception) -> UnexpectedPage:
    """A fault on bytes nobody foresaw: it must not stop the other sources, and is named as what it is."""
    return UnexpectedPage(source.name, "parser", f"{type(error).__name__}: {error}"[:200])


def _kept_offers(offers: Sequence[GpuOffer]) -> tuple[GpuOffers, list[Finding]]:
    """The offers of one page that a table can hold and that it does not hold twice, each otherwise."""
    kept = GpuOffers.of(offers)
    odd = _unstorable(kept, [kept.columns[name] for name in OFFER_COUNTS_AND_TEXTS])
    kept, at_odds = _consistent(kept.without(list(odd)))
    return kept, [*odd.values(), *at_odds]


def _kept_prices(prices: Sequence[ApiPrice]) -> tuple[Sequence[ApiPrice], list[Finding]]:
    odd = _unstorable(prices, list(map(attrgetter(*PRICE_COUNTS_AND_TEXTS), prices)))
    return [price for number, price in enumerate(prices) if number not in odd], list(odd.values())


def _unstorable(records: Sequence[GpuOffer | ApiPrice], judged: Sequence[object]) -> dict[int, Finding]:
    """Position and finding of each record that fits no table: a number of more than 64 bits, half a character.

    `judged` are the values of their whole numbers and texts. One by one only where all together show that there is
    something to find.
    """
    try:
        if LONG_NUMBER not in msgspec.json.encode(judged).translate(DIGITS):
            return {}
    except UnicodeEncodeError:
        pass
    return {
        number: Finding("quarantined", type(record).__name__, fault)
        for number, record in enumerate(records)
        if (fault := _fault(record))
    }


def _fault(record: GpuOffer | ApiPrice) -> str | None:
    for name, value in msgspec.structs.asdict(record).items():
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            return f"{name} is a number of more than 64 bits"
        if isinstance(value, str) and value != value.encode("utf-8", "replace").decode():
            return f"{name} holds half a character"
    return None


def _keys(offers: GpuOffers) -> list[str]:
    """What tells one offer from another within a run. Texts, because so many tuples set off the garbage collector."""
    columns = (offers.columns[name] for name in ("source", "price_kind", "offer_id"))
    return [f"{source} {kind} {offer_id}" for source, kind, offer_id in zip(*columns, strict=True)]


def _last_read(offers: GpuOffers) -> GpuOffers:
    """Of offers with the same key the last."""
    keys = _keys(offers)
    last = {key: number for number, key in enumerate(keys)}
    return offers.without([number for number, key in enumerate(keys) if last[key] != number])


def _consistent(offers: GpuOffers) -> tuple[GpuOffers, list[Finding]]:
    """The offers of one page without those it holds twice with another price or other hardware."""
    if len(set(offers.columns["offer_id"])) == len(offers):
        return offers, []
    keys = _keys(offers)
    said: dict[str, set[tuple[object, ...]]] = {}
    for key, offer in zip(keys, offers, strict=True):
        said.setdefault(key, set()).add((offer.usd_per_hour, offer.gpu_name, offer.gpu_count, offer.memory_gib))
    at_odds = [number for number, key in enumerate(keys) if len(said[key]) > 1]
    ids = {keys[number]: offers.columns["offer_id"][number] for number in at_odds}
    return offers.without(at_odds), [
        Finding(
            "quarantined", f"offer {ids[key][:80]}", f"stands {len(said[key])} times on one page, each time otherwise"
        )
        for key in ids
    ]


def _gaps(source: Source, readings: Sequence[tuple[Capture, Reading]], fetched: Sequence[Capture]) -> list[Finding]:
    """A finding per request that an answer leads to and that was never answered: the run holds less than the source."""
    answered = {_identity(capture.request) for capture in fetched}
    return [
        Finding("truncated", request.path, f"not fetched: {request.label or request.path}")
        for capture, reading in readings
        for request in (source.follow(capture) if reading.onward is None else reading.onward)
        if _identity(request) not in answered
    ]


def _identity(request: Request) -> tuple[str, str, bytes]:
    return request.method, request.path, msgspec.json.encode(request.json, order="deterministic")
