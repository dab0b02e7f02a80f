"""Published measurements beside an estimate: the one that matches it, and the nearest ones."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

CLOSE = 0.15
"""Relative difference of lengths and concurrency within which a measurement is of the same configuration."""
SCATTER = 1.2
"""Re-measured configurations differ by up to this factor in nine of ten cases: the band of a measured value."""
CITABLE_ENGINES = ("vllm", "sglang", "trtllm")
"""The best first, where results of several match equally well."""
CURRENT = {"vllm": r"^0\.(9|[1-9]\d)|202[5-9]", "sglang": r"^0\.5|202[5-9]", "trtllm": r"^(0\.[2-9]\d|1\.)|202[5-9]"}
"""Versions and dates of the present generation, as results state them."""


def with_measured(estimates: pl.DataFrame, benchmarks: pl.DataFrame) -> pl.DataFrame:
    """Puts a published grade-A result of current software in place of the estimate where one matches, and cites it.

    estimates: the result of `estimate`. Matching means the same GPU, count, model and quantisation, lengths and
    concurrency within CLOSE. Adds `cited` (benchmark id or null); where set, the basis is `measured`, the band SCATTER.
    """
    citable = (
        benchmarks.filter(_current_software())
        .filter(pl.col("grade") == "A", pl.col("engine").is_in(CITABLE_ENGINES), pl.col("concurrency").is_not_null())
        .select(
            "gpu",
            "gpu_count",
            "model",
            "quant",
            pl.col("isl_tokens").alias("_isl"),
            pl.col("osl_tokens").alias("_osl"),
            pl.col("concurrency").alias("_concurrency"),
            pl.col("output_tokens_per_s").alias("_rate"),
            pl.col("benchmark").alias("cited"),
            pl.col("engine").replace_strict(_order(), return_dtype=pl.Int64).alias("_engine"),
        )
    )
    indexed = estimates.with_row_index("_row").with_columns(pl.col("gpu_count").cast(pl.Int64))
    near = (
        indexed.filter(
            pl.col("output_tokens_per_s").is_not_null(), pl.col("cached_input_fraction").fill_null(0.0) == 0.0
        )
        .join(citable, on=["gpu", "gpu_count", "model", "quant"], how="inner", validate="m:m")
        .with_columns(
            _apart=_apart("isl_tokens", "_isl") + _apart("osl_tokens", "_osl") + _apart("concurrency", "_concurrency")
        )
        .filter(
            _apart("isl_tokens", "_isl") < CLOSE,
            _apart("osl_tokens", "_osl") < CLOSE,
            _apart("concurrency", "_concurrency") < CLOSE,
        )
        .sort("_row", "_engine", "_apart", "cited")
        .group_by("_row", maintain_order=True)
        .first()
        .select("_row", "_rate", "cited")
    )
    joined = indexed.join(near, on="_row", how="left", validate="1:1", maintain_order="left")
    assert joined.height == estimates.height
    found = pl.col("cited").is_not_null()
    replaced = {"": 1.0, "_low": 1 / SCATTER, "_high": SCATTER}
    return joined.with_columns(
        *(
            pl.when(found)
            .then(pl.col("_rate") * factor)
            .otherwise(f"output_tokens_per_s{end}")
            .alias(f"output_tokens_per_s{end}")
            for end, factor in replaced.items()
        ),
        requests_per_hour=pl.when(found)
        .then(pl.col("_rate") * 3600.0 / pl.col("osl_tokens"))
        .otherwise("requests_per_hour"),
        throughput_basis=pl.when(found).then(pl.lit("measured")).otherwise("throughput_basis"),
    ).drop("_row", "_rate")


def _order() -> dict[str, int]:
    return {engine: place for place, engine in enumerate(CITABLE_ENGINES)}


def _current_software() -> pl.Expr:
    version = pl.col("engine_version").fill_null("")
    found = [(pl.col("engine") == engine) & version.str.contains(pattern) for engine, pattern in CURRENT.items()]
    return pl.any_horizontal(found)


def _apart(ours: str, theirs: str) -> pl.Expr:
    return (pl.col(ours) / pl.col(theirs) - 1.0).abs()


def nearest_measured(
    configuration: Mapping[str, object], benchmarks: pl.DataFrame, gpus: pl.DataFrame, count: int = 5
) -> pl.DataFrame:
    """The published results most like a configuration, nearest first, with `distance` (0 = the same in every respect).

    configuration: gpu, gpu_count, model, quant, isl_tokens, osl_tokens and, where known, concurrency. Another model
    counts as far as two doublings of the batch, another GPU as one and a half, another chip generation half one more.
    """
    arch = gpus.select("gpu", "arch")
    ours = arch.filter(pl.col("gpu") == configuration["gpu"])["arch"].to_list()
    candidates = benchmarks.join(arch, on="gpu", how="left", validate="m:1")

    def doublings(column: str, weight: float) -> pl.Expr:
        wanted = configuration.get(column)
        if not isinstance(wanted, int | float):
            return pl.lit(0.0)
        return weight * (pl.col(column).fill_null(wanted) / wanted).clip(1e-3).log(2).abs()

    distance = (
        2.0 * (pl.col("model") != configuration["model"])
        + 1.0 * (pl.col("quant") != configuration["quant"])
        + 1.5 * (pl.col("gpu") != configuration["gpu"])
        + 0.5 * ~pl.col("arch").is_in(ours)
        + 0.25 * ~pl.col("engine").is_in(CITABLE_ENGINES)
        + doublings("gpu_count", 1.0)
        + doublings("isl_tokens", 0.5)
        + doublings("osl_tokens", 0.5)
        + doublings("concurrency", 1.0)
    )
    return candidates.with_columns(distance=distance).sort("distance", "benchmark").drop("arch").head(count)
