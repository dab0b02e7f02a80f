"""What the pages show, asked of the published file: one packed table per question, grouped into files loaded on demand.

File -> tables. `prices` comes with every page of figures; `board/WORKLOAD` and `break-even/WORKLOAD` when a workload is
picked, `offers/GPU` when a row is opened, `gpu/GPU` and `api/MODEL` when one is drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from warehouse.export.site.columnar import packed

if TYPE_CHECKING:
    import duckdb

Tables = Mapping[str, Any]
PER_WORKLOAD = {"board": ("rented", "bought", "unranked"), "break-even": ("break_even",)}
PER_GPU = {"offers": "offers", "gpu": "gpu_price_history"}


@cache
def _sql(name: str) -> str:
    return (Path(__file__).parent / "sql" / f"{name}.sql").read_text("utf-8")


def asked(connection: duckdb.DuckDBPyConnection, name: str, **parameters: str) -> pl.DataFrame:
    """The answer of sql/NAME.sql."""
    return connection.execute(_sql(name), parameters or None).pl()


def rows(connection: duckdb.DuckDBPyConnection, name: str) -> list[dict[str, Any]]:
    """The same, row by row, for a page that is written whole."""
    return asked(connection, name).to_dicts()


def files(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, Tables]]:
    """Every file of figures with its tables."""
    shared = ("workloads", "models", "gpus", "gpu_prices", "assumptions")
    yield "prices", {name: packed(asked(connection, name)) for name in shared}
    yield "endpoints", {"endpoint_prices": packed(asked(connection, "endpoint_prices"))}
    yield "movers", {"movers": packed(asked(connection, "movers"))}
    workloads = asked(connection, "workloads")["workload"].to_list()
    for group, names in PER_WORKLOAD.items():
        for workload in workloads:
            tables = {name: packed(asked(connection, name, workload=workload)) for name in names}
            yield f"{group}/{workload}", tables
    for group, name in PER_GPU.items():
        yield from _apart(group, name, asked(connection, name), "gpu")
    history = asked(connection, "api_price_history")
    yield from _apart("api", "api_price_history", history, "model")


def _apart(group: str, name: str, frame: pl.DataFrame, by: str) -> Iterator[tuple[str, Tables]]:
    parts: Sequence[pl.DataFrame] = frame.partition_by(by, maintain_order=True)
    for part in parts:
        yield f"{group}/{part[by][0]}", {name: packed(part)}
