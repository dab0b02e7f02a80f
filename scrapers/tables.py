"""Price tables as pages write them, Markdown or HTML, turned into cells that are read by name.

Nothing here knows a source. A table becomes a grid (spans expanded), a header becomes folded text, a header's
words become a price component, and a cell becomes a Decimal only if it is a price and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal

from selectolax.lexbor import LexborHTMLParser, LexborNode

from scrapers.contract import Component

NO_PRICE = frozenset({"", "-", "–", "—", "n/a", "na", "not available"})
MAX_COLUMNS = 64
"""No price table is wider; a larger span is an attempt to fill memory."""


MAX_CELL = 8_000
"""Characters of a cell that are looked at."""


class UnreadableCell(ValueError):
    """A cell holds something else than the one price expected there."""


@dataclass(frozen=True)
class Table:
    """One table and what stands around it. Rows keep their own length: another arity is the reader's to judge."""

    headings: tuple[str, ...]
    """The headings it stands under, outermost first, as written."""
    lines: tuple[str, ...]
    """Prose above it, back to the last heading or table (Markdown only)."""
    prose: tuple[str, ...]
    """Prose above it, back to the last table, across headings (Markdown only)."""
    header: tuple[str, ...]
    """Folded column names; a two-row header is joined, "short context input"."""
    rows: tuple[tuple[str, ...], ...]
    number: int = 0
    """Position on the page, from 1."""
    below: tuple[str, ...] = ()
    """Prose under it, down to the next table (Markdown only): footnotes stand there."""

    @property
    def heading(self) -> str:
        return self.headings[-1] if self.headings else ""

    @property
    def where(self) -> str:
        """How a finding names this table."""
        return f"table {self.number} '{plain(self.heading)}'"


@dataclass
class _Outline:
    """The headings open at one point of a page, and the prose since the last of them."""

    open: list[tuple[int, str]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    prose: list[str] = field(default_factory=list)

    def enter(self, level: int, text: str) -> None:
        self.open = [(depth, name) for depth, name in self.open if depth < level] + [(level, text)]
        self.lines = []

    def note(self, line: str) -> None:
        self.lines.append(line)
        self.prose.append(line)


def plain(text: str) -> str:
    """Text without footnote marks, markup and doubled spaces; links keep their words."""
    text = text[:MAX_CELL]
    text = re.sub(r"<sup>.*?</sup>", "", text, flags=re.S | re.I)
    text = re.sub(r"!\[[^\]]*\]\([^)]*\)", "", text)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"</?[a-zA-Z][^<>]{0,400}>", " ", text)  # a tag, not "<= 200k … >"
    text = text.replace("&nbsp;", " ").replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">")
    text = re.sub(r"\\([\\`*_{}\[\]()#+\-.!|~$<>])", r"\1", text)
    return " ".join(text.replace("**", "").replace("`", "").split())


def fold(text: str) -> str:
    """A header as it is compared: plain, lower case, "&" as "and", ≤ and >= spelled one way."""
    folded = plain(text).casefold().replace("&", " and ").replace("≤", "<=").replace("≥", ">=").replace("=<", "<=")
    return " ".join(folded.strip(" *_:").split())


# ---------------------------------------------------------------------------------------------- Markdown


def markdown_tables(text: str) -> list[Table]:
    """Every GFM table outside code fences, top to bottom."""
    tables: list[Table] = []
    outline = _Outline()
    lines = text.splitlines()
    position, fenced = 0, False
    while position < len(lines):
        line = lines[position].strip()
        if line.startswith("```"):
            fenced = not fenced
        elif fenced or not line:
            pass
        elif heading := re.match(r"(#{1,6})\s+(.*?)\s*#*$", line):
            outline.enter(len(heading[1]), heading[2])
        elif _is_row(line) and position + 1 < len(lines) and _is_delimiter(lines[position + 1]):
            end = position + 2
            while end < len(lines) and _is_row(lines[end].strip()):
                end += 1
            closed = lines[position + 1].rstrip().endswith("|")
            grid = [_cells(lines[i], closed) for i in (position, *range(position + 2, end))]
            tables.append(_table(grid, outline, len(tables) + 1))
            position = end
            continue
        else:
            outline.note(line)
        position += 1
    following = [table.prose for table in tables[1:]] + [tuple(outline.prose)]
    return [replace(table, below=prose) for table, prose in zip(tables, following, strict=True)] if tables else []


