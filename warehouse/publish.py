"""The analysts' file: built beside the old one, checked, swapped in whole.

What it holds is a function of the private file alone. A crash leaves the old file or the new one; a failed check
leaves the old one. Tables that grow by thousands of rows a run are published for the newest runs; see docs/storage.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import Any

import duckdb

from warehouse.archive import archive
from warehouse.errors import WarehouseError, WarehouseUnwritable, explained
from warehouse.queries import query
from warehouse.schema import PUBLIC, declared_columns, declared_sql, newest_version
from warehouse.store import Warehouse
from warehouse.swap import building_beside, swap_in, sweep

CHECKS = Path(__file__).parent / "checks"

RECENT_TABLES = (
    "core.gpu_offers",
    "core.api_prices",
    "core.findings",
    "core.unknown_names",
    "marts.leaderboard_history",
)
"""Published for the newest runs only, so that publishing takes as long after five years as after five weeks."""

RECENT_RUNS = 124
"""31 days of a run every six hours."""

HISTORY = "history"
"""Folder beside the published file with the months that are closed."""

FILLED_HERE = ("main.data_dictionary", "main.methodology")
WITHHELD = {("core.decisions", "decided_by")}
"""Columns that stay empty in the published file: they name a person."""


class CheckFailed(WarehouseError):
    """A check found rows. `failures` is check -> (question, first rows); the published file was not touched."""

    def __init__(self, failures: dict[str, tuple[str, list[tuple[Any, ...]]]]) -> None:
        self.failures = failures
        lines = [f"{name}: {question} First rows: {rows}" for name, (question, rows) in failures.items()]
        super().__init__("not published, the file before stays. " + " | ".join(lines))


@dataclass(frozen=True, slots=True)
class Published:
    """What was swapped in: file, size, rows per table, time taken, and the moment its figures speak of."""

    path: Path
    file_bytes: int
    rows: dict[str, int]
    seconds: float
    as_of: datetime | None


def publish(warehouse: Warehouse, published: Path, *, recent_runs: int = RECENT_RUNS) -> Published:
    """Builds, checks and swaps in the analysts' file.

    Raises CheckFailed, and WarehouseUnwritable when the folder or the disk refuses.
    """
    start = perf_counter()
    archive(warehouse, published.parent / HISTORY)
    with _beside(published) as building:
        rows = _build(warehouse, building, recent_runs)
        as_of = _finish(building, recent_runs)
        if building.with_name(building.name + ".wal").exists():
            raise WarehouseError(f"{building} was not closed: it still has a write-ahead log")
        building.chmod(0o444)
        swap_in(building, published)
    return Published(published, published.stat().st_size, rows, perf_counter() - start, as_of)


@cache
def checks() -> dict[str, str]:
    """Name -> SQL of every check. Its first line is the question as a comment; every row it returns is a fault."""
    return {path.stem: path.read_text("utf-8") for path in sorted(CHECKS.glob("*.sql"))}


def run_checks(connection: duckdb.DuckDBPyConnection) -> None:
    """Raises CheckFailed with every check that returns a row."""
    failures = {}
    for name, sql in checks().items():
        if rows := connection.execute(sql).fetchmany(5):
            failures[name] = (sql.splitlines()[0].removeprefix("-- "), rows)
    if failures:
        raise CheckFailed(failures)


@contextmanager
def _beside(published: Path) -> Iterator[Path]:
    """A path in the same folder for the file being built; what a killed run left there is swept away."""
    building = building_beside(published)
    try:
        published.parent.mkdir(parents=True, exist_ok=True)
        sweep(published)
        yield building
    except duckdb.Error as error:
        raise explained(error, building) from error
    except OSError as error:
        raise WarehouseUnwritable(f"cannot write {building}: {error.strerror}") from error
    finally:
        with suppress(OSError):
            sweep(published)


def _build(warehouse: Warehouse, building: Path, recent_runs: int) -> dict[str, int]:
    connection = warehouse.connection
    ((home,),) = connection.execute("select current_catalog()").fetchall()
    first_run = _first_recent(connection, recent_runs)
    quoted = str(building).replace("'", "''")
    connection.execute(f"attach '{quoted}' as published")  # no parameter is allowed here
    try:
        connection.execute("use published")
        connection.execute("begin")
        connection.execute(declared_sql(PUBLIC))
        rows = {
            f"{schema}.{table}": _copy(connection, home, f"{schema}.{table}", list(columns), first_run)
            for (schema, table), columns in declared_columns().items()
            if schema in PUBLIC and f"{schema}.{table}" not in FILLED_HERE
        }
        connection.execute("commit")
    finally:
        connection.execute(f'use "{home}"')
        connection.execute("detach published")
    return rows


def _copy(connection: duckdb.DuckDBPyConnection, home: str, table: str, columns: list[str], first_run: str) -> int:
    names = ", ".join(f'"{column}"' for column in columns)
    values = ", ".join("null" if (table, column) in WITHHELD else f'"{column}"' for column in columns)
    where, bound = ("where run_id >= ?", [first_run]) if table in RECENT_TABLES else ("", [])
    ((n_rows,),) = connection.execute(
        f'insert into published.{table} ({names}) select {values} from "{home}".{table} {where}', bound
    ).fetchall()
    return int(n_rows)


def _first_recent(connection: duckdb.DuckDBPyConnection, recent_runs: int) -> str:
    ((first,),) = connection.execute(query("first_recent_run"), {"recent_runs": recent_runs}).fetchall()
    return str(first)


def _finish(building: Path, recent_runs: int) -> datetime | None:
    """Fills what the file says about itself and runs the checks on what analysts would get."""
    with duckdb.connect(building) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("insert into main.data_dictionary by name " + query("data_dictionary"))
        connection.execute(
            "insert into main.methodology by name " + query("methodology"),
            {"contract_version": str(newest_version()), "recent_runs": str(recent_runs)},
        )
        run_checks(connection)
        connection.execute("checkpoint")
        ((as_of,),) = connection.execute("select max(as_of) from core.runs").fetchall()
    newest: datetime | None = as_of
    return newest
