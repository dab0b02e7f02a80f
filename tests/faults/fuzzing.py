"""Reads damaged answers of one source and judges what came of it against what the whole answers say.

Three things must hold for every damage: nothing but UnexpectedPage leaves a parser, what it reads fits the contract,
and no price is believed that the answer does not hold. A changed price is *explained* where a number that stands
behind it was changed itself: nobody can tell a page with another price from a page that is wrong.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, InvalidOperation
from functools import cached_property
from math import isfinite

import msgspec
import polars as pl

from scrapers.contract import ApiPrice, Capture, GpuOffer, Reading, Source
from scrapers.frames import offers_frame, prices_frame
from scrapers.pricelist import CEILING_USD_PER_MTOK, key
from scrapers.reading import RunReading, read
from tests.faults.mutations import OF_PLACES
from tests.transforms.quality.desk import NO_DECISIONS, asked
from transforms import normalise, quality
from warehouse.reference import tables

Number = tuple[int, ...]
"""The digits of a number without sign, point and outer zeros: what stays of it in any unit that is a power of ten."""

TOKEN = re.compile(rb"\d+(?:[.,]\d+)*(?:[eE][+-]?\d+)?")


MEANING = slice(2, 6)
"""The part of `pricelist.key` that is no name: component, tier, context and hours."""


class Broken(AssertionError):
    """What must never happen, happened: `kind` crash, contract or wrong_price, and where."""

    def __init__(self, kind: str, what: str) -> None:
        super().__init__(f"{kind}: {what}")
        self.kind = kind


@dataclass
class Target:
    """One source's good answers, and what is read in them when nothing is wrong."""

    source: Source
    captures: Sequence[Capture]
    outcomes: Counter[str] = field(default_factory=Counter)

    @cached_property
    def whole(self) -> RunReading:
        return read(self.source, self.captures)

    def judge(self, at: int, body: bytes, kinds: Collection[str] = ()) -> str:
        """What became of capture number `at` with this body, in words. Raises Broken."""
        outcome = self._judged(at, body, not OF_PLACES.isdisjoint(kinds))
        self.outcomes[outcome] += 1
        return outcome

    def _judged(self, at: int, body: bytes, moved: bool) -> str:
        capture = self.captures[at]
        if body == capture.body:
            return "not damaged"
        if self.source.anchors and not any(anchor in body for anchor in self.source.anchors):
            return "refused: no anchor"
        body = self.source.scrub(body)
        damaged = replace(capture, body=body, sha256=hashlib.sha256(body).hexdigest())
        run = read(self.source, [*self.captures[:at], damaged, *self.captures[at + 1 :]])
        _no_crash(run)
        if not self._as_ever(run.settled):
            fits_the_contract(self.source, run.settled)
        if changed := self._changed(run.settled):
            numbers = Numbers(capture.body, body)
            misread = [change for change in changed if not numbers.explain(change) and not self._renames(change)]
            foreign = [change for change in misread if moved and numbers.stood(change.now[0])]
            if believed := self.believed(run.settled, [change for change in misread if change not in foreign]):
                raise Broken("wrong_price", "; ".join(str(change) for change in believed[:3]))
            if foreign:
                stands = "and believed" if self.believed(run.settled, foreign) else "and held back"
                return f"moved text: a price under another name or key, {stands}"
            return "misread, and held back" if misread else "digits or names changed"
        if run.refused:
            return "refused: layout"
        if len(run.settled.findings) + _found(run) > len(self.whole.settled.findings) + _found(self.whole):
            return "set apart with a finding"
        lost = _amounts(self.whole.settled).keys() - _amounts(run.settled).keys()
        return "missing" if lost else "no price touched"

    def _as_ever(self, reading: Reading) -> bool:
        whole = self.whole.settled
        return [*reading.offers, *reading.prices] == [*whole.offers, *whole.prices]

    def _changed(self, reading: Reading) -> list[Change]:
        before = _amounts(self.whole.settled)
        return [
            Change(identity, before.get(identity), amount)
            for identity, amount in _amounts(reading).items()
            if amount != before.get(identity)
        ]

    def _renames(self, change: Change) -> bool:
        """Whether a known price stands under names that were damaged: the same amount for the same thing otherwise."""
        return change.before is None and self._content(change.identity, change.now) in self._contents

    def _content(self, identity: tuple[object, ...], amount: tuple[object, ...]) -> tuple[object, ...]:
        """GPU: what an offer costs and holds. API: what a price is the price of, without its names."""
        return amount if self.source.kind == "gpu" else (*identity[MEANING], *amount)

    @cached_property
    def _contents(self) -> set[tuple[object, ...]]:
        return {self._content(identity, amount) for identity, amount in _amounts(self.whole.settled).items()}

    def believed(self, reading: Reading, changes: Sequence[Change]) -> list[Change]:
        """Those of the changes that pass the guards, known by name, in a run six hours after the whole answers."""
        if not changes:
            return []
        good: set[tuple[object, ...]]
        if self.source.kind == "gpu":
            good = {(row["price_kind"], row["offer_id"]) for row in self._good_offers(reading).iter_rows(named=True)}
        else:
            good = {_row_identity(row) for row in self._good_prices(reading).iter_rows(named=True)}
        return [change for change in changes if change.identity in good]

    def _good_offers(self, reading: Reading) -> pl.DataFrame:
        named = [self._offers(part) for part in (self.whole.settled, reading)]
        checked = quality.check_offers(
            named[1],
            tables()["gpus"],
            self.captures[-1].fetched_at + timedelta(hours=6),
            usual_prices=quality.usual_prices(named[0].with_columns(status=pl.lit("ok"))),
            usual_counts=named[0].group_by("source", "price_kind").agg(offers=pl.len().cast(pl.Int64)),
        )
        return checked.offers.filter(pl.col("status") == "ok", pl.col("gpu").is_not_null())

    def _offers(self, reading: Reading) -> pl.DataFrame:
        stamped = _stamped(offers_frame([reading]), self.captures[-1])
        return normalise.gpu_offers(stamped, tables()["gpus"], tables()["gpu_names"])[0]

    @cached_property
    def _first_run(self) -> pl.DataFrame:
        return self._checked(self._prices(self.whole.settled), None, 0).prices

    def _good_prices(self, reading: Reading) -> pl.DataFrame:
        second = self._checked(self._prices(reading), self._first_run, 6)
        return second.prices.filter(
            pl.col("status") == "ok",
            pl.col("model").is_not_null(),
            ~pl.col("reasons").list.contains("carried_forward"),
        )

    def _prices(self, reading: Reading) -> pl.DataFrame:
        stamped = _stamped(prices_frame([reading]), self.captures[-1])
        return normalise.api_prices(stamped, tables()["model_names"], tables()["quant_names"])[0]

    def _checked(self, prices: pl.DataFrame, before: pl.DataFrame | None, hours: float) -> quality.Checked:
        blank = prices.clear().with_columns(
            price_key=pl.lit(""), status=pl.lit(""), reasons=pl.lit([], pl.List(pl.String))
        )
        previous = blank if before is None else before
        return quality.check_prices(
            prices.with_columns(pl.col("observed_at") + timedelta(hours=hours)),
            asked(**{self.source.name: "ok"}),
            self.captures[-1].fetched_at + timedelta(hours=hours),
            last_good=previous.filter(pl.col("status") == "ok"),
            previous=previous,
            decisions=NO_DECISIONS,
            trailing_counts=pl.DataFrame(schema={"source": pl.String, "records": pl.Int64}),
            exceptions=tables()["price_exceptions"],
            provider_names=tables()["provider_names"],
        )


