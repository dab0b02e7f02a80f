"""A report before it is Markdown or HTML: sections of sentences, tables and charts. All text is still untrusted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from warehouse.export.text import plain

Row = Mapping[str, Any]
LONGEST_NAME = 80
"""Characters of a name in a sentence or a cell."""


class Column(NamedTuple):
    """One column: its header and the text of its cell in a row; figures stand right."""

    header: str
    cell: Callable[[Row], str]
    figures: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """`caption` says in a sentence what the rows are."""

    caption: str
    headers: Sequence[str]
    figures: Sequence[bool]
    cells: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Chart:
    """`name` becomes part of a file name, `says` is read out to those who do not see it."""

    name: str
    says: str
    svg: str


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    prose: Sequence[str]
    tables: Sequence[Table] = ()
    charts: Sequence[Chart] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """`warnings` is what must not be overlooked; `footing` says from what and when it was made."""

    title: str
    lede: Sequence[str]
    warnings: Sequence[str]
    sections: Sequence[Section]
    footing: str


def table(caption: str, columns: Sequence[Column], found: Iterable[Row]) -> Table:
    """Rows as a table of text."""
    return Table(
        caption,
        [column.header for column in columns],
        [column.figures for column in columns],
        [[column.cell(row) for column in columns] for row in found],
    )


def name(*parts: object) -> str:
    """What a source wrote, on one line, without control characters, cut short; None and empty parts are left out."""
    return plain(" ".join(str(part) for part in parts if part not in (None, "")), LONGEST_NAME)


def machine(row: Row) -> str:
    """ "2x h100-sxm-80gb" """
    if row["gpu"] is None:
        return ""
    return name(f"{row['gpu_count']:g}x {row['gpu']}" if row["gpu_count"] > 1 else row["gpu"])


def first_words(names: Sequence[str], limit: int = 5) -> str:
    """ "a, b and 3 more" """
    shown = ", ".join(names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"
