"""Opening the analysts' file without trusting the query."""

from __future__ import annotations

from pathlib import Path

import duckdb

from warehouse.errors import WarehouseError, explained


def open_published(path: Path) -> duckdb.DuckDBPyConnection:
    """A read-only connection in UTC that reaches no other file, no network, no extension and no Python variable.

    Its settings are locked. Raises WarehouseError when there is no such file, WarehouseDamaged when it is none.
    """
    if not path.is_file():
        raise WarehouseError(f"{path} does not exist: run `pertoken refresh` first")
    try:
        connection = duckdb.connect(
            path,
            read_only=True,
            config={
                "enable_external_access": "false",
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "python_enable_replacements": "false",
            },
        )
    except duckdb.Error as error:
        raise explained(error, path) from error
    connection.execute("set TimeZone = 'UTC'")
    connection.execute("set enable_progress_bar = false")  # it writes to standard output
    connection.execute("set lock_configuration = true")
    return connection
