"""What one run's API prices say about themselves: bounds, and how the prices of one model stand to one another.

Plain expressions rather than a dataframely schema: a broken rule here is a *reason* beside a row that stays in the
frame, some rules only flag, and most compare a row with its siblings; a schema splits rows into kept and dropped.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable
from functools import reduce
from typing import Final

import polars as pl

from transforms.quality import limits

KEY_FIELDS: Final = (
    "source",
    "provider",
    "model_name",
    "quant_name",
    "endpoint",
    "tier",
    "context_min_tokens",
    "time_band",
    "component",
)
FREE_TEXT: Final = ("source", "provider", "model_name", "quant_name", "endpoint")
FLAG_RULES: Final = ("output_far_above_input", "batch_not_half")
"""True of a few real prices: said, never acted on. Every other rule sets the row apart; where an order between two
prices is broken, both are, because nobody can tell which of them moved."""


def price_key() -> pl.Expr:
    """A price's identity across runs: `source|provider|model_name|quant_name|endpoint|tier|context|band|component`.

    Built from the source's own spellings, lower case, so that naming a model later does not cut its history in two.
    """
    written = {field: pl.col(field).cast(pl.String).fill_null("") for field in KEY_FIELDS}
    for field in FREE_TEXT:
        written[field] = written[field].str.replace_all("|", "¦", literal=True)
    return pl.concat_str(list(written.values()), separator="|").str.to_lowercase()


def same(fields: Iterable[str]) -> pl.Expr:
    """One number (UInt64) for these fields together, to group and join by; null is a value like any other."""
    return reduce(operator.add, [pl.col(field).hash(seed=number) for number, field in enumerate(fields)])


def same_but(field: str) -> pl.Expr:
    """Equal for two prices that only this field of the key tells apart."""
    return same(other for other in KEY_FIELDS if other != field)


def one_row_per_key(prices: pl.DataFrame) -> pl.DataFrame:
    """Adds `price_key` and `ambiguous_key` (Boolean); a key read twice stays once, ambiguous if its prices differ."""
    keyed = prices.with_columns(price_key=price_key())
    if keyed["price_key"].n_unique() == keyed.height:
        return keyed.with_columns(ambiguous_key=pl.lit(value=False))
    seen = keyed.group_by("price_key", maintain_order=True).agg(ambiguous_key=pl.col("usd_per_mtok").n_unique() > 1)
    once = keyed.unique("price_key", keep="first", maintain_order=True)
    return once.join(seen, on="price_key", how="left", validate="1:1")


def with_row_reasons(rows: pl.DataFrame, exceptions: pl.DataFrame) -> pl.DataFrame:
    """Adds row_reasons (List(String), the names of the rules each row breaks) and distrusted (a grave one among them).

    rows: one per key, `ambiguous_key` included. exceptions: source ('*' = any), model_name, rule (reference data).
    """
    beside = _with_siblings(rows)
    rules = {**_own_rules(), **_component_rules(), **_sibling_rules()}
    priced_or_listed = pl.col("listing").is_in(["listed", "preview"]) | pl.col("usd").is_not_null()
    broken = {
        name: (priced_or_listed & rule & ~_excused(name, exceptions)).fill_null(value=False)
        for name, rule in rules.items()
    }
    flags = beside.select(**broken)
    grave = pl.any_horizontal([name for name in broken if name not in FLAG_RULES])
    return rows.with_columns(row_reasons=names_of_true(flags), distrusted=flags.select(grave).to_series())


def names_of_true(flags: pl.DataFrame) -> pl.Series:
    """Per row the names of the Boolean columns that are true: List(String). Built for the few rows that have any."""
    some = flags.with_row_index("row").filter(pl.any_horizontal(flags.columns))
    listed = pl.concat_list([pl.when(name).then(pl.lit(name)) for name in flags.columns]).list.drop_nulls()
    rows = flags.select(row=pl.int_range(pl.len(), dtype=pl.UInt32))
    named = rows.join(some.select("row", names=listed), on="row", how="left", validate="1:1", maintain_order="left")
    return named.select(pl.col("names").fill_null(pl.lit([], pl.List(pl.String)))).to_series()


def _with_siblings(rows: pl.DataFrame) -> pl.DataFrame:
    """Beside each row, as floats: the other components of its offer, and its own in other tiers, contexts and bands."""
    numbers = rows.select(
        "component",
        "tier",
        "context_min_tokens",
        "time_band",
        "provider",
        "source",
        "model_name",
        "ambiguous_key",
        "listing",
        usd=pl.col("usd_per_mtok").cast(pl.Float64),
        offer=same_but("component"),
        tiers=same_but("tier"),
        contexts=same_but("context_min_tokens"),
        bands=same_but("time_band"),
    )
    for component in ("input", "output", "cache_read"):
        numbers = _beside(numbers, "offer", pl.col("component") == component, component)
    numbers = _beside(numbers, "tiers", pl.col("tier") == "standard", "standard")
    numbers = _beside(numbers, "contexts", pl.col("context_min_tokens") == 0, "short")
    longer = pl.col("context_min_tokens") > 0
    numbers = _beside(numbers, "contexts", longer, "long")
    numbers = _beside(numbers, "bands", pl.col("time_band") == "off_peak", "off_peak")
    return _beside(numbers, "bands", pl.col("time_band") == "peak", "peak")


def _beside(numbers: pl.DataFrame, group: str, which: pl.Expr, name: str) -> pl.DataFrame:
    """Joins the lowest price of the group's `which` rows as column `name`."""
    partner = numbers.filter(which).group_by(group).agg(pl.col("usd").min().alias(name))
    if partner.is_empty():
        return numbers.with_columns(pl.lit(None, pl.Float64).alias(name))
    return numbers.join(partner, on=group, how="left", validate="m:1", maintain_order="left")


