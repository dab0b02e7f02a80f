"""The guard over time, replayed on 110 days of real price changes at 40 hosts: what it rejects, holds and lets pass.

    python -m bench.guard_replay ../shared/captures/api/openrouter/endpoint-price-changes.2026-05_08.csv

The file logs every change of an endpoint's price (commit_utc, event new|change|gone, model_id, provider, tag,
quantization, prices in USD per 1M tokens). It holds one real unit error, of 2026-07-15 at one host, repaired on 07-21.
First every logged change is judged by itself against the price before it; then the whole period is run through every
six hours, as a schedule would have seen it, with the guards' own memory and no second source.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from transforms import quality

ENDPOINT = ["model_id", "provider", "tag", "quantization"]
COMPONENTS = {
    "prompt_usd_per_mtok": "input",
    "completion_usd_per_mtok": "output",
    "cache_read_usd_per_mtok": "cache_read",
}
USD = pl.Decimal(18, 9)
RUN = timedelta(hours=6)
LASTED = timedelta(hours=24)
"""A price that stood this long was meant."""
UNIT_ERROR_BELOW = 0.001

PRICES = pl.Schema(
    {
        **dict.fromkeys(["source", "provider", "channel", "model_name", "component", "tier", "time_band"], pl.String()),
        **dict.fromkeys(["quant_name", "endpoint", "listing", "raw_text", "model", "quant"], pl.String()),
        "context_min_tokens": pl.Int64(),
        "usd_per_mtok": USD,
        "list_usd_per_mtok": USD,
        "promo_until": pl.Date(),
        "observed_at": pl.Datetime("us", "UTC"),
    }
)
CHECKED = pl.Schema({**PRICES, "price_key": pl.String(), "status": pl.String(), "reasons": pl.List(pl.String)})
DECISIONS = pl.Schema(
    {
        "decided_at": pl.Datetime("us", "UTC"),
        "subject": pl.String(),
        "value_usd_per_mtok": USD,
        "verdict": pl.String(),
    }
)
COUNTS = pl.Schema({"source": pl.String(), "records": pl.Int64()})
EXCEPTIONS = pl.Schema({"source": pl.String(), "model_name": pl.String(), "rule": pl.String()})
PROVIDERS = pl.Schema({"provider_name": pl.String(), "provider": pl.String()})


def events(log: Path) -> pl.DataFrame:
    """One row per endpoint, event and component, as logged: ENDPOINT, event, at, component, usd, old (before it)."""
    rows = pl.read_csv(log, infer_schema_length=None).with_row_index("number")
    at = pl.col("commit_utc").str.to_datetime("%Y-%m-%dT%H:%M:%S%z", time_zone="UTC")
    long = rows.with_columns(at=at).unpivot(
        list(COMPONENTS), index=["number", "at", "event", *ENDPOINT], variable_name="component", value_name="usd"
    )
    named = long.with_columns(pl.col("component").replace_strict(COMPONENTS)).sort("number", maintain_order=True)
    return named.with_columns(old=pl.col("usd").shift().over(*ENDPOINT, "component"))


def logged_changes(log: Path) -> pl.DataFrame:
    """The events that moved a price: both sides priced (above zero), and different."""
    moved = (pl.col("usd") > 0) & (pl.col("old") > 0) & (pl.col("usd") != pl.col("old"))
    return events(log).filter((pl.col("event") == "change") & moved)


def as_prices(rows: pl.DataFrame, usd: str, at: pl.Expr) -> pl.DataFrame:
    """Rows with ENDPOINT and component as prices of OpenRouter; the column `usd` is the price, `at` the time read."""
    given = rows.select(
        "component",
        provider="provider",
        model_name="model_id",
        endpoint="tag",
        quant_name="quantization",
        usd_per_mtok=pl.col(usd).round(9).cast(USD),
        observed_at=at,
        source=pl.lit("openrouter"),
        channel=pl.lit("host"),
        tier=pl.lit("standard"),
        time_band=pl.lit("all"),
        listing=pl.lit("listed"),
        raw_text=pl.lit(""),
        context_min_tokens=pl.lit(0, pl.Int64),
    )
    missing = [pl.lit(None, dtype).alias(name) for name, dtype in PRICES.items() if name not in given.columns]
    return given.with_columns(missing).select(PRICES.names())


def judge_each_change(log: Path) -> pl.DataFrame:
    """Every logged change as if it were the only one: its old price was believed, its new one is read.

    Answer: ENDPOINT, component, at, old, usd, factor (how many times, either way; 1 or more), status, reasons.
    """
    rows = logged_changes(log).with_row_index("case")
    apart = rows.with_columns(tag=pl.concat_str("tag", pl.lit("#"), "case"))
    before = as_prices(apart, "old", pl.col("at") - RUN)
    believed = before.with_columns(
        price_key=quality.price_key(), status=pl.lit("ok"), reasons=pl.lit([], pl.List(pl.String))
    )
    latest = apart["at"].max()
    assert isinstance(latest, datetime)
    # One source per case: the share of changed rows is not what is judged here.
    source = pl.concat_str(pl.lit("case "), pl.col("endpoint").str.extract(r"#(\d+)$"))
    prices = as_prices(apart, "usd", pl.col("at")).with_columns(source=source)
    believed = believed.with_columns(source=source).with_columns(price_key=quality.price_key())
    checked = _check(prices, latest, believed, believed.clear(), COUNTS.to_frame()).prices
    read = checked.filter(~pl.col("reasons").list.contains("carried_forward"))
    judged = apart.select("case", "component", "at", "old", "usd", *ENDPOINT).with_columns(
        read.select("status", "reasons"),
        factor=pl.max_horizontal(pl.col("usd") / pl.col("old"), pl.col("old") / pl.col("usd")),
    )
    return judged.drop("case")


def states(
    log: Path, since: datetime | None = None, until: datetime | None = None
) -> Iterator[tuple[datetime, pl.DataFrame]]:
    """What every endpoint cost, every six hours: (time, prices)."""
    rows = events(log).sort("number", maintain_order=True)
    first, last = rows["at"].min(), rows["at"].max()
    assert isinstance(first, datetime) and isinstance(last, datetime)
    now, end = since or first, until or last
    while now <= end:
        known = rows.filter(pl.col("at") <= now).unique([*ENDPOINT, "component"], keep="last", maintain_order=True)
        listed = known.filter((pl.col("event") != "gone") & pl.col("usd").is_not_null())
        yield now, as_prices(listed, "usd", pl.lit(now))
        now += RUN


def replay(
    log: Path, since: datetime | None = None, until: datetime | None = None
) -> Iterator[tuple[datetime, quality.Checked]]:
    """Run after run, each remembering the last."""
    good = previous = CHECKED.to_frame()
    counts = COUNTS.to_frame()
    for now, prices in states(log, since, until):
        checked = _check(prices, now, good, previous, counts.tail(28))
        yield now, checked
        believed = checked.prices.filter(pl.col("status") == "ok").select(CHECKED.names())
        good = pl.concat([good, believed]).sort("observed_at").unique("price_key", keep="last", maintain_order=True)
        previous = checked.prices.select(CHECKED.names())
        counts = pl.concat([counts, checked.sources.select("source", "records")])


def _check(
    prices: pl.DataFrame, as_of: datetime, last_good: pl.DataFrame, previous: pl.DataFrame, counts: pl.DataFrame
) -> quality.Checked:
    asked = (
        prices.select("source")
        .unique()
        .with_columns(
            outcome=pl.lit("ok"),
            canaries=pl.lit([], pl.List(pl.String)),
            min_records=pl.lit(1, pl.Int64),
            suspect=pl.lit(None, pl.String),
        )
    )
    return quality.check_prices(
        prices,
        asked,
        as_of,
        last_good=last_good,
        previous=previous,
        decisions=DECISIONS.to_frame(),
        trailing_counts=counts,
        exceptions=EXCEPTIONS.to_frame(),
        provider_names=PROVIDERS.to_frame(),
    )


def stood(log: Path) -> pl.DataFrame:
    """How long each price was the price: price_key, usd_per_mtok, lasted (the longest spell; null = to the end)."""
    rows = events(log).with_columns(pl.when(pl.col("event") == "gone").then(None).otherwise("usd").alias("usd"))
    of = [*ENDPOINT, "component"]
    starts = rows.filter(pl.col("usd").ne_missing(pl.col("usd").shift().over(of)))
    spells = starts.with_columns(lasted=pl.col("at").shift(-1).over(of) - pl.col("at")).filter(
        pl.col("usd").is_not_null()
    )
    prices = as_prices(spells, "usd", pl.col("at")).select(quality.price_key().alias("price_key"), "usd_per_mtok")
    longest = pl.when(pl.col("lasted").is_null().any()).then(None).otherwise(pl.col("lasted").max())
    return prices.with_columns(spells["lasted"]).group_by("price_key", "usd_per_mtok").agg(lasted=longest)


def held_back(log: Path, changes: pl.DataFrame) -> pl.DataFrame:
    """Every price that the replay's `changes` held or rejected, once, with what it was.

    was: unit_error (below UNIT_ERROR_BELOW), passing (replaced within a day), or true (it stood: a false hold).
    """
    held = changes.filter(pl.col("verdict").is_in(["held", "rejected"]))
    once = held.unique(["price_key", "new_usd_per_mtok"], keep="last", maintain_order=True)
    named = once.select("price_key", "component", "verdict", "factor", usd_per_mtok="new_usd_per_mtok")
    known = named.join(stood(log), on=["price_key", "usd_per_mtok"], how="left", validate="1:1", maintain_order="left")
    was = (
        pl.when(pl.col("usd_per_mtok").cast(pl.Float64) < UNIT_ERROR_BELOW)
        .then(pl.lit("unit_error"))
        .when(pl.col("lasted") < LASTED)
        .then(pl.lit("passing"))
        .otherwise(pl.lit("true"))
    )
    return known.with_columns(was=was)


def summary(log: Path) -> dict[str, int]:
    """The figures docs/guards.md states."""
    each = judge_each_change(log).with_columns(plain=pl.col("component") != "cache_read")
    large = pl.col("factor") >= 10
    medium = pl.col("factor").is_between(2, 10, closed="left")
    rejected, held = pl.col("status") == "quarantined", pl.col("status") == "held"

    def count(*which: pl.Expr) -> int:
        return each.filter(*which).height

    changes = pl.concat([checked.changes for _, checked in replay(log)])
    back = held_back(log, changes)
    by_what = {
        f"replay: {verdict}, {was}": back.filter(pl.col("verdict") == verdict, pl.col("was") == was).height
        for verdict in ("rejected", "held")
        for was in ("unit_error", "passing", "true")
    }
    return {
        "logged changes of a price": each.height,
        "of 10 times and more, input and output": count(large, pl.col("plain")),
        "  rejected": count(large, pl.col("plain"), rejected),
        "of 10 times and more, cache reads": count(large, ~pl.col("plain")),
        "  rejected ": count(large, ~pl.col("plain"), rejected),
        "of 2 to 10 times": count(medium),
        "  held": count(medium, held),
        "below 2 times": count(~large, ~medium),
        "  held or rejected": count(~large, ~medium, rejected | held),
        "replay: accepted": changes.filter(pl.col("verdict") == "accepted").height,
        **by_what,
    }


if __name__ == "__main__":
    for name, count in summary(Path(sys.argv[1])).items():
        print(f"{count:6}  {name}")
