"""Tables and queries of the published file as a folder that can be passed on as it is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warehouse.errors import WarehouseError, refused
from warehouse.published import open_published
from warehouse.queries import query
from warehouse.swap import write_whole

if TYPE_CHECKING:
    import duckdb

    from warehouse.export.formats import Sheet

DEFAULT_TABLES = (
    "marts.leaderboard",
    "marts.gpu_prices",
    "marts.throughput",
    "marts.break_even",
    "marts.api_comparison",
    "marts.claims_audit",
    "marts.source_health",
    "marts.price_changes",
    "marts.movers",
    "marts.gpu_price_history",
    "marts.api_price_history",
    "reference.workloads",
    "reference.models",
    "reference.gpus",
)
DEFAULT_FORMATS = ("csv", "parquet")
FACTS = ("as_of", "provenance", "methodology_version", "contract_version", "software_version", "run_id")
"""Rows of main.methodology that every file carries."""

IN_NO_CELL = {"array", "bit", "blob", "interval", "list", "map", "struct", "time with time zone", "union", "variant"}
"""Types of DuckDB that a spreadsheet or a page has no cell for; a list of others is written member by member."""


class ExportError(WarehouseError):
    """Nothing was exported: an unknown format, table or query."""


def export(
    published: Path,
    out_dir: Path,
    *,
    formats: Sequence[str] = DEFAULT_FORMATS,
    tables: Sequence[str] = DEFAULT_TABLES,
    exported_at: datetime | None = None,
) -> Path:
    """Writes each table ("marts.leaderboard") in each format (csv, excel, parquet, json, md) as a data set of its own.

    With them what a reader needs who has nothing but the folder: README.md, data-dictionary.md, LICENSE,
    datapackage.json (Frictionless) and manifest.json. Every file appears whole or not at all, the manifest last.
    Returns the manifest's path. Raises ExportError, WarehouseUnwritable.
    """
    with open_published(published) as connection:
        return _write(connection, [_table(connection, name) for name in tables], out_dir, formats, exported_at)


def export_query(
    published: Path,
    sql: str,
    out_dir: Path,
    *,
    name: str = "query",
    formats: Sequence[str] = DEFAULT_FORMATS,
    exported_at: datetime | None = None,
) -> Path:
    """The same for the rows of one query. A column keeps its unit where every table agrees on it."""
    if not name.replace("-", "").replace("_", "").isalnum():
        raise ExportError(f"{name!r} cannot be part of a file name: use letters, digits, - and _")
    with open_published(published) as connection:
        return _write(connection, [_answer(connection, sql, name)], out_dir, formats, exported_at)


def _table(connection: duckdb.DuckDBPyConnection, name: str) -> Sheet:
    known = [row[0] for row in connection.execute(query("published_tables")).fetchall()]
    if name not in known:
        raise ExportError(f"there is no table {name}; there are {', '.join(known)}")
    return _sheet(connection, f"select * from {name}", name.removeprefix("marts."), name)


def _answer(connection: duckdb.DuckDBPyConnection, sql: str, name: str) -> Sheet:
    return _sheet(connection, sql, name, None)


def _sheet(connection: duckdb.DuckDBPyConnection, sql: str, name: str, table: str | None) -> Sheet:
    import duckdb

    from warehouse.export.formats import Sheet

    try:
        relation = connection.sql(sql)
        if relation is None:
            raise ExportError("the query returns no rows: give one select")
        for column, kind in zip(relation.columns, relation.types, strict=True):
            if not _in_a_cell(kind):
                raise ExportError(f"{column} is of type {kind}, which fits into no cell: cast it to text")
        frame = relation.pl()
    except duckdb.Error as error:
        raise ExportError(f"the query cannot be run: {error}") from error
    columns = connection.execute(query("column_units"), {"table": table}).fetchall()
    units = {column: unit for column, unit, _ in columns if column in frame.columns}
    facts = dict(connection.execute(query("facts"), {"keys": list(FACTS)}).fetchall())
    descriptions = {column: text for column, _, text in columns if column in frame.columns}
    told = connection.execute(query("described_table"), {"table": table}).fetchone()
    known = {key: facts[key] for key in FACTS if key in facts}
    return Sheet(name, frame, units, descriptions, known, told[0] if told else "")


def _in_a_cell(kind: Any) -> bool:
    """Whether values of a DuckDB type, or the members of a list of them, can stand in one cell of any format."""
    members = kind.children[0][1] if kind.id == "list" else kind
    return members.id not in IN_NO_CELL


def _write(
    connection: duckdb.DuckDBPyConnection,
    sheets: Sequence[Sheet],
    out_dir: Path,
    formats: Sequence[str],
    exported_at: datetime | None,
) -> Path:
    from warehouse.export import dataset
    from warehouse.export.formats import WRITERS

    if unknown := sorted(set(formats) - set(WRITERS)):
        raise ExportError(f"no such format: {', '.join(unknown)}; there are {', '.join(WRITERS)}")
    at = (exported_at or datetime.now(UTC)).astimezone(UTC)
    dated = [replace(sheet, facts={**sheet.facts, **_age(sheet.facts, at)}) for sheet in sheets]
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
        files = []
        for sheet in dated:
            for name in formats:
                end, writer = WRITERS[name]
                body = writer(sheet)
                write_whole(out_dir / f"{sheet.name}{end}", body)
                files.append(_entry(f"{sheet.name}{end}", sheet, name, body))
        facts = {"exported_at": f"{at:%Y-%m-%dT%H:%M:%SZ}", **(dated[0].facts if dated else {})}
        for name, text in dataset.documents(connection, dated, facts, files).items():
            write_whole(out_dir / name, text.encode())
        write_whole(out_dir / "manifest.json", json.dumps({**facts, "files": files}, indent=1).encode() + b"\n")
    except OSError as error:
        raise refused(error, out_dir) from error
    return out_dir / "manifest.json"


def _entry(file: str, sheet: Sheet, name: str, body: bytes) -> dict[str, Any]:
    return {
        "name": file,
        "table": sheet.name,
        "format": name,
        "rows": sheet.frame.height,
        "columns": sheet.frame.width,
        "bytes": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
    }


def _age(facts: Mapping[str, str], at: datetime) -> dict[str, str]:
    if "as_of" not in facts:
        return {}
    hours = (at - datetime.fromisoformat(facts["as_of"])).total_seconds() / 3600
    return {"age_hours": f"{hours:.1f}"}
