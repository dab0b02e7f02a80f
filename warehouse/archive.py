"""Closed months as Parquet beside the published file: every observation, for ever, at no cost to a refresh.

`history/gpu_offers/2026-10.parquet` and so on. A month is written once, when a run of a later month is published, and
again only when a replay has changed it.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from warehouse.errors import WarehouseError, explained, refused
from warehouse.store import Warehouse
from warehouse.swap import building_beside, swap_in, sweep

ARCHIVED_TABLES = ("core.gpu_offers", "core.api_prices", "marts.leaderboard_history")


def archive(warehouse: Warehouse, folder: Path) -> list[Path]:
    """Writes the months that are missing or changed and returns their files. Raises WarehouseUnwritable."""
    written = []
    for table, month, first_run, last_run, n_rows, fingerprint, is_archived in warehouse.closed_months(ARCHIVED_TABLES):
        path = folder / table.split(".")[1] / f"{month}.parquet"
        if is_archived and path.is_file():
            continue
        _write(warehouse.connection, table, first_run, last_run, n_rows, path)
        warehouse.note_archive(table, month, n_rows=n_rows, fingerprint=fingerprint)
        written.append(path)
    return written


def _write(
    connection: duckdb.DuckDBPyConnection, table: str, first_run: str, last_run: str, n_rows: int, path: Path
) -> None:
    building = building_beside(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep(path)
        ((written,),) = connection.execute(
            f"copy (select * from {table} where run_id between $first_run and $last_run) to $path "
            "(format parquet, compression zstd)",
            {"first_run": first_run, "last_run": last_run, "path": str(building)},
        ).fetchall()
        if written != n_rows:
            raise WarehouseError(f"{table} holds {written} rows from {first_run} to {last_run}, {n_rows} were stored")
        building.chmod(0o444)
        swap_in(building, path)
    except duckdb.Error as error:
        raise explained(error, building) from error
    except OSError as error:
        raise refused(error, path) from error
    finally:
        building.unlink(missing_ok=True)
