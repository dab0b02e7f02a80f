"""Scraped text made harmless for a terminal, a Markdown page and a spreadsheet. Every cell is written by a stranger."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

_UNSEEN_RANGES = (
    (0x00, 0x08), (0x0B, 0x0C), (0x0E, 0x1F), (0x7F, 0x9F), (0xAD, 0xAD), (0x600, 0x605), (0x61C, 0x61C),
    (0x6DD, 0x6DD), (0x70F, 0x70F), (0x890, 0x891), (0x8E2, 0x8E2), (0x180E, 0x180E), (0x200B, 0x200F),
    (0x202A, 0x202E), (0x2060, 0x206F), (0xFEFF, 0xFEFF), (0xFFF9, 0xFFFB), (0x110BD, 0x110BD), (0x110CD, 0x110CD),
    (0x13430, 0x1343F), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
)  # fmt: skip
UNSEEN = "[" + "".join(f"{chr(first)}-{chr(last)}" for first, last in _UNSEEN_RANGES) + "]"
"""Control and format characters (Unicode Cc and Cf: NUL, escape, marks that turn the direction of text), as a regex."""

BREAKS = "[\t\n\r\u2028\u2029]+"
"""What would break a line or a cell, as a regex."""

FORMULA = "^\\s*[=+\\-@\uff1d\uff0b\uff0d\uff20]"
"""How a cell begins that a spreadsheet would run, as a regex."""

NUMBER = "^[+-]?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]+)?$"
"""What begins like a formula and is none, as a regex."""

LIMIT = 500
"""Characters of one cell in a terminal or on a page; the whole text stands in CSV, JSON and Parquet."""

_unseen = re.compile(UNSEEN + "|[\ud800-\udfff]")
_breaks = re.compile(BREAKS)
_formula = re.compile(FORMULA)
_number = re.compile(NUMBER)
_marks = re.compile(r"[\\`*\[\]#~!|$]|(?<![0-9A-Za-z])_|_(?![0-9A-Za-z])")
_links = re.compile(r"(://)|(?<=\bwww)\.|@", re.IGNORECASE)


def plain(text: str, limit: int = LIMIT) -> str:
    """One line without control or direction characters, cut to `limit` characters with an ellipsis."""
    shown = _unseen.sub("", _breaks.sub(" ", text))
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def formula_safe(text: str) -> str:
    """Text for one CSV cell: an apostrophe in front of what a spreadsheet would run. Numbers stay numbers."""
    shown = _unseen.sub("", _breaks.sub(" ", text))
    return f"'{shown}" if _formula.match(shown) and not _number.match(shown) else shown


def markdown_cell(text: str, limit: int = LIMIT) -> str:
    """Text for one cell of a Markdown table: no markup, no HTML, no link."""
    shown = plain(text, limit).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    shown = _marks.sub(lambda match: f"\\{match[0]}", shown)
    return _links.sub(lambda match: "".join(f"&#{ord(character)};" for character in match[0]), shown)


def written(value: object) -> str:
    """A value as text: times in ISO 8601 with Z, decimals without trailing zeros, lists as JSON, None as nothing."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        text = f"{value:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False, default=written)
    return value.isoformat() if isinstance(value, date) else str(value)


def csv_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows with the same keys as CSV with a header, safe for a spreadsheet. No rows give nothing."""
    if not rows:
        return ""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(formula_safe(str(name)) for name in rows[0])
    writer.writerows([_csv_cell(value) for value in row.values()] for row in rows)
    return out.getvalue()


def markdown_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows with the same keys as a Markdown table. Numbers stand right. No rows give nothing."""
    if not rows:
        return ""
    numeric = [all(_is_number(row[name]) for row in rows) for name in rows[0]]
    lines = [
        _markdown_line(markdown_cell(str(name)) for name in rows[0]),
        _markdown_line("---:" if right else "---" for right in numeric),
        *(_markdown_line(markdown_cell(written(value)) for value in row.values()) for row in rows),
    ]
    return "\n".join(lines) + "\n"


def _csv_cell(value: object) -> str:
    return written(value) if _is_number(value) else formula_safe(written(value))


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, (int, float, Decimal)) and not isinstance(value, bool))


def _markdown_line(cells: Any) -> str:
    return "| " + " | ".join(cells) + " |"
