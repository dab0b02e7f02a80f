"""What calculators commonly do, for comparison."""

from __future__ import annotations

import numpy as np
import polars as pl

from transforms.throughput.columns import Floats
from transforms.throughput.published import Runs

ARTICLE_ALONE = 40.0 / (2000.0 / 35.0)
"""The seed article expects 35 to 45 tokens/s of a 35 GB model at 2,000 GB/s."""
ARTICLE_BATCHED = 150.0 / (2000.0 / 35.0)
"""And 150 tokens/s with batching."""


def naive_rates(tests: pl.DataFrame, runs: Runs) -> dict[str, Floats]:
    """Log rates of each formula. Bandwidth is of all GPUs, size the weights in memory."""
    count = np.maximum(tests["gpu_count"].cast(pl.Float64).to_numpy(), 1.0)
    single = np.log(count * runs.deployment.bandwidth / runs.deployment.resident_bytes)
    alone = runs.batch * runs.replicas <= 1.0
    return {
        "bandwidth / size": single,
        "bandwidth / size x batch": single + np.log(runs.batch),
        "the article's": single + np.where(alone, np.log(ARTICLE_ALONE), np.log(ARTICLE_BATCHED)),
    }
