"""The tables, as declared in the .sql files of this folder, and how an older file is brought up to them.

`migrations/NNNN_what.sql` hold what cannot be derived: renames, changed types, backfills. A missing table or column
is added from the declarations, so adding a column never needs a migration.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import duckdb
import polars as pl

from warehouse.errors import SchemaMismatch
from warehouse.queries import query

FOLDER = Path(__file__).parent
VIEWS = FOLDER.parent / "views"
PUBLIC = ("main", "reference", "core", "marts")
PRIVATE = ("bookkeeping", "raw")
BASELINE = 1
"""Schema version of a file no migration has touched."""

Columns = dict[tuple[str, str], dict[str, str]]
"""(schema, table) -> column -> DuckDB type, in order."""


@cache
def declared_sql(schemas: tuple[str, ...] = PUBLIC + PRIVATE) -> str:
    """Every table of `schemas` and every view, in an order in which they can be created; safe to run again."""
    tables = [(FOLDER / f"{name}.sql").read_text("utf-8") for name in schemas]
    views = [path.read_text("utf-8") for path in sorted(VIEWS.glob("*.sql"))]
    return "\n".join(tables + views)


def unconstrained_sql() -> str:
    """The same tables and views for an engine without keys, checks and comments on views: a lake.

    What the checks ask is in `row_checks`.
    """
    tables = []
    for schema in PRIVATE + PUBLIC:
        tables.append(f"create schema if not exists {schema};")
    with duckdb.connect(":memory:") as commented:
        commented.execute(declared_sql())
        described = commented.execute(query("described_columns")).fetchall()
    columns_of: dict[tuple[str, str], list[tuple[str, str, bool, str]]] = {}
    for schema, table, *column in described:
        columns_of.setdefault((schema, table), []).append(tuple(column))
    for (schema, table), listed in columns_of.items():
        lines = [f'"{name}" {kind}{"" if nullable else " not null"}' for name, kind, nullable, _ in listed]
        tables.append(f"create table if not exists {schema}.{table} ({', '.join(lines)});")
        for name, _, _, comment in listed:
            quoted = comment.replace("'", "''")
            tables.append(f"comment on column {schema}.{table}.\"{name}\" is '{quoted}';")
    views = [
        statement.query.strip() + ";"
        for path in sorted(VIEWS.glob("*.sql"))
        for statement in duckdb.extract_statements(path.read_text("utf-8"))
        if statement.type == duckdb.StatementType.CREATE
    ]
    return "\n".join(tables + views)


@cache
def row_checks() -> dict[str, list[str]]:
    """Table ("core.gpu_offers") -> its CHECK conditions as SQL, for an engine that has none."""
    found: dict[str, list[str]] = {}
    for table, condition in _declared().cursor().execute(query("row_checks")).fetchall():
        found.setdefault(table, []).append(condition)
    return found


@cache
def _declared() -> duckdb.DuckDBPyConnection:
    """An empty database made from the .sql files, to ask what they declare. Comments would take ten times as long."""
    connection = duckdb.connect(":memory:")
    connection.execute("set global TimeZone = 'UTC'")
    for statement in duckdb.extract_statements(declared_sql()):
        if statement.type == duckdb.StatementType.CREATE:
            connection.execute(statement)
    return connection


@cache
def declared_columns() -> Columns:
    """What the .sql files declare."""
    return columns(_declared().cursor())


@cache
def frame_schema(table: str) -> pl.Schema:
    """Polars columns and types of one table ("core.gpu_offers")."""
    return _declared().cursor().table(table).limit(0).pl().schema


def columns(connection: duckdb.DuckDBPyConnection) -> Columns:
    """Tables of the current catalog with their columns and types."""
    found: Columns = {}
    for schema, table, column, data_type in connection.execute(query("columns")).fetchall():
        found.setdefault((schema, table), {})[column] = data_type
    return found


def migrations(folder: Path = FOLDER / "migrations") -> dict[int, Path]:
    """Version -> script, ascending. The version is the number the file's name begins with."""
    return {int(path.name.split("_")[0]): path for path in sorted(folder.glob("[0-9]*_*.sql"))}


def newest_version() -> int:
    return max(migrations(), default=BASELINE)


def fingerprint() -> str:
    """SHA-256 of everything that decides what the tables look like."""
    scripts = [path.read_text("utf-8") for path in migrations().values()]
    return hashlib.sha256("\n".join([declared_sql(), *scripts]).encode()).hexdigest()


def bring_up_to_date(
    connection: duckdb.DuckDBPyConnection,
    scripts: Mapping[int, Path] | None = None,
    declaring: Callable[[], str] = declared_sql,
) -> bool:
    """Creates, migrates and comments every table of the current catalog in one transaction; nothing when it is current.

    Returns whether anything was done, which is then worth a checkpoint. Raises SchemaMismatch when the file is newer
    than this software, or a column cannot be brought to its type.
    """
    scripts = migrations() if scripts is None else scripts
    newest, wanted = max(scripts, default=BASELINE), fingerprint()
    version, stored = _version(connection)
    if version > newest:
        raise SchemaMismatch(f"the file has schema version {version}, this software knows {newest}: upgrade it")
    if version == newest and stored == wanted:
        return False
    connection.execute("begin")
    try:
        for number, path in scripts.items():
            if 0 < version < number:
                connection.execute(path.read_text("utf-8"))
        _add_missing_columns(connection)
        connection.execute(declaring())
        connection.execute(
            query("store_schema_version"), {"version": newest, "fingerprint": wanted, "applied_at": datetime.now(UTC)}
        )
        connection.execute("commit")
    except BaseException:
        with suppress(duckdb.Error):  # a commit that failed has rolled back by itself
            connection.execute("rollback")
        raise
    return True


def _version(connection: duckdb.DuckDBPyConnection) -> tuple[int, str]:
    """Version and fingerprint of the file; 0 and nothing when it is empty."""
    if ("bookkeeping", "schema_version") not in columns(connection):
        return 0, ""
    ((version, stored),) = connection.execute(query("schema_version")).fetchall()
    return version, stored


def _add_missing_columns(connection: duckdb.DuckDBPyConnection) -> None:
    present = columns(connection)
    for (schema, table), declared in declared_columns().items():
        there = present.get((schema, table), declared)
        for column, data_type in declared.items():
            if column not in there:
                connection.execute(f'alter table {schema}.{table} add column "{column}" {data_type}')
            elif there[column] != data_type:
                raise SchemaMismatch(
                    f"{schema}.{table}.{column} is {there[column]} in the file and {data_type} in the schema: "
                    "add a migration that changes it"
                )
