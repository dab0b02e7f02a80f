"""Figures as a person reads them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import floor, log10

MONEY = "$,.4~r"
"""Dollars in a chart, as a d3 format: four significant figures."""
MONEY_LABEL = (
    "format(datum.value, datum.value >= 10 && datum.value % 1 == 0 ? '$,.0f' : "
    "abs(datum.value * 100 - round(datum.value * 100)) < 1e-6 ? '$,.2f' : '$,.4~r')"
)
"""Dollars at an axis, as a Vega expression: whole dollars, whole cents, or what is left of a cent."""
SUMS = [step * 10**power for power in range(-4, 4) for step in (1, 2, 5)]
"""Ticks of a logarithmic axis of dollars; those outside the data are not drawn."""


def usd(value: float | Decimal | None) -> str:
    """$123, $1.23, $0.123, $0.00123: cents above a dollar, three significant digits below; None is a dash."""
    if value is None:
        return "–"
    value = float(value)
    if value >= 1 or value <= 0:
        return f"${value:,.0f}" if value >= 100 else f"${value:.2f}"
    return f"${value:.{2 - floor(log10(value))}f}"


def band(low: float | None, high: float | None) -> str:
    """The band behind a price: "0.40–0.91"; nothing where there is none."""
    return "" if low is None or high is None or low == high else f"{usd(low)[1:]}–{usd(high)[1:]}"


def count(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"


def change(factor: float | None) -> str:
    """New over old as a change: 0.75 is "−25 %", 1.004 is "+0.4 %", 3 is "×3.0"; None is a dash."""
    if factor is None:
        return "–"
    if factor >= 2:
        return f"×{factor:.1f}"
    percent = 100 * (factor - 1)
    digits = f"{abs(percent):.1f}" if abs(percent) < 9.95 else f"{abs(percent):.0f}"
    if float(digits) == 0:
        return "0 %"
    return f"{'−' if percent < 0 else '+'}{digits} %"


def share(fraction: float | None) -> str:
    """0.083 is "8.3 %", 0.42 is "42 %"; None is a dash."""
    if fraction is None:
        return "–"
    percent = 100 * fraction
    return f"{percent:.1f} %" if percent < 9.95 else f"{percent:,.0f} %"


def moment(at: datetime | None) -> str:
    """2026-07-27 06:00 UTC; None is "never"."""
    return "never" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def short_moment(at: datetime | None) -> str:
    """27 Jul 06:00, in UTC; None is "never"."""
    return "never" if at is None else f"{at.astimezone(UTC):%d %b %H:%M}"


def span(length: timedelta) -> str:
    """A length of time in its largest fitting unit: "25 minutes", "6 hours", "7 days"."""
    hours = length.total_seconds() / 3600
    if hours < 1:
        return _units(hours * 60, "minute")
    return _units(hours, "hour") if hours < 48 else _units(hours / 24, "day")


def _units(value: float, unit: str) -> str:
    return plural(round(value), unit)


def plural(number: int, noun: str) -> str:
    """ "no run", "1 run", "8 runs" """
    if number == 0:
        return f"no {noun}"
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def sentence(text: str) -> str:
    """The same with a capital first letter."""
    return text[:1].upper() + text[1:]