@dataclass(frozen=True)
class Change:
    """A price that is not what the whole answers say: of what, before (None: there was no such price), and now."""

    identity: tuple[object, ...]
    before: tuple[object, ...] | None
    now: tuple[object, ...]

    def __str__(self) -> str:
        return f"{self.identity}: {self.before} -> {self.now}"


class Numbers:
    """The numbers that stand in one body and not in another."""

    def __init__(self, whole: bytes, damaged: bytes) -> None:
        before, after = (Counter(TOKEN.findall(body)) for body in (whole, damaged))
        self._new = {digits for token in after - before if (digits := _digits(token)) is not None}
        self._whole = {digits for token in before if (digits := _digits(token)) is not None}

    def explain(self, change: Change) -> bool:
        """Whether new numbers stand behind all that changed: amounts, sizes and the bounds a price holds between."""
        before = change.before or (None,) * len(change.now)
        changed = [now for now, then in zip(change.now, before, strict=True) if now != then]
        if change.before is None:
            bounds = [bound for bound in change.identity if isinstance(bound, int) and bound]
            return any(self._are_new(number) for number in (*changed, *bounds))
        return all(self._are_new(number) for number in changed)

    def stood(self, value: object) -> bool:
        """Whether the whole answer holds this number, wherever."""
        return isinstance(value, Decimal | float | int) and _digits(str(value).encode()) in self._whole

    def _are_new(self, value: object) -> bool:
        return isinstance(value, Decimal | float | int) and _digits(str(value).encode()) in self._new


