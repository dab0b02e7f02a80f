"""One request and its denominators."""

from __future__ import annotations

import polars as pl


def denominations(usd_per_request: pl.Expr) -> dict[str, pl.Expr]:
    """The three ways to state the price of one request of `isl_tokens` in and `osl_tokens` out."""
    return {
        "usd_per_mtok": usd_per_request / (pl.col("isl_tokens") + pl.col("osl_tokens")) * 1e6,
        "usd_per_mtok_output": usd_per_request / pl.col("osl_tokens") * 1e6,
        "usd_per_1k_requests": usd_per_request * 1000,
    }


def article(rows: pl.DataFrame) -> pl.DataFrame:
    """The seed article's arithmetic: USD per 1M generated tokens, nothing but price over throughput.

    rows: usd_per_hour, tokens_per_s, utilization. Adds `usd_per_mtok_exact`, and `usd_per_mtok_article`, which is
    rounded to cents at full load and again after dividing by the utilization.
    """
    full_load = pl.col("usd_per_hour") / (pl.col("tokens_per_s") * 3600) * 1e6
    return rows.with_columns(
        usd_per_mtok_exact=full_load / pl.col("utilization"),
        usd_per_mtok_article=_cents(_cents(full_load) / pl.col("utilization")),
    )


def _cents(usd: pl.Expr) -> pl.Expr:
    """To the cent, half up; the nudge undoes binary fractions just below a half (12.595 is 12.59499…)."""
    return (usd * 100 + 1e-9).round(0, "half_away_from_zero") / 100
