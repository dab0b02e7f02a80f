"""One table as the bytes of a file, in each format. Text cells are made safe for what opens the file."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import polars.selectors as cs

from warehouse.export import ExportError
from warehouse.export.text import BREAKS, FORMULA, NUMBER, UNSEEN, formula_safe, markdown_table, plain
from warehouse.export.text import written as text_of

if TYPE_CHECKING:
    import xlsxwriter
    import xlsxwriter.worksheet

EXCEL_ROWS = 1_048_576
EXCEL_CHARACTERS = 32_767
"""What a sheet and a cell of Excel hold."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table with what it means: unit and description per column, and facts about the whole (as_of, versions).

    `about` is the comment of the table; it names the key. A query has none.
    """

    name: str
    frame: pl.DataFrame
    units: Mapping[str, str] = field(default_factory=dict)
    descriptions: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    about: str = ""


def csv(sheet: Sheet) -> bytes:
    """UTF-8, commas, ISO 8601 times; a cell a spreadsheet would run begins with an apostrophe."""
    return _spreadsheet(sheet.frame).write_csv().encode()


def excel(sheet: Sheet) -> bytes:
    """A workbook, the same in every locale: typed numbers and times, text that is never a formula, a sheet `about`.

    Written row by row through a temporary file: whole boards fit into memory. Raises ExportError beyond Excel's rows.
    """
    import xlsxwriter

    if sheet.frame.height >= EXCEL_ROWS:
        raise ExportError(f"{sheet.name} has {sheet.frame.height:,} rows and a sheet holds {EXCEL_ROWS:,}: use parquet")
    frame = sheet.frame.with_columns(
        cs.datetime(time_zone="*").dt.convert_time_zone("UTC").dt.replace_time_zone(None),
        cs.decimal().cast(pl.Float64),
        *_lists_as_text(sheet.frame),
    ).with_columns(pl.when(cs.float().is_finite()).then(cs.float()))
    about = [*sheet.facts.items(), ("", ""), ("column", "what it is, and its unit")]
    about += [(name, f"{sheet.descriptions.get(name, '')} [{sheet.units.get(name, '')}]") for name in frame.columns]
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"constant_memory": True}) as book:
        _fill(book, book.add_worksheet(sheet.name[:31]), frame)
        _fill(book, book.add_worksheet("about"), pl.DataFrame(about, schema=["fact", "value"], orient="row"))
    return out.getvalue()


def parquet(sheet: Sheet) -> bytes:
    """Typed columns, zstd; each field carries `unit` and `comment`, the file carries the facts."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = sheet.frame.to_arrow()
    fields = [
        column.with_metadata(
            {"unit": sheet.units.get(column.name, ""), "comment": sheet.descriptions.get(column.name, "")}
        )
        for column in table.schema
    ]
    out = io.BytesIO()
    pq.write_table(table.cast(pa.schema(fields, metadata=dict(sheet.facts))), out, compression="zstd")
    return out.getvalue()


def json_(sheet: Sheet) -> bytes:
    """An object with `table`, `facts`, `columns` (name, type, unit, description), `rows`. API prices are exact text."""
    columns = [
        {
            "name": name,
            "type": str(dtype),
            "unit": sheet.units.get(name, ""),
            "description": sheet.descriptions.get(name, ""),
        }
        for name, dtype in sheet.frame.schema.items()
    ]
    head = json.dumps({"table": sheet.name, "facts": dict(sheet.facts), "columns": columns}, ensure_ascii=False)
    rows = _times_as_text(sheet.frame).with_columns(_decimals_as_text(sheet.frame)).write_json()
    return f'{head[:-1]}, "rows": {rows}}}\n'.encode()


def markdown(sheet: Sheet) -> bytes:
    """A table with its age above it. No markup, HTML or link of a cell survives."""
    facts = ", ".join(f"{key} {value}" for key, value in sheet.facts.items())
    return f"# {sheet.name}\n\n{facts}\n\n{markdown_table(sheet.frame.to_dicts())}".encode()


WRITERS: Mapping[str, tuple[str, Callable[[Sheet], bytes]]] = {
    "csv": (".csv", csv),
    "excel": (".xlsx", excel),
    "parquet": (".parquet", parquet),
    "json": (".json", json_),
    "md": (".md", markdown),
}
"""Format -> end of the file name, writer."""


def _fill(book: xlsxwriter.Workbook, page: xlsxwriter.worksheet.Worksheet, frame: pl.DataFrame) -> None:
    text = book.add_format({"quote_prefix": True})  # a cell that is edited stays text, too
    moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})

    def written(row: int, column: int, value: Any) -> None:
        match value:
            case str():
                page.write_string(row, column, plain(value, EXCEL_CHARACTERS), text)
            case bool():
                page.write_boolean(row, column, value)
            case int() | float():
                page.write_number(row, column, value)
            case date() | time() | timedelta():
                page.write_datetime(row, column, value, moment)
            case _:
                page.write_string(row, column, plain(text_of(value), EXCEL_CHARACTERS), text)

    bold = book.add_format({"bold": True, "quote_prefix": True})
    page.freeze_panes(1, 0)
    page.set_column(0, frame.width - 1, 18)
    for column, name in enumerate(frame.columns):
        page.write_string(0, column, plain(name), bold)
    for row, values in enumerate(frame.iter_rows(), start=1):
        for column, value in enumerate(values):
            if value is not None:
                written(row, column, value)
    page.autofilter(0, 0, frame.height, frame.width - 1)


def _spreadsheet(frame: pl.DataFrame) -> pl.DataFrame:
    flat = _times_as_text(frame).with_columns(_decimals_as_text(frame)).with_columns(_lists_as_text(frame))
    text = [name for name, dtype in frame.schema.items() if dtype == pl.String or isinstance(dtype, pl.List)]
    safe = flat.with_columns(_harmless(name) for name in text)
    return safe.rename({name: formula_safe(name) for name in safe.columns})


def _harmless(name: str) -> pl.Expr:
    """What `formula_safe` makes of one cell, for a column."""
    shown = pl.col(name).str.replace_all(BREAKS, " ").str.replace_all(UNSEEN, "")
    runs = shown.str.contains(FORMULA) & ~shown.str.contains(NUMBER)
    return pl.when(runs).then(pl.concat_str(pl.lit("'"), shown)).otherwise(shown).alias(name)


def _times_as_text(frame: pl.DataFrame) -> pl.DataFrame:
    times = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.Datetime)]
    return frame.with_columns(pl.col(times).dt.strftime("%Y-%m-%dT%H:%M:%SZ"))


def _decimals_as_text(frame: pl.DataFrame) -> list[pl.Expr]:
    """0.400000000 as 0.4: exact, without trailing zeros."""
    return [
        pl.col(name).cast(pl.String).str.replace(r"(\.[0-9]*?)0+$", "$1").str.replace(r"\.$", "")
        for name, dtype in frame.schema.items()
        if isinstance(dtype, pl.Decimal)
    ]


def _lists_as_text(frame: pl.DataFrame) -> list[pl.Expr]:
    return [
        pl.col(name).cast(pl.List(pl.String)).list.join("; ")
        for name, dtype in frame.schema.items()
        if isinstance(dtype, pl.List)
    ]
