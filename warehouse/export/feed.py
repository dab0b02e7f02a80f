"""Price changes as an Atom feed (RFC 4287): what sellers of APIs changed, and ranked GPU prices that moved.

An entry gathers what one run saw one seller change. Its id is made of the run and the seller, so a reader sees each
entry once, however often the feed is written. Contents are built as XHTML elements, never as text with markup in it.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from warehouse.export.figures import change, plural, usd
from warehouse.export.text import plain
from warehouse.queries import answer, query

if TYPE_CHECKING:
    import duckdb

Row = Mapping[str, Any]
FEED = "changes.atom"
"""Its file, beside the report and the site."""
ATOM = "http://www.w3.org/2005/Atom"
XHTML = "http://www.w3.org/1999/xhtml"
OURS = uuid.UUID("4f0c7a52-2b0e-5c1d-9a43-6d9f6f0f8e11")
"""Namespace of the ids of this feed. Changing it would show every reader every entry again."""
SMALLEST_GPU_MOVE = 0.05
"""Marketplaces move by cents all the time; an API price that changes at all is news."""
ENTRIES = 100
ROWS = 50
"""Rows of one entry; what is beyond is counted."""
LONGEST_NAME = 80
_not_xml = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Entry:
    """What one run saw one seller change."""

    kind: str
    run_id: str
    source: str
    seller: str
    rows: Sequence[Row]

    def key(self) -> tuple[str, str, str, str]:
        return self.run_id, self.kind, self.source, self.seller

    @property
    def at(self) -> datetime:
        at: datetime = max(row["observed_at"] for row in self.rows)
        return at


def feed(connection: duckdb.DuckDBPyConnection, page: str = "report.html") -> str:
    """The feed of a published file, newest entry first. The same file gives the same text.

    `page` is the page beside it that says more.
    """
    entries = sorted(_entries(connection), key=Entry.key, reverse=True)
    root = ElementTree.Element("feed", {"xmlns": ATOM})
    _text(root, "id", f"urn:uuid:{uuid.uuid5(OURS, 'price changes')}")
    _text(root, "title", "LLM token prices: what changed")
    _text(root, "subtitle", "API prices that sellers changed, and ranked GPU prices that moved by 5 % or more")
    _text(root, "updated", _written(entries[0].at if entries else _newest(connection)))
    _text(ElementTree.SubElement(root, "author"), "name", "pertoken")
    ElementTree.SubElement(root, "link", {"rel": "alternate", "type": "text/html", "href": page})
    for entry in entries[:ENTRIES]:
        _append(root, entry)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _entries(connection: duckdb.DuckDBPyConnection) -> Iterator[Entry]:
    questions: dict[str, dict[str, object]] = {
        "api": {},
        "gpu": {"smallest_move": SMALLEST_GPU_MOVE},
    }
    for kind, values in questions.items():
        found = answer(connection, f"feed_{kind}_prices", **values)
        for (run_id, source, seller), rows in groupby(found, key=_together):
            yield Entry(kind, run_id, source, seller, list(rows))


def _newest(connection: duckdb.DuckDBPyConnection) -> datetime:
    (found,) = connection.execute(query("newest_moment")).fetchall()
    at: datetime | None = found[0]
    return at or datetime.fromtimestamp(0, UTC)


def _together(row: Row) -> tuple[str, str, str]:
    return row["run_id"], row["source"], row.get("provider") or row["source"]


def _append(root: ElementTree.Element, entry: Entry) -> None:
    element = ElementTree.SubElement(root, "entry")
    _text(element, "id", f"urn:uuid:{uuid.uuid5(OURS, repr(entry.key()))}")
    _text(element, "title", _title(entry))
    _text(element, "updated", _written(entry.at))
    ElementTree.SubElement(element, "category", {"term": entry.kind})
    content = ElementTree.SubElement(element, "content", {"type": "xhtml"})
    inside = ElementTree.SubElement(content, "div", {"xmlns": XHTML})
    if entry.rows[0]["provenance"] != "live":
        _text(inside, "p", "Recorded responses, not live prices.")
    changes = ElementTree.SubElement(inside, "ul")
    for row in entry.rows[:ROWS]:
        _text(changes, "li", _sentence(row))
    if len(entry.rows) > ROWS:
        _text(inside, "p", f"and {len(entry.rows) - ROWS} more")


def _title(entry: Entry) -> str:
    if len(entry.rows) == 1:
        return f"{_name(entry.seller)}: {_sentence(entry.rows[0])}"
    noun = "API price" if entry.kind == "api" else "GPU price"
    return f"{_name(entry.seller)}: {plural(len(entry.rows), noun)} changed"


def _sentence(row: Row) -> str:
    """ "llama-3.3-70b output: $0.40 → $0.30 per 1M tokens (−25 %)" """
    unit = "per GPU-hour" if "gpu" in row else _unit(row)
    if row["old_usd"] is None:
        return f"{_what(row)}: new at {usd(row['new_usd'])} {unit}"
    if row["new_usd"] is None:
        return f"{_what(row)}: gone, was {usd(row['old_usd'])} {unit}"
    moved = f" ({change(row['new_usd'] / row['old_usd'])})" if row["old_usd"] else ""
    return f"{_what(row)}: {usd(row['old_usd'])} → {usd(row['new_usd'])} {unit}{moved}"


def _unit(row: Row) -> str:
    return "per request" if row["component"] == "request" else "per 1M tokens"


def _what(row: Row) -> str:
    if "gpu" in row:
        return _name(row["gpu"] if row["gpu_count"] == 1 else f"{row['gpu_count']}x {row['gpu']}")
    tier = "" if row["tier"] == "standard" else f" {row['tier']}"
    return f"{_name(row['model'] or row['model_name'])} {row['component'].replace('_', ' ')}{tier}"


def _name(text: str) -> str:
    return plain(text, LONGEST_NAME)


def _text(parent: ElementTree.Element, tag: str, text: str) -> None:
    """XML 1.0 has no way to write some characters, so they are left out."""
    ElementTree.SubElement(parent, tag).text = _not_xml.sub("", text)


def _written(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