def _is_row(line: str) -> bool:
    return line.startswith("|") and line.count("|") > 1


def _is_delimiter(line: str) -> bool:
    return re.fullmatch(r"\s*\|?(\s*:?-+:?\s*\|)+(\s*:?-+:?\s*)?", line) is not None


def _cells(line: str, closed: bool) -> tuple[str, ...]:
    """The cells of a row. Where the rows of a table are closed by a bar, a cell that is not was cut off."""
    inner = line.strip().removeprefix("|")
    parts = re.split(r"(?<!\\)\|", inner)
    if parts and (closed or not parts[-1].strip()):
        parts.pop()
    return tuple(part.strip() for part in parts)


# -------------------------------------------------------------------------------------------------- HTML


def html_tables(page: LexborHTMLParser | LexborNode) -> list[Table]:
    """Every table of a page or a part of one, spans expanded, under the headings it follows in document order."""
    tables: list[Table] = []
    outline = _Outline()
    for node in page.css("h1,h2,h3,h4,h5,h6,table"):
        if node.tag != "table":
            outline.enter(int((node.tag or "h6")[1]), node.text(separator=" ", strip=True))
            continue
        tables.append(_table(html_grid(node), outline, len(tables) + 1))
    return tables


def html_grid(table: LexborNode) -> list[tuple[str, ...]]:
    """Cells row by row; a cell that spans rows or columns is repeated in each place it covers.

    Footnote marks (`sup`) are dropped first, struck-through amounts are kept as `<del>…</del>`.
    """
    grid: list[tuple[str, ...]] = []
    below: dict[int, tuple[int, str]] = {}
    for row in table.css("tr"):
        cells: list[str] = []
        waiting = iter(row.css("td,th"))
        cell = next(waiting, None)
        while cell is not None or any(column >= len(cells) for column in below):
            column = len(cells)
            if column in below:
                rows_left, text = below.pop(column)
                if rows_left > 1:
                    below[column] = (rows_left - 1, text)
                cells.append(text)
            elif cell is not None:
                text = cell_text(cell)
                rowspan = _span(cell, "rowspan")
                for offset in range(_span(cell, "colspan")):
                    if rowspan > 1:
                        below[column + offset] = (rowspan - 1, text)
                    cells.append(text)
                cell = next(waiting, None)
            else:
                cells.append("")
            if len(cells) > MAX_COLUMNS:
                raise UnreadableCell(f"a row of more than {MAX_COLUMNS} cells")
        grid.append(tuple(cells))
    return grid


def _span(cell: LexborNode, name: str) -> int:
    value = cell.attributes.get(name) or "1"
    return min(max(int(value), 1), 1000) if value.isdigit() else 1


def cell_text(cell: LexborNode) -> str:
    """Text of a cell with single spaces between its parts, without `sup`, with `<del>` around struck text."""
    fragment = re.sub(r"<sup\b.*?</sup>", "", cell.html or "", flags=re.S | re.I)
    fragment = re.sub(r"<(del|s|strike)\b[^>]*>(.*?)</\1>", r"⟦\2⟧", fragment, flags=re.S | re.I)
    text = LexborHTMLParser(f"<div>{_unwrap(fragment)}</div>").text(separator=" ", strip=True)
    return " ".join(text.replace("⟦", "<del>").replace("⟧", "</del>").split())


def _unwrap(fragment: str) -> str:
    return re.sub(r"^<t[dh]\b[^>]*>|</t[dh]>$", "", fragment.strip(), flags=re.I)


def _table(grid: Sequence[tuple[str, ...]], outline: _Outline, number: int) -> Table:
    header, rows = _header(grid)
    headings = tuple(name for _, name in outline.open)
    table = Table(headings, tuple(outline.lines), tuple(outline.prose), header, tuple(rows), number)
    outline.lines, outline.prose = [], []
    return table


