"""One answer of several parts, printed as tables on a terminal, as Markdown, or as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from flows.tables import Column, Row, in_markdown, on_terminal
from flows.terminal import Form, stdout


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
    stdout.print(f"\n[bold]{section.heading}[/bold]", soft_wrap=True)
    for line in section.lines:
        stdout.print(line, markup=False, soft_wrap=True)
    if section.rows:
        stdout.print(on_terminal(section.columns, section.rows))


def _markdown(section: Section) -> str:
    lines = [f"## {section.heading}", "", *(f"- {line}" for line in section.lines), *([""] if section.lines else [])]
    return "\n".join(lines) + "\n" + (in_markdown(section.columns, section.rows) if section.rows else "")
