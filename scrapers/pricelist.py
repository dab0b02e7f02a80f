"""The prices and findings of one capture, gathered under the rules that hold for every price source."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import TypeAlias

import msgspec

from scrapers.contract import ApiPrice, Finding, Reading

Key: TypeAlias = tuple[object, ...]

PLACES = Decimal("1e-9")
"""Prices are kept to a billionth of a dollar per 1M tokens, as the tables hold them."""
CEILING_USD_PER_MTOK = Decimal(1_000_000)
"""No unit that was read rightly gives more: a dollar per token."""


def key(price: ApiPrice) -> Key:
    """What one price is the price of: two amounts under one key contradict one another."""
    return (
        price.provider,
        price.model_name,
        price.component,
        price.tier,
        price.context_min_tokens,
        price.time_band,
        price.quant_name,
        price.endpoint,
    )


def per_token(usd: Decimal) -> Decimal:
    """USD per token as USD per 1M tokens; infinite, which no list takes, where that is beyond all reason."""
    return usd * 1_000_000 if usd.is_finite() and abs(usd) <= CEILING_USD_PER_MTOK else Decimal("Infinity")


def agreed(reading: Reading) -> Reading:
    """One price of two readings of one publisher, where they agree or only one has it; none where they contradict.

    The second reading is marked by its `endpoint`; the mark is gone from the answer.
    """
    first = {key(price): price for price in reading.prices if price.endpoint is None}
    unmarked = [msgspec.structs.replace(price, endpoint=None) for price in reading.prices if price.endpoint is not None]
    second = {key(price): price for price in unmarked}
    at_odds = {k for k in first.keys() & second.keys() if first[k].usd_per_mtok != second[k].usd_per_mtok}
    findings = [
        Finding(
            "quarantined",
            f"{first[k].model_name} {first[k].component} {first[k].tier}",
            f"{first[k].usd_per_mtok} in one reading, {second[k].usd_per_mtok} in the other",
        )
        for k in sorted(at_odds, key=str)
    ]
    return Reading(prices=[price for k, price in {**second, **first}.items() if k not in at_odds], findings=findings)


class PriceList:
    """Collects prices; sets apart what must not be published and says why.

    Zero and negative amounts are listings without a price. Two amounts for one key leave neither. What is set apart
    is a finding: nothing disappears.
    """

    def __init__(self) -> None:
        self._prices: dict[Key, ApiPrice] = {}
        self._contradicted: set[Key] = set()
        self._findings: dict[Finding, None] = {}

    def add(self, price: ApiPrice) -> None:
        """Take one price, in USD per 1M tokens."""
        name, amount = f"{price.model_name} {price.component}", price.usd_per_mtok
        if amount is not None:
            if not amount.is_finite() or abs(amount) > CEILING_USD_PER_MTOK:
                self.quarantine(name, f"{price.raw_text or amount} is no price")
                return
            amount = amount.quantize(PLACES, ROUND_HALF_EVEN)
            if amount <= 0:
                self.unpriced(name, f"{price.tier}: {price.raw_text or price.usd_per_mtok}")
                amount = None
            price = msgspec.structs.replace(price, usd_per_mtok=amount)
        identity = key(price)
        before = self._prices.get(identity)
        if identity in self._contradicted or (before is not None and before.usd_per_mtok != amount):
            self._prices.pop(identity, None)
            self._contradicted.add(identity)
            other = before.usd_per_mtok if before else "another amount"
            self.quarantine(name, f"{price.tier}: listed at {other} and at {amount} USD per 1M tokens")
        elif before is None:
            self._prices[identity] = price

    def quarantine(self, where: str, what: str) -> None:
        """Something on the page was not read, and why."""
        self._findings[Finding("quarantined", where, what[:300])] = None

    def quarantine_table(self, where: str, what: str) -> None:
        """A whole table was not read: its layout is not one we know."""
        self._findings[Finding("quarantined_table", where, what[:300])] = None

    def unpriced(self, where: str, what: str) -> None:
        """The page lists something and gives no usable price."""
        self._findings[Finding("unpriced", where, what[:300])] = None

    def find(self, finding: Finding) -> None:
        """A finding of another kind, kept once."""
        self._findings[finding] = None

    @property
    def empty(self) -> bool:
        return not self._prices

    def reading(self) -> Reading:
        return Reading(prices=tuple(self._prices.values()), findings=tuple(self._findings))
