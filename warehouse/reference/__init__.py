"""The facts kept by hand in the .csv files of this folder, typed and checked.

Columns and types are declared in warehouse/schema/reference.sql.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from warehouse.errors import InvalidReference
from warehouse.schema import declared_columns, frame_schema

FOLDER = Path(__file__).parent

KEYS: Mapping[str, tuple[str, ...]] = {
    "assumptions": ("assumption",),
    "price_exceptions": ("source", "model_name", "rule"),
    "provider_names": ("provider_name",),
    "gpus": ("gpu",),
    "gpu_names": ("source", "gpu_name", "memory_gb_min"),
    "models": ("model",),
    "model_names": ("source", "model_name"),
    "quants": ("quant",),
    "quant_names": ("source", "quant_name"),
    "workloads": ("workload",),
    "benchmarks": ("benchmark",),
    "calibration": ("coefficient", "trait", "key"),
    "article_claims": ("claim", "part"),
    "article_rows": ("article_table", "row"),
}
"""What identifies a row, upper and lower case being the same."""

LINKS: Mapping[tuple[str, str], tuple[str, str]] = {
    ("gpu_names", "gpu"): ("gpus", "gpu"),
    ("model_names", "model"): ("models", "model"),
    ("quant_names", "quant"): ("quants", "quant"),
    ("article_rows", "model"): ("models", "model"),
    ("article_rows", "quant"): ("quants", "quant"),
    ("article_throughput", "gpu"): ("gpus", "gpu"),
    ("article_throughput", "model"): ("models", "model"),
    ("article_throughput", "quant"): ("quants", "quant"),
    ("benchmarks", "gpu"): ("gpus", "gpu"),
    ("benchmarks", "model"): ("models", "model"),
    ("benchmarks", "quant"): ("quants", "quant"),
}
"""(table, column) -> (table, column) in which every value must stand."""

LINE = "line of the file"


def names() -> list[str]:
    """Every reference table, by name."""
    return sorted(table for schema, table in declared_columns() if schema == "reference")


def reference(name: str, folder: Path = FOLDER) -> pl.DataFrame:
    """One table, its key checked. Raises InvalidReference naming file, line and what to do."""
    return _table(name, folder).drop(LINE)


def tables(folder: Path = FOLDER) -> dict[str, pl.DataFrame]:
    """Every table, with the links between them checked. Raises InvalidReference."""
    found = {name: _table(name, folder) for name in names()}
    for (table, column), (target, target_column) in LINKS.items():
        _check_link(found[table], table, column, found[target], target, target_column)
    return {name: frame.drop(LINE) for name, frame in found.items()}


def _table(name: str, folder: Path) -> pl.DataFrame:
    path = folder / f"{name}.csv"
    frame = _typed(_cells(path), frame_schema(f"reference.{name}"), path.name)
    key = [column for column in KEYS.get(name, ()) if column in frame.columns]
    folded = frame.with_columns(pl.col(column).cast(pl.String).str.to_lowercase() for column in key)
    if key and (twice := folded.filter(folded.select(key).is_duplicated())).height:
        lines = ", ".join(map(str, twice[LINE].to_list()[:10]))
        raise InvalidReference(f"{path.name}: lines {lines} have the same {', '.join(key)}: keep one of them")
    return frame


def _cells(path: Path) -> pl.DataFrame:
    """Every cell as text, with the number of its line. An empty cell is null, a quoted empty one is empty text."""
    _check_shape(path)
    cells = pl.read_csv(path, infer_schema=False)
    return cells.with_columns(pl.int_range(2, pl.len() + 2, dtype=pl.Int64).alias(LINE))


def _check_shape(path: Path) -> None:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.reader(file, strict=True)
            width = len(next(reader, []))
            for number, row in enumerate(reader, start=2):
                if len(row) != width or reader.line_num != number:
                    raise InvalidReference(
                        f"{path.name}, line {reader.line_num}: {len(row)} cells under {width} column names, or a line "
                        "break in a cell: quote a cell that holds a comma, and keep every row on one line"
                    )
    except FileNotFoundError as error:
        raise InvalidReference(f"{path.name} is missing in {path.parent}") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise InvalidReference(f"{path.name}: {error}: save it as UTF-8 with commas and double quotes") from error


def _typed(cells: pl.DataFrame, schema: pl.Schema, file: str) -> pl.DataFrame:
    if unknown := [column for column in cells.columns if column not in schema and column != LINE]:
        raise InvalidReference(f"{file}: declare {', '.join(unknown)} in warehouse/schema/reference.sql")
    if missing := [column for column in schema if column not in cells.columns]:
        raise InvalidReference(f"{file}: column {', '.join(missing)} is missing (see warehouse/schema/reference.sql)")
    typed = cells.select(
        *(_cast(column, dtype) for column, dtype in schema.items()),
        pl.col(LINE),
    )
    for column, dtype in schema.items():
        wrong = cells.filter(cells[column].is_not_null() & typed[column].is_null())
        if wrong.height:
            raise InvalidReference(
                f"{file}, line {wrong[LINE][0]}: {column} is {wrong[column][0]!r}, it must be {dtype}: correct the cell"
            )
    return typed


def _cast(column: str, dtype: pl.DataType) -> pl.Expr:
    if dtype == pl.Date:
        return pl.col(column).str.to_date("%Y-%m-%d", strict=False)
    return pl.col(column).cast(dtype, strict=False)


def _check_link(
    frame: pl.DataFrame, table: str, column: str, target: pl.DataFrame, target_table: str, target_column: str
) -> None:
    if column not in frame.columns:
        return
    known = target[target_column]
    loose = frame.filter(pl.col(column).is_not_null() & ~pl.col(column).is_in(known.implode()))
    if loose.height:
        raise InvalidReference(
            f"{table}.csv, line {loose[LINE][0]}: {column} {loose[column][0]!r} is not in {target_table}.csv: "
            f"correct it or add it there"
        )
