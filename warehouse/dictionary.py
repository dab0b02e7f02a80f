"""docs/data-dictionary.md, from the comments of the schema files. `python -m warehouse.dictionary` writes it anew."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import duckdb

from warehouse.queries import query
from warehouse.schema import PUBLIC, declared_sql, newest_version

DOCUMENT = Path(__file__).parent.parent / "docs" / "data-dictionary.md"

HEAD = """# Data dictionary of `prices.duckdb`

Contract version {version}. Made from the comments in `warehouse/schema/` and `warehouse/views/`; the same text stands
in the file itself: `from data_dictionary`. Times are UTC, fractions 0..1, an empty cell means *not said* or *does not
apply*.
"""


def as_markdown() -> str:
    """Every table, view and macro with its columns, types, units and descriptions."""
    with duckdb.connect(":memory:") as connection:
        connection.execute(declared_sql(PUBLIC))
        rows = connection.execute(query("data_dictionary")).fetchall()
    parts = [HEAD.format(version=newest_version())]
    for (schema, table), lines in groupby(rows, key=lambda row: (row[0], row[1])):
        (_, _, kind, _, _, _, _, description), *columns = lines
        parts.append(f"## {schema}.{table}\n\n{kind}: {_cell(description)}\n")
        if columns:
            cells = [f"| `{row[4]}` | {row[5].lower()} | {row[6]} | {_cell(row[7])} |" for row in columns]
            parts.append("\n".join(["| column | type | unit | |", "|---|---|---|---|", *cells]) + "\n")
    return "\n".join(parts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    DOCUMENT.write_text(as_markdown(), "utf-8")
