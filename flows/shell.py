"""`pertoken sql`: one query, or DuckDB's own shell, on the published file and nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
from rich import box
from rich.console import Console
from rich.table import Table
from warehouse.export.text import plain

from flows.settings import BadSetting
from warehouse.published import open_published


def interactive(published: Path, console: Console) -> None:
    """DuckDB's shell in its safe mode: no files, no extensions, no writing. Comes with the `duckdb-cli` package."""
    beside = Path(sys.executable).parent / "duckdb"
    shell = str(beside) if beside.is_file() else shutil.which("duckdb")
    if shell is None:
        raise BadSetting('the duckdb shell is not installed; give a query instead: pertoken sql "select …"')
    console.print("schemas: marts (boards), core (every observation), reference. Start with: from data_dictionary;")
    subprocess.run([shell, "-readonly", "-safe", "-cmd", "set timezone='UTC'", str(published)], check=False)


def ask(published: Path, statement: str) -> list[dict[str, Any]]:
    """The rows one statement returns. Raises BadSetting with DuckDB's own words when it cannot be run."""
    with open_published(published) as connection:
        try:
            result = connection.execute(statement)
            columns = [column[0] for column in result.description or ()]
            return [dict(zip(columns, row, strict=True)) for row in result.fetchall()]
        except duckdb.Error as error:
            raise BadSetting(f"DuckDB says: {error}") from error


def as_table(found: list[dict[str, Any]]) -> Table:
    """The rows of a query for a terminal."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in found[0] if found else ("no rows",):
        table.add_column(plain(column))
    for row in found:
        table.add_row(*(plain("" if value is None else str(value)) for value in row.values()))
    return table