def _own_rules() -> dict[str, pl.Expr]:
    usd, per_request = pl.col("usd"), pl.col("component") == "request"
    priced = usd > 0
    most = pl.when(per_request).then(float(limits.MOST_USD_PER_REQUEST)).otherwise(float(limits.MOST_USD_PER_MTOK))
    return {
        "ambiguous_key": pl.col("ambiguous_key"),
        "unpriced": ~priced.fill_null(value=False),
        "below_minimum": priced & ~per_request & (usd < float(limits.LEAST_USD_PER_MTOK)),
        "above_maximum": usd > most,
    }


def _component_rules() -> dict[str, pl.Expr]:
    in_out = pl.col("component").is_in(["input", "output"])
    priced = (pl.col("input") > 0) & (pl.col("output") > 0)
    ratio = pl.col("output") / pl.col("input")
    reads = (pl.col("cache_read") > 0) & (pl.col("input") > 0)
    return {
        "output_below_input": in_out & priced & (ratio < 1),
        "output_far_above_input": in_out
        & priced
        & ratio.is_between(limits.MOST_OUTPUT_PER_INPUT, limits.UNBELIEVED_OUTPUT_PER_INPUT, closed="right"),
        "output_beyond_belief": in_out & priced & (ratio > limits.UNBELIEVED_OUTPUT_PER_INPUT),
        # Swapped with the write price, the read price is above the input, and the write price is wrong as well.
        "cache_read_above_input": (pl.col("component") != "output") & reads & (pl.col("cache_read") > pl.col("input")),
    }


def _sibling_rules() -> dict[str, pl.Expr]:
    usd = pl.col("usd")
    half = usd / pl.col("standard")
    low, high = limits.BATCH_SHARE
    return {
        "batch_not_half": (pl.col("tier") == "batch")
        & pl.col("provider").str.to_lowercase().is_in(limits.HALF_PRICE_BATCH)
        & (pl.col("standard") > 0)
        & ~half.is_between(low, high),
        "long_below_short": pl.when(pl.col("context_min_tokens") > 0)
        .then(usd < pl.col("short"))
        .otherwise(pl.col("long") < usd),
        "peak_below_off_peak": (pl.col("time_band") != "all") & (pl.col("peak") < pl.col("off_peak")),
    }


def _excused(rule: str, exceptions: pl.DataFrame) -> pl.Expr:
    names = exceptions.filter(pl.col("rule") == rule).select(
        pl.concat_str("source", pl.lit("|"), pl.col("model_name").str.to_lowercase())
    )
    excused = names.to_series().to_list()
    if not excused:
        return pl.lit(value=False)
    model = pl.col("model_name").str.to_lowercase()
    return pl.concat_str("source", pl.lit("|"), model).is_in(excused) | pl.concat_str(pl.lit("*|"), model).is_in(
        excused
    )
