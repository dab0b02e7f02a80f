"""SQL the store runs, one question per file. Parameters are bound by name."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb


@cache
def query(name: str) -> str:
    """Text of queries/NAME.sql."""
    return (Path(__file__).parent / f"{name}.sql").read_text("utf-8")


def answer(connection: duckdb.DuckDBPyConnection, name: str, **values: object) -> list[dict[str, Any]]:
    """The rows of queries/NAME.sql with its $parameters bound, as dictionaries."""
    found = connection.execute(query(name), values or None)
    columns = [column[0] for column in found.description or ()]
    return [dict(zip(columns, row, strict=True)) for row in found.fetchall()]
