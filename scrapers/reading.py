"""From the captures of one source in one run to its records: live and on replay the same function."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TypeVar

import msgspec
import polars as pl

from scrapers.contract import ApiPrice, Capture, Finding, GpuOffer, Reading, Request, Source, UnexpectedPage
from scrapers.frames import OFFER_SCHEMA, PRICE_SCHEMA
from scrapers.tables import UnreadableCell

Record = TypeVar("Record", GpuOffer, ApiPrice)
LONG_NUMBER = b"0" * 19
"""So many digits in a row may be more than 64 bits."""
DIGITS = bytes.maketrans(b"123456789", b"0" * 9)
KEY = attrgetter("source", "price_kind", "offer_id")
"""What tells one offer from another within a run."""
COUNTS_AND_TEXTS = {
    kind: attrgetter(*(name for name, dtype in schema.items() if dtype in (pl.Int64, pl.String)))
    for kind, schema in ((GpuOffer, OFFER_SCHEMA), (ApiPrice, PRICE_SCHEMA))
}


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
        kept_offers, odd_offers = _storable(reading.offers)
        kept_offers, at_odds = _consistent(kept_offers)
        kept_prices, odd_prices = _storable(reading.prices)
        found = [*reading.findings, *odd_offers, *at_odds, *odd_prices]
        new = [finding for finding in found if finding not in known]
        known.update(new)
        readings.append((capture, Reading(kept_offers, kept_prices, new)))
    offers = [offer for _, reading in readings for offer in reading.offers]
    last_read = dict(zip(map(KEY, offers), offers, strict=True))
    together = Reading(list(last_read.values()), [price for _, reading in readings for price in reading.prices])
    readable = [capture for capture, _ in readings]
    if not captures:
        return RunReading((), (), Reading())
    try:
        settled = source.settle(readable, together)
        gaps = _gaps(source, readable, captures)
    except Exception as error:
        return RunReading(readings, [*refused, (captures[-1], _fault_of_ours(source, error))], Reading())
    return RunReading(readings, refused, Reading(settled.offers, settled.prices, [*settled.findings, *gaps]))


def _fault_of_ours(source: Source, error: Exception) -> UnexpectedPage:
    """A fault on bytes nobody foresaw: it must not stop the other sources, and is named as what it is."""
    return UnexpectedPage(source.name, "parser", f"{type(error).__name__}: {error}"[:200])


def _storable(records: Sequence[Record]) -> tuple[Sequence[Record], list[Finding]]:
    """The records that fit a table, and a finding for each that does not: whole numbers of 64 bits, whole characters.

    One by one only where all together show that there is something to find.
    """
    if not records:
        return records, []
    try:
        judged = list(map(COUNTS_AND_TEXTS[type(records[0])], records))
        if LONG_NUMBER not in msgspec.json.encode(judged).translate(DIGITS):
            return records, []
    except UnicodeEncodeError:
        pass
    faults = [_fault(record) for record in records]
    kept = [record for record, fault in zip(records, faults, strict=True) if fault is None]
    return kept, [
        Finding("quarantined", type(record).__name__, fault)
        for record, fault in zip(records, faults, strict=True)
        if fault
    ]


def _fault(record: GpuOffer | ApiPrice) -> str | None:
    for name, value in msgspec.structs.asdict(record).items():
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            return f"{name} is a number of more than 64 bits"
        if isinstance(value, str) and value != value.encode("utf-8", "replace").decode():
            return f"{name} holds half a character"
    return None


def _consistent(offers: Sequence[GpuOffer]) -> tuple[Sequence[GpuOffer], list[Finding]]:
    """The offers of one page without those it holds twice with another price or other hardware."""
    if len(set(map(KEY, offers))) == len(offers):
        return offers, []
    said: dict[tuple[str, str, str], set[tuple[object, ...]]] = {}
    for offer in offers:
        content = offer.usd_per_hour, offer.gpu_name, offer.gpu_count, offer.memory_gib
        said.setdefault(KEY(offer), set()).add(content)
    kept = [offer for offer in offers if len(said[KEY(offer)]) == 1]
    return kept, [
        Finding(
            "quarantined", f"offer {offer_id[:80]}", f"stands {len(contents)} times on one page, each time otherwise"
        )
        for (_, _, offer_id), contents in said.items()
        if len(contents) > 1
    ]


def _gaps(source: Source, readable: Sequence[Capture], fetched: Sequence[Capture]) -> list[Finding]:
    """A finding per request that an answer leads to and that was never answered: the run holds less than the source."""
    answered = {_identity(capture.request) for capture in fetched}
    gaps: list[Finding] = []
    for capture in readable:
        for request in source.follow(capture):
            if _identity(request) not in answered:
                gaps.append(Finding("truncated", request.path, f"not fetched: {request.label or request.path}"))
    return gaps


def _identity(request: Request) -> tuple[str, str, bytes]:
    return request.method, request.path, msgspec.json.encode(request.json, order="deterministic")