def _digits(token: bytes) -> Number | None:
    try:
        number = Decimal(token.decode().replace(",", ""))
    except InvalidOperation:
        return None
    if not number.is_finite() or not number:
        return ()
    rounded = Context(prec=9, Emax=MAX_EMAX, Emin=MIN_EMIN).plus(number)
    digits = "".join(map(str, rounded.as_tuple().digits)).strip("0")
    return tuple(map(int, digits))


def fits_the_contract(source: Source, reading: Reading) -> None:
    """Raises Broken where a record is not what scrapers/contract.py promises, or does not fit its table."""
    records: Sequence[GpuOffer | ApiPrice] = [*reading.offers, *reading.prices]
    for record in records:
        for fault in _faults(source, record):
            raise Broken("contract", f"{fault} in {record}"[:400])
    try:
        _ = offers_frame([reading]) if reading.offers else None
        _ = prices_frame([reading]) if reading.prices else None
    except Exception as error:
        raise Broken("contract", f"does not fit its table: {error!r}") from error


def _faults(source: Source, record: GpuOffer | ApiPrice) -> Iterator[str]:
    try:
        msgspec.convert(msgspec.structs.asdict(record), type(record))
    except msgspec.ValidationError as error:
        yield str(error)
    for name, value in msgspec.structs.asdict(record).items():
        if isinstance(value, float) and not isfinite(value):
            yield f"{name} is {value}"
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            yield f"{name} is {value}"
    if record.source != source.name:
        yield f"source is {record.source}"
    if isinstance(record, GpuOffer):
        if record.gpu_count <= 0 or (record.usd_per_hour is not None and record.usd_per_hour <= 0):
            yield "nothing for a price, or a price for nothing"
    elif record.usd_per_mtok is not None and not 0 < record.usd_per_mtok <= CEILING_USD_PER_MTOK:
        yield "price out of all bounds"


def _no_crash(run: RunReading) -> None:
    for _, error in run.refused:
        if error.where == "parser":
            raise Broken("crash", error.what)


def _found(run: RunReading) -> int:
    return sum(len(reading.findings) for _, reading in run.readings)


def _amounts(reading: Reading) -> dict[tuple[object, ...], tuple[object, ...]]:
    """What each price is the price of -> the price, and what it buys. Registries are on no board."""
    offers: dict[tuple[object, ...], tuple[object, ...]] = {
        (offer.price_kind, offer.offer_id): (offer.usd_per_hour, offer.gpu_count, offer.memory_gib, offer.gpu_name)
        for offer in reading.offers
        if offer.usd_per_hour is not None
    }
    prices: dict[tuple[object, ...], tuple[object, ...]] = {
        key(price): (price.usd_per_mtok,)
        for price in reading.prices
        if price.usd_per_mtok is not None and price.channel != "registry"
    }
    return {**offers, **prices}


def _row_identity(row: dict[str, object]) -> tuple[object, ...]:
    names = ("provider", "model_name", "component", "tier", "context_min_tokens", "time_band", "quant_name", "endpoint")
    return tuple(row[name] for name in names)


def _stamped(frame: pl.DataFrame, capture: Capture) -> pl.DataFrame:
    return frame.with_columns(
        run_id=pl.lit("run"),
        observed_at=pl.lit(capture.fetched_at).cast(pl.Datetime("us", "UTC")),
        provenance=pl.lit("live"),
    )
