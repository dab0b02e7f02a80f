"""The report as Markdown. Whatever a sentence or a cell holds stays text: no markup, no HTML, no link."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from warehouse.export.report.document import Document, Section, Table
from warehouse.export.text import markdown_cell

LONGEST_SENTENCE = 2_000


def markdown(document: Document, chart_files: Mapping[str, str]) -> str:
    """`chart_files`: chart name -> path of its SVG, from where the text lies."""
    return "\n\n".join(_blocks(document, chart_files)) + "\n"


def _blocks(document: Document, chart_files: Mapping[str, str]) -> Iterator[str]:
    yield f"# {_text(document.title)}"
    yield from (f"> **{_text(warning)}**" for warning in document.warnings)
    yield from map(_text, document.lede)
    for section in document.sections:
        yield from _section(section, chart_files)
    yield f"---\n\n{_text(document.footing)}"


def _section(section: Section, chart_files: Mapping[str, str]) -> Iterator[str]:
    yield f"## {_text(section.title)}"
    yield from map(_text, section.prose)
    yield from (f"![{_text(chart.says)}]({chart_files[chart.name]})" for chart in section.charts)
    for one in section.tables:
        yield f"**{_text(one.caption)}**"
        yield _table(one)


def _table(table: Table) -> str:
    lines = [
        _line(map(_text, table.headers)),
        _line("---:" if figures else "---" for figures in table.figures),
        *(_line(map(_text, row)) for row in table.cells),
    ]
    return "\n".join(lines)


def _line(cells: Iterator[str] | Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _text(text: str) -> str:
    return markdown_cell(text, LONGEST_SENTENCE)
