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
from warehouse.swap import building_beside, swap_in

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
    "marts.gpu_price_history",
    "marts.api_price_history",
)
DEFAULT_FORMATS = ("csv", "parquet")
FACTS = ("as_of", "provenance", "methodology_version", "contract_version", "software_version", "run_id")
"""Rows of main.methodology that every file carries."""


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
    """Writes each table ("marts.leaderboard") in each format (csv, excel, parquet, json, md), then manifest.json.

    Every file appears whole or not at all, the manifest last. Returns the manifest's path. Raises ExportError,
    WarehouseUnwritable.
    """
    with open_published(published) as connection:
        sheets = [_table(connection, name) for name in tables]
    return _write(sheets, out_dir, formats, exported_at)


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
        sheets = [_answer(connection, sql, name)]
    return _write(sheets, out_dir, formats, exported_at)


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
        frame = relation.pl() if relation is not None else None
    except duckdb.Error as error:
        raise ExportError(f"the query cannot be run: {error}") from error
    if frame is None:
        raise ExportError("the query returns no rows: give one select")
    columns = connection.execute(query("column_units"), {"table": table}).fetchall()
    units = {column: unit for column, unit, _ in columns if column in frame.columns}
    facts = dict(connection.execute(query("facts"), {"keys": list(FACTS)}).fetchall())
    descriptions = {column: text for column, _, text in columns if column in frame.columns}
    return Sheet(name, frame, units, descriptions, {key: facts[key] for key in FACTS if key in facts})


def _write(sheets: Sequence[Sheet], out_dir: Path, formats: Sequence[str], exported_at: datetime | None) -> Path:
    from warehouse.export.formats import WRITERS

    if unknown := sorted(set(formats) - set(WRITERS)):
        raise ExportError(f"no such format: {', '.join(unknown)}; there are {', '.join(WRITERS)}")
    at = (exported_at or datetime.now(UTC)).astimezone(UTC)
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
        files = []
        for sheet in sheets:
            dated = replace(sheet, facts={**sheet.facts, **_age(sheet.facts, at)})
            for name in formats:
                end, writer = WRITERS[name]
                body = writer(dated)
                _replace(out_dir / f"{sheet.name}{end}", body)
                files.append(_entry(f"{sheet.name}{end}", sheet, name, body))
        manifest = {**_manifest(sheets, at), "files": files}
        _replace(out_dir / "manifest.json", json.dumps(manifest, indent=1).encode() + b"\n")
    except OSError as error:
        raise refused(error, out_dir) from error
    return out_dir / "manifest.json"


def _replace(path: Path, body: bytes) -> None:
    building = building_beside(path)
    try:
        building.write_bytes(body)
        swap_in(building, path)
    finally:
        building.unlink(missing_ok=True)


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


def _manifest(sheets: Sequence[Sheet], at: datetime) -> dict[str, Any]:
    facts: Mapping[str, str] = sheets[0].facts if sheets else {}
    return {"exported_at": f"{at:%Y-%m-%dT%H:%M:%SZ}", **facts, **_age(facts, at)}


def _age(facts: Mapping[str, str], at: datetime) -> dict[str, str]:
    if "as_of" not in facts:
        return {}
    hours = (at - datetime.fromisoformat(facts["as_of"])).total_seconds() / 3600
    return {"age_hours": f"{hours:.1f}"}
