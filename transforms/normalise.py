"""Names of the sources -> our ids. A name the reference tables do not know is set apart and counted, never guessed."""

from __future__ import annotations

import polars as pl

SLICE_BELOW = 0.93
"""An offer with less of a GPU's memory than this share is a slice of it. Drivers report up to 6 % less than nominal."""

UNKNOWN_NAMES = pl.Schema(
    {
        "run_id": pl.String(),
        "observed_at": pl.Datetime("us", "UTC"),
        "source": pl.String(),
        "kind": pl.String(),
        "name": pl.String(),
        "detail": pl.String(),
        "rows": pl.Int64(),
    }
)


def gpu_offers(offers: pl.DataFrame, gpus: pl.DataFrame, gpu_names: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Say which GPU each offer is, and how much of one.

    offers: the fields of a GPU offer plus run_id, observed_at, provenance. A listing that came twice, on overlapping
    pages, is one row: the later reading.
    Returns the offers with `gpu` (our id; NULL where the name or its memory is unknown), `gpu_fraction` (0..1],
    `is_slice` and `usd_per_gpu_hour` (NULL for a slice), and the unknown names (columns `UNKNOWN_NAMES`).
    Raises ValueError where two rows of gpu_names claim the same name and memory.
    """
    once = _once(offers)
    named = _with_gpu(once, gpu_names).join(
        gpus.select("gpu", pl.col("memory_gib").cast(pl.Float64).alias("nominal_gib")),
        on="gpu",
        how="left",
        validate="m:1",
        maintain_order="left",
    )
    share = pl.col("memory_gib") / pl.col("nominal_gib")
    known = named.with_columns(
        gpu_fraction=pl.min_horizontal("gpu_count", 1.0),
        is_slice=(pl.col("gpu_count") < 1) | (share < SLICE_BELOW).fill_null(False),
    ).with_columns(
        usd_per_gpu_hour=pl.when(pl.col("gpu_count") >= 1, ~pl.col("is_slice")).then(
            pl.col("usd_per_hour") / pl.col("gpu_count")
        )
    )
    assert known.height == once.height
    unknown = known.filter(pl.col("gpu").is_null()).group_by("run_id", "source", pl.col("gpu_name").alias("name"))
    memory = pl.col("memory_gib").round(1).unique().sort().cast(pl.String).fill_null("unstated")
    return known.drop("nominal_gib"), _unknown_names(unknown, "gpu", memory.str.join(", ") + pl.lit(" GiB per GPU"))


def api_prices(
    prices: pl.DataFrame, model_names: pl.DataFrame, quant_names: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Say which model each price is of, and in which quantisation.

    prices: the fields of an API price plus run_id, observed_at, provenance. The source's own name decides; where it is
    unknown, the Hugging Face id the source gives is looked up in the same table.
    Returns the prices with `model` (NULL: unknown) and `quant` ('unknown' where the source says none or an unknown
    one), and the unknown names (columns `UNKNOWN_NAMES`).
    """
    by_name = _lookup(prices, "model_name", model_names, "model_name", "model")
    by_id = _lookup(prices, "hugging_face_id", model_names, "model_name", "model")
    quant = _lookup(prices, "quant_name", quant_names, "quant_name", "quant")
    named = prices.with_columns(model=by_name.fill_null(by_id), quant=quant.fill_null("unknown"))
    models = named.filter(pl.col("model").is_null()).group_by("run_id", "source", pl.col("model_name").alias("name"))
    quants = named.filter(pl.col("quant_name").is_not_null(), quant.is_null()).group_by(
        "run_id", "source", pl.col("quant_name").alias("name")
    )
    providers = pl.lit("sold by ") + pl.col("provider").unique().sort().str.join(", ")
    unknown = pl.concat([_unknown_names(models, "model", providers), _unknown_names(quants, "quant", providers)])
    return named, unknown


def _once(offers: pl.DataFrame) -> pl.DataFrame:
    """One row per listing of a run, whatever the order of the pages: the latest, and of two at once the dearer."""
    listing = ["run_id", "source", "price_kind", "offer_id"]
    if not offers.select(listing).is_duplicated().any():
        return offers
    return offers.sort(*listing, "observed_at", "usd_per_hour").unique(listing, keep="last", maintain_order=True)


def _folded(name: str) -> pl.Expr:
    return pl.col(name).str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars()


def _with_gpu(offers: pl.DataFrame, gpu_names: pl.DataFrame) -> pl.DataFrame:
    """Adds `gpu`. The memory window of a name is on the whole GPU: a quarter with 20 GiB is of an 80 GiB one."""
    key = ["source", "gpu_name", "native_gib"]
    keyed = offers.with_columns(native_gib=pl.col("memory_gib") / pl.min_horizontal("gpu_count", 1.0))
    names = gpu_names.select(
        pl.col("source").alias("named_by"),
        _folded("gpu_name").alias("folded"),
        pl.col("memory_gb_min").cast(pl.Float64),
        pl.col("memory_gb_max").cast(pl.Float64),
        "gpu",
    )
    at_least = pl.col("memory_gb_min").is_null() | (pl.col("native_gib") >= pl.col("memory_gb_min")).fill_null(False)
    at_most = pl.col("memory_gb_max").is_null() | (pl.col("native_gib") <= pl.col("memory_gb_max")).fill_null(False)
    # Where a source's own spelling is listed, the rows for any source do not apply, whatever the memory.
    matches = (
        keyed.select(key)
        .unique()
        .with_columns(folded=_folded("gpu_name"))
        .join(names, on="folded", how="inner")
        .with_columns(general=pl.col("named_by") == "*")
        .filter(pl.col("general") | (pl.col("named_by") == pl.col("source")))
        .filter(pl.col("general") == pl.col("general").min().over(key))
        .filter(at_least, at_most)
    )
    ambiguous = matches.filter(pl.len().over(key) > 1)
    if not ambiguous.is_empty():
        row = ambiguous.row(0, named=True)
        raise ValueError(f"gpu_names.csv: more than one row matches {row['folded']!r} with {row['native_gib']} GiB")
    named = keyed.join(
        matches.select(*key, "gpu"), on=key, how="left", nulls_equal=True, validate="m:1", maintain_order="left"
    )
    return named.drop("native_gib")


def _lookup(rows: pl.DataFrame, name: str, table: pl.DataFrame, table_name: str, value: str) -> pl.Series:
    """The id for each row's name; a row of the source itself goes before one for any source ('*')."""
    keyed = rows.select("source", folded=_folded(name))
    names = table.select(
        pl.col("source").alias("named_by"), _folded(table_name).alias("folded"), pl.col(value).alias("id")
    )
    own = keyed.join(
        names,
        left_on=["source", "folded"],
        right_on=["named_by", "folded"],
        how="left",
        validate="m:1",
        maintain_order="left",
    )
    anyones = keyed.join(
        names.filter(pl.col("named_by") == "*"), on="folded", how="left", validate="m:1", maintain_order="left"
    )
    return own["id"].fill_null(anyones["id"])


def _unknown_names(groups: pl.dataframe.group_by.GroupBy, kind: str, detail: pl.Expr) -> pl.DataFrame:
    counted = groups.agg(pl.col("observed_at").max(), detail=detail.first(), rows=pl.len().cast(pl.Int64)).with_columns(
        kind=pl.lit(kind)
    )
    return counted.select(*UNKNOWN_NAMES).cast(UNKNOWN_NAMES).sort("run_id", "source", "name")
