"""The published measurements that stand nearest to a configuration: shown beside an estimate, never mixed into it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import polars as pl

OTHER_THING: Final = {"model": 6.0, "gpu": 3.0, "quant": 2.0}
"""How far apart two tests are that differ in one of these; in doublings of the number of GPUs."""
DOUBLING: Final = {"gpu_count": 1.0, "concurrency": 0.5, "isl_tokens": 0.25, "osl_tokens": 0.25}
"""What a factor of two in one of these counts; a test that does not state it is taken to differ by a factor of four."""


def nearest_measured(configuration: Mapping[str, Any], benchmarks: pl.DataFrame, n: int) -> pl.DataFrame:
    """The `n` rows of reference/benchmarks.csv nearest to a configuration, nearest first, with their `distance`.

    configuration: gpu, gpu_count, model, quant, isl_tokens, osl_tokens, concurrency (NULL: not stated). Only tests of
    the same model or on the same GPU are near at all.
    """
    apart = [
        pl.when(pl.col(name) == configuration[name]).then(0.0).otherwise(distance)
        for name, distance in OTHER_THING.items()
    ]
    apart += [
        ((pl.col(name).clip(lower_bound=1) / max(configuration[name] or 1, 1)).log(2).abs().fill_null(2.0) * weight)
        for name, weight in DOUBLING.items()
    ]
    return (
        benchmarks.filter((pl.col("model") == configuration["model"]) | (pl.col("gpu") == configuration["gpu"]))
        .with_columns(distance=pl.sum_horizontal(apart))
        .sort("distance", "benchmark")
        .head(n)
    )
