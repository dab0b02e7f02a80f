"""A checking desk for tests: a few prices in, the guards' verdict out, and the next run remembering the one before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl

from scrapers.contract import ApiPrice, Reading
from scrapers.frames import USD_PER_MTOK, prices_frame
from transforms import quality

START = datetime(2026, 7, 1, 6, tzinfo=UTC)
RUN = timedelta(hours=6)
NO_EXCEPTIONS = pl.DataFrame(schema={"source": pl.String, "model_name": pl.String, "rule": pl.String})
NO_ALIASES = pl.DataFrame(schema={"provider_name": pl.String, "provider": pl.String})
NO_DECISIONS = pl.DataFrame(
    schema={
        "decided_at": pl.Datetime("us", "UTC"),
        "subject": pl.String,
        "value_usd_per_mtok": USD_PER_MTOK,
        "verdict": pl.String,
        "reason": pl.String,
        "decided_by": pl.String,
    }
)


def price(usd: str | None, component: str = "input", model_name: str = "m1", **fields: Any) -> ApiPrice:
    """One price of openai's page unless told otherwise; `usd` in USD per 1M tokens."""
    given = {"source": "openai", "provider": "openai", "channel": "first_party", "raw_text": f"${usd}", **fields}
    return ApiPrice(
        model_name=model_name,
        component=component,  # type: ignore[arg-type]
        usd_per_mtok=None if usd is None else Decimal(usd),
        **given,
    )


def page(models: int, usd: str = "2", **fields: Any) -> list[ApiPrice]:
    """A page of that many models, m0, m1, …, each with one input price."""
    return [price(usd, model_name=f"m{number}", **fields) for number in range(models)]


def frame(prices: Sequence[ApiPrice], at: datetime) -> pl.DataFrame:
    """As normalised: model unknown where the name is not one of our ids, which here never matters."""
    return prices_frame([Reading(prices=prices)]).with_columns(
        model=pl.lit(None, pl.String), quant=pl.lit(None, pl.String), observed_at=pl.lit(at)
    )


def asked(**outcomes: str) -> pl.DataFrame:
    """One source per keyword, e.g. openai="ok"; no canaries, no least count."""
    names = list(outcomes)
    return pl.DataFrame(
        {
            "source": names,
            "outcome": list(outcomes.values()),
            "canaries": [[] for _ in names],
            "min_records": [0] * len(names),
            "suspect": [None] * len(names),
        },
        schema={
            "source": pl.String,
            "outcome": pl.String,
            "canaries": pl.List(pl.String),
            "min_records": pl.Int64,
            "suspect": pl.String,
        },
    )


@dataclass
class Desk:
    """Runs six hours apart; what one run believed is the next one's last good."""

    now: datetime = START - RUN
    decisions: pl.DataFrame = field(default_factory=lambda: NO_DECISIONS)
    exceptions: pl.DataFrame = field(default_factory=lambda: NO_EXCEPTIONS)
    counts: pl.DataFrame = field(
        default_factory=lambda: pl.DataFrame(schema={"source": pl.String, "records": pl.Int64})
    )
    last_good: pl.DataFrame | None = None
    previous: pl.DataFrame | None = None

    def run(self, prices: Sequence[ApiPrice], sources: pl.DataFrame | None = None) -> quality.Checked:
        """One run, six hours after the last."""
        self.now += RUN
        return self.check(frame(prices, self.now), sources)

    def check(self, prices: pl.DataFrame, sources: pl.DataFrame | None = None) -> quality.Checked:
        """The guards on a frame read at `self.now`; sources default to those that brought something, all ok."""
        blank = prices.clear().with_columns(
            price_key=pl.lit(""), status=pl.lit(""), reasons=pl.lit([], pl.List(pl.String))
        )
        good = blank if self.last_good is None else self.last_good
        checked = quality.check_prices(
            prices,
            asked(**dict.fromkeys(prices["source"].unique().sort().to_list(), "ok")) if sources is None else sources,
            self.now,
            last_good=good,
            previous=blank if self.previous is None else self.previous,
            decisions=self.decisions,
            trailing_counts=self.counts,
            exceptions=self.exceptions,
            provider_names=NO_ALIASES,
        )
        believed = checked.prices.filter(pl.col("status") == "ok")
        self.last_good = pl.concat([good, believed]).sort("observed_at").unique("price_key", keep="last")
        self.previous = checked.prices
        return checked


def usable(checked: quality.Checked) -> dict[str, str]:
    """What a board may use: "model component" -> price."""
    rows = checked.prices.filter(pl.col("status") == "ok").sort("price_key")
    return {
        f"{name} {component}": f"{usd.normalize():f}"
        for name, component, usd in rows.select("model_name", "component", "usd_per_mtok").iter_rows()
    }


def read(
    checked: quality.Checked, model_name: str = "m1", component: str = "input", **where: str
) -> tuple[str, list[str]]:
    """Status and reasons of the row read in this run."""
    rows = checked.prices.filter(
        pl.col("model_name") == model_name,
        pl.col("component") == component,
        ~pl.col("reasons").list.contains("carried_forward"),
        *(pl.col(name) == value for name, value in where.items()),
    )
    status, reasons = rows.select("status", "reasons").row(0)
    assert rows.height == 1
    return status, reasons


def carried(checked: quality.Checked, model_name: str = "m1") -> tuple[str, list[str]]:
    """Status and reasons of the row carried from an earlier run."""
    rows = checked.prices.filter(pl.col("model_name") == model_name, pl.col("reasons").list.contains("carried_forward"))
    assert rows.height == 1, rows
    status, reasons = rows.select("status", "reasons").row(0)
    return status, reasons
