"""One answer of several parts, printed as tables on a terminal, as Markdown, or as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from flows.tables import Column, Row, in_markdown, on_terminal
from flows.terminal import Form, harmless, stdout
from warehouse.export.text import markdown_cell

LONGEST_LINE = 2000


class Section(NamedTuple):
    """A heading, then lines, then a table; each may be empty."""

    heading: str
    lines: Sequence[str] = ()
    columns: Sequence[Column] = ()
    rows: Sequence[Row] = ()


def show(sections: Iterable[Section], facts: Any, form: Form) -> None:
    """`facts` is what JSON says; sections are for people, and left out where they are empty."""
    told = [section for section in sections if section.lines or section.rows]
    if form is Form.json:
        sys.stdout.write(json.dumps(facts, default=str, indent=1) + "\n")
    elif form is Form.md:
        sys.stdout.write("\n".join(map(_markdown, told)))
    else:
        for section in told:
            _print(section)


def _print(section: Section) -> None:
    stdout.print()
    stdout.print(harmless(section.heading), style="bold", soft_wrap=True)
    for line in section.lines:
        stdout.print(harmless(line), soft_wrap=True)
    if section.rows:
        stdout.print(on_terminal(section.columns, section.rows))


def _markdown(section: Section) -> str:
    told = [f"- {markdown_cell(line, LONGEST_LINE)}" for line in section.lines]
    lines = [f"## {markdown_cell(section.heading)}", "", *told, *([""] if told else [])]
    return "\n".join(lines) + "\n" + (in_markdown(section.columns, section.rows) if section.rows else "")
