from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pytest

from transforms.throughput import estimate
from warehouse.reference import tables

Reference = dict[str, pl.DataFrame]
Tables = tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame]


def needed(reference: Reference) -> Tables:
    """What an estimate is made from: gpus, models, quants, calibration."""
    return reference["gpus"], reference["models"], reference["quants"], reference["calibration"]


@pytest.fixture(scope="session")
def reference() -> Reference:
    return tables()


@pytest.fixture(scope="session")
def ask(reference: Reference) -> Callable[..., pl.DataFrame]:
    """Estimates of one configuration per element of the lists given; a chat-like load unless said otherwise."""
    defaults = {"gpu": "h100-sxm-80gb", "gpu_count": 1, "model": "llama-3.1-8b", "quant": "bf16", "isl_tokens": 1024,
                "osl_tokens": 256}  # fmt: skip

    def asked(**columns: object) -> pl.DataFrame:
        columns = {**defaults, **columns}
        height = max((len(value) for value in columns.values() if isinstance(value, list)), default=1)
        cells = {name: value if isinstance(value, list) else [value] * height for name, value in columns.items()}
        return estimate(pl.DataFrame(cells), *needed(reference))

    return asked
