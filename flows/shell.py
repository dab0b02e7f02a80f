"""`pertoken sql`: one query, or DuckDB's own shell, on the published file and nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
from rich import box
from rich.console import Console
from rich.table import Table

from flows.settings import BadSetting
from flows.terminal import harmless
from warehouse.export.text import LIMIT
from warehouse.published import open_published


def interactive(published: Path, console: Console) -> None:
    """DuckDB's shell in its safe mode: no files, no extensions, no commands, no writing. Answers in UTC."""
    shell = _shell()
    if shell is None:
        raise BadSetting('the duckdb shell is not installed; give a query instead: pertoken sql "select …"')
    console.print("schemas: marts (boards), core (every observation), reference. Start with: from data_dictionary;")
    options = ("-no-init", "-readonly", "-safe")
    subprocess.run([shell, *options, str(published)], check=False, env={**os.environ, "TZ": "UTC"})


def _shell() -> str | None:
    """The program in the `duckdb-cli` package: its own launcher changes settings first, which safe mode refuses."""
    package = find_spec("duckdb_cli")
    places = package.submodule_search_locations or () if package else ()
    bundled = [str(Path(place) / "duckdb") for place in places if (Path(place) / "duckdb").is_file()]
    return bundled[0] if bundled else shutil.which("duckdb")


def ask(published: Path, statement: str) -> list[dict[str, Any]]:
    """The rows one statement returns. Raises BadSetting with DuckDB's own words when it cannot be run."""
    with open_published(published) as connection:
        try:
            result = connection.execute(statement)
            columns = [column[0] for column in result.description or ()]
            return [dict(zip(columns, row, strict=True)) for row in result.fetchall()]
        except duckdb.Error as error:
            raise BadSetting(f"DuckDB says: {error}") from error
        except (MemoryError, RuntimeError) as error:  # the second where a row cannot be allocated
            raise BadSetting("the answer needs more memory than there is: add a limit, or group the rows") from error


def as_table(found: list[dict[str, Any]]) -> Table:
    """The rows of a query for a terminal."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in found[0] if found else ("no rows",):
        table.add_column(harmless(column, LIMIT))
    for row in found:
        table.add_row(*(harmless("" if value is None else str(value), LIMIT) for value in row.values()))
    return table