def _header(grid: Sequence[tuple[str, ...]]) -> tuple[tuple[str, ...], Sequence[tuple[str, ...]]]:
    """Column names and body. A first row with an empty corner groups the columns of the second, which names them."""
    if not grid:
        return (), ()
    first = [fold(cell) for cell in grid[0]]
    second = [fold(cell) for cell in grid[1]] if len(grid) > 1 else []
    if first[:1] not in ([""], ["model"]) or second[:1] != ["model"] or not any(first):
        return tuple(first), grid[1:]
    groups = [""]
    for cell in first[1:]:
        groups.append(cell or groups[-1])
    groups += [groups[-1]] * (len(second) - len(groups))
    return tuple(f"{group} {name}".strip() for group, name in zip(groups, second, strict=False)), grid[2:]


# ------------------------------------------------------------------------------------ columns and cells

_FILLER = frozenset(
    ["price", "prices", "token", "tokens", "per", "mtok", "1m", "million", "text", "usd", "and", "/", "($", "$)"]
)
_CACHE = frozenset({"cache", "cached"})
_READ = frozenset({"hit", "hits", "read", "reads", "refresh", "refreshes", "input"})
_WRITE = frozenset({"write", "writes"})
_HOUR = frozenset({"1h", "1hr", "1-hour"})
_VOCABULARY: Sequence[tuple[Component, Sequence[frozenset[str]], frozenset[str]]] = (
    # component, sets of which one word each must be there, further words that change nothing
    ("cache_write_1h", (_WRITE, _HOUR), _CACHE),
    ("cache_write_5m", (_WRITE,), _CACHE | {"5m", "5min", "5-minute"}),
    ("cache_read", (_CACHE, _READ), frozenset()),
    ("input", (frozenset({"input", "prompt"}),), frozenset({"base", "standard"})),
    ("output", (frozenset({"output", "completion"}),), frozenset()),
)


def component(header: str) -> Component | None:
    """Which price a folded column name announces; None where a word is there that could change the meaning.

    A cache write of no stated lifetime is the publisher's default, the five-minute one wherever both exist.
    """
    words = frozenset(re.sub(r"\b(\d+)[ -](minute|hour)s?\b", r"\1-\2", header).split()) - _FILLER
    for meaning, needs, allowed in _VOCABULARY:
        if words and words <= allowed.union(*needs) and all(words & need for need in needs):
            return meaning
    return None


_AMOUNT = r"\$\s?(?P<amount>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
_MTOK = r"(?:\s*(?:/|per)\s*(?:1?M\s?Tok(?:en)?s?|1?M|Mt|1M tokens|million tokens|1,000,000 tokens))"


def usd_per_mtok(cell: str) -> Decimal | None:
    """The one price of a cell whose column or page says "per 1M tokens": "$1,250.00", "$5 / MTok", "-" (None).

    Raises UnreadableCell on anything else: a second amount, another currency, a word that may change the meaning.
    """
    text = plain(cell)
    if text.casefold() in NO_PRICE:
        return None
    match = re.fullmatch(_AMOUNT + _MTOK + "?", text, flags=re.I)
    if match is None:
        raise UnreadableCell(text[:120])
    return Decimal(match["amount"].replace(",", ""))


def tokens(text: str) -> int:
    """A token count as pages write it: "272K", "1M", "131,072". Raises UnreadableCell."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([km]?)", plain(text).casefold().replace(",", ""))
    if match is None:
        raise UnreadableCell(plain(text)[:60])
    count = Decimal(match[1]) * {"": 1, "k": 1_000, "m": 1_000_000}[match[2]]
    if count != int(count):
        raise UnreadableCell(f"{plain(text)[:60]} is no whole number of tokens")
    return int(count)


def long_dates(text: str) -> Iterator[date]:
    """Dates written out, "November 21, 2026"."""
    months = "January|February|March|April|May|June|July|August|September|October|November|December"
    for match in re.finditer(rf"\b({months}) (\d{{1,2}}), (\d{{4}})\b", text):
        try:
            yield datetime.strptime(" ".join(match.groups()), "%B %d %Y").date()  # noqa: DTZ007 (a calendar day)
        except ValueError:
            continue
