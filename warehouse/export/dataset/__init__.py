"""What makes a folder of files a data set: what people read (README.md, data-dictionary.md), what programs read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from importlib.metadata import files as installed_files
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

import polars as pl

from warehouse.export import FACTS
from warehouse.export.text import formula_safe, markdown_table
from warehouse.queries import answer

if TYPE_CHECKING:
    import duckdb

    from warehouse.export.formats import Sheet

PROVENANCE = {
    "live": "Every price was asked of its source on the day.",
    "recorded": "**Recorded, not live**: these are the dated examples that come with the software, not today's prices.",
}
KEY = re.compile(r"Key: \(([^)]*)\)")
"""How the comment of a table names its key. A key some of whose cells are empty is none to a data package."""
MEDIA_TYPES = {
    "csv": "text/csv",
    "excel": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
    "json": "application/json",
    "md": "text/markdown",
}


def documents(
    connection: duckdb.DuckDBPyConnection,
    sheets: Sequence[Sheet],
    facts: Mapping[str, str],
    files: Sequence[Mapping[str, Any]],
) -> dict[str, str]:
    """File name -> text of all that stands beside the tables. `facts`: versions, dates, when exported."""
    return {
        "README.md": _readme(connection, sheets, facts, files),
        "data-dictionary.md": _dictionary(sheets),
        "LICENSE": next(file for file in installed_files("pertoken") or () if file.name == "LICENSE").read_text(),
        "datapackage.json": json.dumps(_package(connection, sheets, facts, files), indent=1, ensure_ascii=False) + "\n",
    }


def _readme(
    connection: duckdb.DuckDBPyConnection,
    sheets: Sequence[Sheet],
    facts: Mapping[str, str],
    files: Sequence[Mapping[str, Any]],
) -> str:
    template = Template((Path(__file__).parent / "about.md").read_text("utf-8"))
    tables = [
        {
            "table": sheet.name,
            "files": ", ".join(str(file["name"]) for file in files if file["table"] == sheet.name),
            "rows": sheet.frame.height,
            "what": sheet.about or "The rows of a query.",
        }
        for sheet in sheets
    ]
    return template.substitute(
        {**dict.fromkeys(FACTS, "unknown"), **facts},
        provenance=PROVENANCE.get(facts.get("provenance", ""), ""),
        files=markdown_table(tables),
        assumptions=markdown_table(answer(connection, "assumptions")),
        sources=markdown_table(answer(connection, "sources_answered")),
    )


def _dictionary(sheets: Sequence[Sheet]) -> str:
    parts = ["# Data dictionary\n"]
    for sheet in sheets:
        columns = [
            {
                "column": name,
                "type": _type(dtype),
                "unit": sheet.units.get(name, ""),
                "what": sheet.descriptions.get(name, ""),
            }
            for name, dtype in sheet.frame.schema.items()
        ]
        parts.append(f"## {sheet.name}\n\n{sheet.about}\n\n{markdown_table(columns)}")
    return "\n".join(parts)


def _package(
    connection: duckdb.DuckDBPyConnection,
    sheets: Sequence[Sheet],
    facts: Mapping[str, str],
    files: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """A descriptor after Data Package 1, which every tool reads; units and versions stand beside, as it allows."""
    by_name = {sheet.name: sheet for sheet in sheets}
    return {
        "name": "pertoken",
        "title": "What a million LLM tokens costs",
        "description": "Prices of rented GPUs and of LLM APIs, estimated throughput, and both ranked per 1M tokens.",
        "created": facts["exported_at"],
        **facts,
        "licenses": [{"name": "MIT", "title": "MIT License, for what was added to the prices", "path": "LICENSE"}],
        "sources": [{"title": row["source"]} for row in answer(connection, "sources_answered")],
        "resources": [_resource(by_name[file["table"]], file) for file in files],
    }


def _resource(sheet: Sheet, file: Mapping[str, Any]) -> dict[str, Any]:
    form = file["format"]
    path = Path(file["name"])
    said = {
        "name": path.name.lower(),
        "path": path.name,
        "description": sheet.about,
        "format": path.suffix.removeprefix("."),
        "mediatype": MEDIA_TYPES[form],
        "bytes": file["bytes"],
        "hash": f"sha256:{file['sha256']}",
    }
    if form != "csv":
        return {**said, "type": "file"}  # the others say themselves what their columns are
    return {**said, "profile": "tabular-data-resource", "encoding": "utf-8", "schema": _schema(sheet)}


def _schema(sheet: Sheet) -> dict[str, Any]:
    """Columns of the CSV: the members of a list stand in one cell of text."""
    fields = [
        {
            "name": formula_safe(name),
            "type": "string" if isinstance(dtype, pl.List) else _type(dtype),
            "unit": sheet.units.get(name, ""),
            "description": sheet.descriptions.get(name, ""),
        }
        for name, dtype in sheet.frame.schema.items()
    ]
    schema: dict[str, Any] = {"fields": fields, "missingValues": [""]}
    if (key := KEY.search(sheet.about)) and not sheet.frame.select(key[1].split(", ")).null_count().sum_horizontal()[0]:
        schema["primaryKey"] = key[1].split(", ")
    return schema


def _type(dtype: pl.DataType) -> str:
    """The word of a data package for a type."""
    if isinstance(dtype, pl.Datetime):
        return "datetime"
    if isinstance(dtype, pl.List):
        return "array"
    names = {pl.Boolean: "boolean", pl.Date: "date", pl.String: "string"}
    return names.get(type(dtype)) or ("integer" if dtype.is_integer() else "number" if dtype.is_numeric() else "any")
