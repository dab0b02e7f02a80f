"""The analysts' file: built beside the old one, checked, swapped in whole.

A crash leaves the old file or the new one; a failed check leaves the old one. The file before is copied as bytes and
only runs that are new or changed are brought in, so the cost does not grow with history; it is built from nothing when
a month begins, the schema changes or there is none. See docs/storage.md.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import Any

import duckdb

from warehouse.archive import archive
from warehouse.errors import WarehouseError, explained, refused
from warehouse.lake import Lake
from warehouse.lock import exclusive
from warehouse.queries import query
from warehouse.schema import PUBLIC, declared_columns, declared_sql, fingerprint, newest_version
from warehouse.store import FRUGAL, Warehouse
from warehouse.swap import building_beside, swap_in, sweep

CHECKS = Path(__file__).parent / "checks"

RECENT_TABLES = (
    "core.gpu_offers",
    "core.api_prices",
    "core.findings",
    "core.unknown_names",
    "marts.leaderboard_history",
)
"""Published for the newest runs; the older ones lie beside the file, see warehouse.archive."""

HISTORY_TABLES = ("core.source_runs", "core.price_changes", "marts.gpu_price_history", "marts.api_price_history")
"""Published from the first run on. They, too, gain rows run by run."""

RECENT_RUNS = 124
"""31 days of a run every six hours."""

HISTORY = "history"
"""Folder beside the published file with the months that are closed."""

FILLED_HERE = ("main.data_dictionary", "main.methodology", "main.run_contents")
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
    """What was swapped in: file, size, rows written per table, time taken, and the moment its figures speak of."""

    path: Path
    file_bytes: int
    rows: dict[str, int]
    seconds: float
    as_of: datetime | None


def publish(warehouse: Warehouse, published: Path, *, recent_runs: int = RECENT_RUNS) -> Published:
    """Builds, checks and swaps in the analysts' file.

    Raises CheckFailed, WarehouseUnwritable when the folder or the disk refuses, and WarehouseBusy when another worker
    publishes the same lake here.
    """
    start = perf_counter()
    with _alone(warehouse, published):
        archive(warehouse, published.parent / HISTORY)
        with _beside(published) as building:
            first_run = _continued(warehouse, published, building)
            if first_run is None:
                first_run = _created(warehouse, building, recent_runs)
            rows = _bring_in(warehouse, building, first_run)
            as_of = _finish(building, first_run)
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


def _alone(warehouse: Warehouse, published: Path) -> AbstractContextManager[None]:
    """Who holds the private file publishes alone; a lake has several writers, so they take turns here."""
    return exclusive(published) if isinstance(warehouse.place, Lake) else nullcontext()


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
        raise refused(error, building) from error
    finally:
        with suppress(OSError):
            sweep(published)


def _continued(warehouse: Warehouse, published: Path, building: Path) -> str | None:
    """Copies the published file to `building` if it can be gone on with: the first run it holds whole, or None."""
    if not published.is_file():
        return None
    shutil.copyfile(published, building)
    months = warehouse.connection.execute(query("newest_month")).fetchall()
    try:
        with duckdb.connect(building, config=FRUGAL) as connection:
            keys = ["first_run", "built_in", "schema_fingerprint"]
            facts = dict(connection.execute(query("facts"), {"keys": keys}).fetchall())
    except duckdb.Error:
        facts = {}
    if [(facts.get("built_in"),)] == months and facts.get("schema_fingerprint") == fingerprint():
        return str(facts["first_run"])
    sweep(published)
    return None


def _created(warehouse: Warehouse, building: Path, recent_runs: int) -> str:
    """Makes an empty file and returns the first run it is to hold whole."""
    with duckdb.connect(building, config=FRUGAL) as connection:
        connection.execute("begin")
        connection.execute(declared_sql(PUBLIC))
        connection.execute("commit")
    ((first_run,),) = warehouse.connection.execute(query("first_recent_run"), {"recent_runs": recent_runs}).fetchall()
    return str(first_run)


def _bring_in(warehouse: Warehouse, building: Path, first_run: str) -> dict[str, int]:
    """Makes `building` equal to the private file, as far as it is published. Rows written per table."""
    connection = warehouse.connection
    window = {"recent_tables": list(RECENT_TABLES), "first_run": first_run}
    ((home,),) = connection.execute("select current_catalog()").fetchall()
    quoted = str(building).replace("'", "''")
    connection.execute(f"attach '{quoted}' as published")  # no parameter is allowed here
    connection.execute("create or replace temp view held as select * from main.run_contents")
    try:
        stale: dict[str, list[str]] = {table: [] for table in RECENT_TABLES + HISTORY_TABLES}
        for table, run_id in connection.execute(query("stale_runs"), window).fetchall():
            stale[table].append(run_id)
        brought = {
            f"{schema}.{table}": (list(columns), *_stale_rows(stale.get(f"{schema}.{table}")))
            for (schema, table), columns in declared_columns().items()
            if schema in PUBLIC and f"{schema}.{table}" not in FILLED_HERE
        }
        for table, (_, where, bound) in brought.items():
            connection.execute(f"delete from published.{table} {where}", bound)
        connection.execute("checkpoint published")  # what is gone makes room for what comes; else the file doubles
        connection.execute("begin")
        rows = {table: _copy(connection, home, table, *how) for table, how in brought.items()}
        connection.execute("delete from published.main.run_contents")
        connection.execute(query("store_published_contents"), window)
        connection.execute("commit")
    except BaseException:
        with suppress(duckdb.Error):
            connection.execute("rollback")
        raise
    finally:
        connection.execute("detach published")
    return rows


def _stale_rows(runs: list[str] | None) -> tuple[str, list[Any]]:
    """The condition for the rows to replace and its values: stale runs of a table that has runs, else all rows."""
    if runs is None:
        return "", []
    if not runs:
        return "where false", []
    return "where run_id in (select unnest(?)) and run_id between ? and ?", [runs, min(runs), max(runs)]


def _copy(
    connection: duckdb.DuckDBPyConnection, home: str, table: str, columns: list[str], where: str, bound: list[Any]
) -> int:
    """The rows to replace, as the private file has them. Rows written."""
    names = ", ".join(f'"{column}"' for column in columns)
    values = ", ".join("null" if (table, column) in WITHHELD else f'"{column}"' for column in columns)
    ((n_rows,),) = connection.execute(
        f'insert into published.{table} ({names}) select {values} from "{home}".{table} {where}', bound
    ).fetchall()
    return int(n_rows)


def _finish(building: Path, first_run: str) -> datetime | None:
    """Fills what the file says about itself and runs the checks on what analysts would get."""
    with duckdb.connect(building, config=FRUGAL) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("delete from main.data_dictionary")
        connection.execute("insert into main.data_dictionary by name " + query("data_dictionary"))
        connection.execute("delete from main.methodology")
        connection.execute(
            "insert into main.methodology by name " + query("methodology"),
            {
                "contract_version": str(newest_version()),
                "schema_fingerprint": fingerprint(),
                "first_run": first_run,
            },
        )
        run_checks(connection)
        connection.execute("checkpoint")
        ((as_of,),) = connection.execute("select max(as_of) from core.runs").fetchall()
    newest: datetime | None = as_of
    return newest
