"""Second readings: what other sources say of the very same price. They flag and confirm; they never replace a page."""

from __future__ import annotations

import polars as pl

from transforms.quality import limits
from transforms.quality.history import carried

SAME_THING = ("provider_id", "tier", "context_min_tokens", "time_band", "component")


def compare(rows: pl.DataFrame, last_good: pl.DataFrame, provider_names: pl.DataFrame) -> pl.DataFrame:
    """Every row of `rows` that is not a registry's, against the closest reading of each other source.

    The others are this run's own rows of other sources and, for sources that brought nothing, their last good.
    Readings are of the same thing only with the same provider, tier, context, band and component, and either the same
    model id and quantisation, or the same spelling of the model and no contradiction in quantisation.
    Answer: price_key, source, usd_per_mtok, second_source, second_channel, second_usd_per_mtok, gap (|a-b|/a), agrees.
    """
    fields = [
        "price_key",
        "source",
        "channel",
        "model",
        "quant",
        "quant_name",
        "model_name",
        "provider",
        *SAME_THING[1:],
        "usd_per_mtok",
    ]
    silent = last_good.join(rows.select("source").unique(), on="source", how="anti")
    readings = pl.concat([rows.select(fields), silent.select(fields)]).filter(pl.col("usd_per_mtok") > 0)
    readings = _comparable(readings, provider_names)
    mine = readings.filter(pl.col("channel") != "registry").join(rows.select("price_key"), on="price_key", how="semi")
    seconds = readings.select(
        *SAME_THING,
        "model_id",
        "spelling",
        "quant_id",
        second_source="source",
        second_channel="channel",
        second_usd="usd",
        second_usd_per_mtok="usd_per_mtok",
    )
    by_id = _meet(mine, seconds, "model_id").filter(pl.col("quant_id").eq_missing(pl.col("quant_id_second")))
    by_name = _meet(mine, seconds, "spelling").filter(
        (pl.col("quant_id") == pl.col("quant_id_second")).fill_null(value=True)
    )
    columns = ["price_key", "source", "usd_per_mtok", "second_source", "second_channel", "second_usd_per_mtok", "gap"]
    gap = ((pl.col("second_usd") - pl.col("usd")) / pl.col("usd")).abs().round(9)
    return (
        pl.concat([met.with_columns(gap=gap).select(columns) for met in (by_id, by_name)])
        .sort("price_key", "second_source", "gap")
        .unique(["price_key", "second_source"], keep="first", maintain_order=True)
        .with_columns(agrees=pl.col("gap") <= limits.SAME_PRICE_GAP)
    )


def second_readings(prices: pl.DataFrame, provider_names: pl.DataFrame) -> pl.DataFrame:
    """What `compare` answers, from the checked prices of one run as they are stored."""
    return compare(prices.filter(~carried()), prices.filter(carried()), provider_names)


def _comparable(readings: pl.DataFrame, provider_names: pl.DataFrame) -> pl.DataFrame:
    """Adds provider_id, model_id, spelling (end of the model's name, letters and digits), quant_id and usd."""
    folded = pl.col("provider").str.to_lowercase().str.replace_all(r"[^a-z0-9]", "")
    aliases = dict(provider_names.select("provider_name", "provider").iter_rows())
    quant = pl.coalesce("quant", pl.col("quant_name").str.to_lowercase())
    return readings.with_columns(
        provider_id=folded.replace(aliases),
        model_id=pl.col("model"),
        spelling=pl.col("model_name").str.to_lowercase().str.extract(r"([^/]+)$").str.replace_all(r"[^a-z0-9]", ""),
        quant_id=pl.when(quant != "unknown").then(quant),
        usd=pl.col("usd_per_mtok").cast(pl.Float64),
    )


def _meet(mine: pl.DataFrame, seconds: pl.DataFrame, name: str) -> pl.DataFrame:
    on = [*SAME_THING, name]
    met = mine.drop_nulls(name).join(seconds.drop_nulls(name), on=on, how="inner", suffix="_second", validate="m:m")
    return met.filter(pl.col("source") != pl.col("second_source"))


def with_agreement(rows: pl.DataFrame, agreement: pl.DataFrame) -> pl.DataFrame:
    """Adds confirmed_by (a source that agrees, or null), agreement_reasons (List(String)) and nearest_factor.

    nearest_factor (Float64) is how many times dearer or cheaper the closest second reading is.
    """
    ratio = pl.col("second_usd_per_mtok").cast(pl.Float64) / pl.col("usd_per_mtok").cast(pl.Float64)
    readings = agreement.with_columns(
        second=pl.col("second_usd_per_mtok").cast(pl.Float64),
        factor=pl.max_horizontal(ratio, 1 / ratio),
        said=pl.lit("disagrees:") + pl.col("second_source"),
    )
    against = readings.filter(~pl.col("agrees"))
    voices = against.sort("gap").unique(["price_key", "second_channel"], keep="first")
    alike = pl.col("second").max() <= pl.col("second").min() * (1 + limits.SAME_PRICE_GAP)
    agreed = readings.filter("agrees").unique("price_key", keep="first", maintain_order=True)
    said = readings.group_by("price_key").agg(nearest_factor=pl.col("factor").min())
    for part in (
        agreed.select("price_key", confirmed_by="second_source"),
        against.group_by("price_key", maintain_order=True).agg(disagrees="said"),
        voices.group_by("price_key").agg(outvoted=(pl.len() > 1) & alike),
    ):
        said = said.join(part, on="price_key", how="left", validate="1:1")
    joined = rows.join(said, on="price_key", how="left", validate="1:1", maintain_order="left")
    none = pl.lit([], pl.List(pl.String))
    outvoted = pl.when("outvoted").then(pl.lit(["outvoted"])).otherwise(none)
    reasons = pl.concat_list(pl.col("disagrees").fill_null(none), outvoted)
    return joined.with_columns(agreement_reasons=reasons).drop("disagrees", "outvoted")
