"""Backup, vacuum and diagnosis of the data folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import duckdb

from warehouse.errors import (
    LakeEmpty,
    WarehouseBusy,
    WarehouseDamaged,
    WarehouseError,
    WarehouseUnwritable,
    explained,
    refused,
)
from warehouse.lake import Lake, contents, read_lake
from warehouse.lock import exclusive, holder
from warehouse.published import open_published
from warehouse.queries import query
from warehouse.schema import bring_up_to_date, columns, declared_columns, newest_version
from warehouse.store import Warehouse, connect
from warehouse.swap import building_beside, swap_in, sweep

CLOCK_TOLERANCE = timedelta(minutes=5)
"""What clocks of different machines may differ by."""
LOW_DISK_FACTOR = 2.0
"""Free space wanted, as a multiple of the private file: a vacuum and a publication both write beside it."""


def backup(warehouse: Warehouse, target: Path) -> Path:
    """Copies the private file to `target`, reads every row of the copy back, then puts it in its place.

    Nothing else can write meanwhile: the caller holds the warehouse. An older file of that name stays until the new
    one is whole. Raises WarehouseDamaged, WarehouseUnwritable.
    """
    warehouse.connection.execute("checkpoint")
    building = building_beside(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(warehouse.path, building)
        verify(building)
        target.with_name(target.name + ".wal").unlink(missing_ok=True)
        swap_in(building, target)
    except OSError as error:
        raise refused(error, target) from error
    finally:
        building.unlink(missing_ok=True)
    return target


def verify(path: Path) -> dict[str, int]:
    """Reads every value of a database file, so that every block meets its checksum. Rows per table.

    Raises WarehouseDamaged. Takes as long as reading the file.
    """
    try:
        with duckdb.connect(path, read_only=True) as connection:
            return {
                f"{schema}.{table}": _read_whole(connection, schema, table) for schema, table in columns(connection)
            }
    except duckdb.Error as error:
        wrong = explained(error, path)
        if isinstance(wrong, WarehouseError):
            raise wrong from error
        raise WarehouseDamaged(f"{path} is damaged: put the newest backup in its place ({error})") from error


def vacuum(path: Path, *, raw_before: datetime | None = None) -> tuple[int, int]:
    """Rewrites the private file without its free blocks; drops raw responses fetched before `raw_before`, if given.

    What is parsed from a dropped response stays, but can no longer be replayed. Returns bytes before and after.
    Raises WarehouseBusy, WarehouseDamaged, WarehouseUnwritable; the old file stays until the new one is whole.
    """
    building = building_beside(path)
    with exclusive(path):
        try:
            sweep(path)
            with connect(building) as connection:
                _copy_whole(connection, path, raw_before)
            before = path.stat().st_size
            swap_in(building, path)
        except duckdb.Error as error:
            raise explained(error, building) from error
        except OSError as error:
            raise refused(error, building) from error
        finally:
            with suppress(OSError):
                sweep(path)
    return before, path.stat().st_size


@dataclass(frozen=True, slots=True)
class Symptom:
    """One thing the doctor looked at: ok, a warning, or a fault, with what to do."""

    about: str
    severity: Literal["ok", "warning", "fault"]
    what: str


def doctor(private: Path, published: Path) -> list[Symptom]:
    """Looks at folder, disk, lock, private and published file. Changes nothing, and never waits for a refresh."""
    looks: list[Callable[[Path, Path], Iterator[Symptom]]] = [_folder, _disk, _lock, _private_file, _published_file]
    return [symptom for look in looks for symptom in look(private, published)]


def lake_doctor(lake: Lake, published: Path, now: datetime) -> list[Symptom]:
    """Looks at a lake's catalog, schema version, clock and files, and at folder and published file. Changes nothing."""
    return [*_folder(published, published), *_lake(lake, now), *_published_file(published, published)]


def _lake(lake: Lake, now: datetime) -> Iterator[Symptom]:
    try:
        with read_lake(lake) as connection:
            snapshots, files, size = contents(connection)
            yield Symptom(
                "lake", "ok", f"its catalog answers: {snapshots} snapshots, {files} files, {size / 1e9:.2f} GB"
            )
            yield from list(_schema(connection))
            ((newest,),) = connection.execute("select max(started_at) from core.runs").fetchall()
    except LakeEmpty as error:
        yield Symptom("lake", "warning", str(error))
    except (WarehouseError, duckdb.Error) as error:
        wrong = explained(error, lake) if isinstance(error, duckdb.Error) else error
        yield Symptom("lake", "fault", str(wrong).replace(lake.catalog, "…"))
    else:
        if newest is not None and newest > now + CLOCK_TOLERANCE:
            what = f"it is {now:%Y-%m-%d %H:%M} UTC here and the newest run began {newest:%Y-%m-%d %H:%M}"
            yield Symptom("clock", "fault", f"{what}: set the clock")
        if not lake.is_remote:
            yield from _lake_files(Path(lake.files), size)


