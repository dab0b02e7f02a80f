"""The second engine: DuckLake, a warehouse that several processes on several machines write at once.

Rows lie as Parquet in a folder or bucket, and a PostgreSQL database holds the catalog: which files make up which
snapshot. A transaction is one row in that catalog, so it is there whole or not at all, and every earlier snapshot can
be read with `at (version => N)` or `at (timestamp => T)`. See docs/scale.md.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

    from warehouse.errors import LakeUnavailable

PREFIX = "ducklake:postgres:"
ALIAS = "lake"


@dataclass(frozen=True, slots=True)
class Lake:
    """Where a lake lies: a libpq connection string, which may hold a password, and a folder or s3:// address."""

    catalog: str = field(repr=False)
    files: str

    def __str__(self) -> str:
        return f"the lake in {self.files}"

    @property
    def is_remote(self) -> bool:
        return "://" in self.files


@contextmanager
def connect_lake(lake: Lake) -> Iterator[duckdb.DuckDBPyConnection]:
    """A read-write connection in UTC whose current catalog is the lake.

    Raises LakeUnavailable where an extension is missing or the catalog does not answer.
    """
    with _attached(lake, []) as connection:
        yield connection


@contextmanager
def read_lake(lake: Lake) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that cannot write, for analysts: `from core.gpu_offers at (timestamp => '2026-11-01 06:00:00+00')`.

    Raises LakeUnavailable, and LakeEmpty where there are no tables yet.
    """
    with _attached(lake, ["read_only"]) as connection:
        yield connection


@contextmanager
def _attached(lake: Lake, options: Sequence[str]) -> Iterator[duckdb.DuckDBPyConnection]:
    import duckdb

    from warehouse.errors import explained

    files = lake.files if lake.is_remote else str(Path(lake.files).resolve())
    with duckdb.connect(":memory:") as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("set enable_progress_bar = false")  # it writes to standard output
        for name in ("ducklake", "postgres_scanner", *(["httpfs"] if lake.is_remote else [])):
            connection.execute(f"load {_quoted(extension(name))}")
        how = ", ".join([f"data_path {_quoted(files.rstrip('/') + '/')}", *options])
        attaching = f"attach {_quoted(PREFIX + lake.catalog)} as {ALIAS} ({how})"  # takes no parameter
        try:
            _attach(connection, attaching)
        except duckdb.Error as error:
            raise _unavailable(lake, str(error)) from None
        connection.execute(f"use {ALIAS}")
        try:
            yield connection
        except duckdb.Error as error:
            raise explained(error, lake) from error


def _unavailable(lake: Lake, said: str) -> LakeUnavailable:
    """What the engine said, without what it quotes of the connection string, for that may hold a password."""
    from warehouse.errors import LakeEmpty, LakeUnavailable

    if "creating a new DuckLake is explicitly disabled" in said:
        return LakeEmpty(f"{lake} has no tables yet: run a refresh")
    if "connection info string" in said or "invalid connection option" in said:
        return LakeUnavailable(f"{lake} cannot be opened: libpq cannot read its connection string")
    first = said.replace(lake.catalog, "…").splitlines()[0]
    return LakeUnavailable(f"{lake} cannot be opened: is its catalog up, and its address right? ({first})")


def _attach(connection: duckdb.DuckDBPyConnection, attaching: str, attempts: int = 5) -> None:
    """Two that make a new catalog at once get in each other's way; the second, asking again, finds it made."""
    import duckdb

    for left in reversed(range(attempts)):
        try:
            connection.execute(attaching)
            return
        except duckdb.Error as error:
            if not left or not ("duplicate key" in str(error) or "already exists" in str(error)):
                raise
            time.sleep(0.3)


@cache
def extension(name: str) -> Path:
    """The file of a DuckDB extension, from its package. Raises LakeUnavailable when it is not installed."""
    import duckdb

    from warehouse.errors import LakeUnavailable

    package = find_spec(f"duckdb_extension_{name}")
    for folder in package.submodule_search_locations or [] if package else []:
        path = Path(folder) / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"
        if path.is_file():
            return path
    raise LakeUnavailable(
        f"there is no extension {name} for DuckDB {duckdb.__version__}: install pertoken[lake], which pins both"
    )


def contents(connection: duckdb.DuckDBPyConnection) -> tuple[int, int, int]:
    """Snapshots kept, data files of the newest one, and their bytes; of a connection to a lake."""
    ((snapshots, files, size),) = connection.execute(
        "select (select count(*) from lake.snapshots()), sum(file_count)::bigint, sum(file_size_bytes)::bigint "
        "from ducklake_table_info($lake)",
        {"lake": ALIAS},
    ).fetchall()
    return snapshots, files, size


def tidy(lake: Lake, *, keep_days: float, now: datetime) -> None:
    """Merges small files, forgets snapshots older than `keep_days`, and removes what nothing refers to any more.

    Files that a killed writer left are removed once they are a day old: a slower writer may still be at work on a
    younger one. Raises LakeUnavailable.
    """
    bound = {"lake": ALIAS, "before": now - timedelta(days=keep_days)}
    orphaned = {"lake": ALIAS, "before": now - timedelta(days=max(keep_days, 1))}
    with connect_lake(lake) as connection:
        connection.execute("call ducklake_flush_inlined_data($lake)", {"lake": ALIAS})
        connection.execute("call ducklake_merge_adjacent_files($lake)", {"lake": ALIAS})
        connection.execute("call ducklake_expire_snapshots($lake, older_than => $before)", bound)
        connection.execute("call ducklake_cleanup_old_files($lake, older_than => $before)", bound)
        connection.execute("call ducklake_delete_orphaned_files($lake, older_than => $before)", orphaned)


def _quoted(text: str | Path) -> str:
    return "'" + str(text).replace("'", "''") + "'"
