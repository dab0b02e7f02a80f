"""What every command shares: the two consoles, the file it reads, its refusals, and the formats it answers in."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from flows import settings as settings_module
from flows.settings import BadSetting, Settings

if TYPE_CHECKING:
    import polars as pl

stdout = Console(width=None if sys.stdout.isatty() else 180, highlight=False)
stderr = Console(stderr=True, highlight=False)


class Format(StrEnum):
    table = "table"
    csv = "csv"
    json = "json"
    md = "md"


class Form(StrEnum):
    """Formats of an answer of several parts."""

    table = "table"
    json = "json"
    md = "md"


class Board(StrEnum):
    trusted = "trusted"
    community = "community"
    interruptible = "interruptible"
    api = "api"
    combined = "combined"


File = Annotated[Path | None, typer.Option("--file", help="Another published file than the one in PERTOKEN_HOME.")]
Workload = Annotated[str | None, typer.Option(help="chat, rag, batch, …; all when left out.")]
Model = Annotated[str | None, typer.Option(help="Our id of a model, e.g. llama-3.3-70b.")]
Quant = Annotated[str | None, typer.Option(help="bf16, fp8, int4, mxfp4, nvfp4, …")]
Output = Annotated[Format, typer.Option("--format", help="How to print.")]

Shape = Annotated[Form, typer.Option("--format", help="How to print.")]


def published_file(path: Path | None) -> Path:
    """The file to read: the one named, else the live one, else the one made from recorded responses."""
    if path is not None:
        if not path.is_file():
            raise BadSetting(f"there is no file {path}")
        return path
    current = settings_module.read(())
    for candidate in (current.published, current.recorded().published):
        if candidate.is_file():
            return candidate
    raise BadSetting(
        f"nothing has been published in {current.home} yet; run `pertoken refresh`, "
        "or `pertoken refresh --or-recorded` to see the bundled responses without a network"
    )


def private_settings() -> Settings:
    """The settings whose lake or private file there is: the live one, else the one made from recorded responses."""
    current = settings_module.read(())
    for candidate in (current, current.recorded()):
        if candidate.lake or candidate.warehouse.is_file():
            return candidate
    raise BadSetting(f"there is no {current.warehouse} yet; run `pertoken refresh`")


def known(kind: str, name: str, names: Iterable[str], where: str = "") -> str:
    """`name` if it is among `names`; else an error that names the nearest, and in which file it was asked for."""
    among = sorted(set(names))
    if name in among:
        return name
    near = get_close_matches(name, among, n=5, cutoff=0.4) or among[:20]
    raise BadSetting(f"{where + ': ' if where else ''}there is no {kind} {name!r}; there is {', '.join(near)}")


def known_on_boards(published: Path, **wanted: str | None) -> None:
    """An unknown model or workload is an error that names what exists, not an empty table."""
    from flows import tables

    for kind, name in wanted.items():
        if name is not None:
            known(kind, name, (row["name"] for row in tables.rows(published, "names", kind=kind)))


def frame(published: Path, name: str, **values: object) -> pl.DataFrame:
    """The rows of `warehouse/queries/<name>.sql`, with its $parameters bound, as a frame."""
    from warehouse.published import open_published
    from warehouse.queries import query

    with open_published(published) as connection:
        return connection.sql(query(name), params=values or None).pl()


def published_reference(published: Path, *names: str) -> dict[str, pl.DataFrame]:
    """Reference tables as they were published with the boards: quicker than reading and checking the CSV files."""
    from warehouse.published import open_published

    with open_published(published) as connection:
        return {name: connection.table(f"reference.{name}").pl() for name in names}


def harmless(text: str, limit: int = 2000) -> Text:
    """What a stranger may have written, as one line of a terminal: no markup, no control characters, not endless."""
    from warehouse.export.text import plain

    return Text(plain(text, limit))


def show(parts: Sequence[Any]) -> None:
    """Tables, panels and lines on standard output, one after another; None is left out."""
    for part in parts:
        if part is not None:
            stdout.print(part)


def write(found: Sequence[dict[str, Any]], output: Format) -> None:
    """Rows on standard output, for a pipe."""
    from warehouse.export.text import csv_text, markdown_table

    if output is Format.json:
        sys.stdout.write(json.dumps(list(found), default=str, indent=1) + "\n")
    elif output is Format.csv:
        sys.stdout.write(csv_text(found))
    else:
        sys.stdout.write(markdown_table(found))