def _lake_files(folder: Path, size: int) -> Iterator[Symptom]:
    if not os.access(folder, os.W_OK | os.X_OK, effective_ids=True):
        yield Symptom("lake", "fault", f"{folder} cannot be written: make it, mount it, or change its owner")
        return
    free = shutil.disk_usage(folder).free
    enough = free >= size
    what = f"{free / 1e9:.1f} GB free beside {size / 1e9:.2f} GB of files of the lake"
    yield Symptom("disk", "ok" if enough else "fault", what if enough else f"{what}: free some, to merge them")


def _folder(private: Path, _: Path) -> Iterator[Symptom]:
    if not os.access(private.parent, os.W_OK, effective_ids=True):
        yield Symptom("folder", "fault", f"{private.parent} cannot be written: make it, or change its owner")
    for leftover in sorted(private.parent.glob(".*.building*")):
        yield Symptom("folder", "warning", f"{leftover.name} was left by a killed run; the next publication sweeps it")


def _disk(private: Path, _: Path) -> Iterator[Symptom]:
    if not private.parent.is_dir():
        return
    free, size = shutil.disk_usage(private.parent).free, private.stat().st_size if private.is_file() else 0
    enough = free >= LOW_DISK_FACTOR * size
    what = f"{free / 1e9:.1f} GB free beside a private file of {size / 1e9:.2f} GB"
    yield Symptom("disk", "ok" if enough else "fault", what if enough else f"{what}: free some, or vacuum elsewhere")


def _lock(private: Path, _: Path) -> Iterator[Symptom]:
    pid = holder(private) if private.parent.is_dir() else None
    yield Symptom("lock", "ok", f"a refresh is running (pid {pid})" if pid else "no refresh is running")


def _private_file(private: Path, _: Path) -> Iterator[Symptom]:
    if not private.is_file():
        yield Symptom("private file", "warning", f"{private} does not exist yet: run a refresh")
        return
    log = private.with_name(private.name + ".wal")
    if log.is_file():
        yield Symptom(
            "private file", "warning", f"{log.name} holds what a killed run committed; the next run reads it in"
        )
    try:
        with exclusive(private), duckdb.connect(private, read_only=True) as connection:
            yield from list(_schema(connection))
    except WarehouseBusy as error:
        yield Symptom("private file", "ok", f"{error}: not looked into")
    except WarehouseUnwritable as error:
        yield Symptom("private file", "fault", str(error))
    except duckdb.Error as error:
        yield Symptom("private file", "fault", str(explained(error, private)))


def _schema(connection: duckdb.DuckDBPyConnection) -> Iterator[Symptom]:
    found = columns(connection)
    ((version, _),) = connection.execute(query("schema_version")).fetchall() or [(0, "")]
    missing = [f"{schema}.{table}" for schema, table in declared_columns() if (schema, table) not in found]
    if version > newest_version():
        yield Symptom("schema", "fault", f"version {version} is newer than this software: upgrade it")
    elif version < newest_version() or missing:
        yield Symptom("schema", "warning", f"version {version}: the next run brings it to {newest_version()}")
    else:
        yield Symptom("schema", "ok", f"version {version}")


def _published_file(_: Path, published: Path) -> Iterator[Symptom]:
    if not published.is_file():
        yield Symptom("published file", "warning", f"{published} does not exist yet: run a refresh")
        return
    try:
        with open_published(published) as connection:
            facts = dict(connection.execute(query("facts"), {"keys": ["as_of", "contract_version"]}).fetchall())
    except (duckdb.Error, WarehouseError) as error:
        wrong = explained(error, published) if isinstance(error, duckdb.Error) else error
        yield Symptom("published file", "fault", f"{wrong}; the next refresh makes it anew")
        return
    yield Symptom(
        "published file", "ok", f"as of {facts.get('as_of')}, contract version {facts.get('contract_version')}"
    )


def _read_whole(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> int:
    ((n_rows, _),) = connection.execute(f'select count(*), sum(hash(t)) from {schema}."{table}" as t').fetchall()
    return int(n_rows)


def _copy_whole(connection: duckdb.DuckDBPyConnection, path: Path, raw_before: datetime | None) -> None:
    ((home,),) = connection.execute("select current_catalog()").fetchall()
    quoted = str(path).replace("'", "''")
    connection.execute(f"attach '{quoted}' as old")  # no parameter is allowed here; read-write, to read its log in
    connection.execute("use old")
    bring_up_to_date(connection)
    connection.execute(f'use "{home}"')
    bring_up_to_date(connection)
    connection.execute("delete from bookkeeping.schema_version")
    for (schema, table), names in declared_columns().items():
        listed = ", ".join(f'"{name}"' for name in names)
        kept, bound = ("where fetched_at >= ?", [raw_before]) if raw_before and table == "captures" else ("", [])
        connection.execute(
            f"insert into {schema}.{table} ({listed}) select {listed} from old.{schema}.{table} {kept}", bound
        )
    connection.execute("detach old")
    connection.execute("checkpoint")
