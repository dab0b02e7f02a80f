"""`pertoken audit`: the article's claims, recomputed."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from flows.terminal import File, Format, Output, published_file, show, write

if TYPE_CHECKING:
    from flows.tables import Column, Row

app = typer.Typer()


class Verdict(StrEnum):
    holds = "holds"
    fails = "fails"
    inconsistent = "inconsistent"


STYLES = {"holds": "green", "fails": "bold red", "inconsistent": "yellow"}


@app.command(epilog="Examples: pertoken audit · pertoken audit --verdict fails --format md")
def audit(
    verdict: Annotated[Verdict | None, typer.Option(help="Only the claims of this verdict.")] = None,
    output: Output = Format.table,
    file: File = None,
) -> None:
    """Every quantitative claim of the article: holds, fails or inconsistent, the right number, and what prices say."""
    from flows import tables

    published = published_file(file)
    found = tables.rows(published, "claims", verdict=verdict)
    if output is Format.table:
        show([tables.banner(published), tables.on_terminal(_columns(), found)])
    else:
        write(found, output)


def _columns() -> tuple[Column, ...]:
    from flows.tables import Column, words

    return (
        Column("claim", lambda row: words(row["claim_id"])),
        Column("what it says", lambda row: words(row["claim"]), wrap=True),
        Column("verdict", lambda row: row["verdict"], style=lambda row: STYLES[row["verdict"]]),
        Column("right number", lambda row: words(row["right_number"]), wrap=True),
        Column("but", lambda row: words(row["qualifier"]), wrap=True),
        Column("today", _today, wrap=True),
    )


def _today(row: Row) -> str:
    from flows.tables import words

    return words(row["live_evidence"], f"({row['evidence_at']:%Y-%m-%d})") if row["live_evidence"] else ""
