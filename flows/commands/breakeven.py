"""`pertoken breakeven`: from which load on renting is cheaper than buying."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from flows.terminal import Board, File, Format, Output, Workload, known_on_boards, published_file, show, stdout, write

if TYPE_CHECKING:
    from flows.tables import Column, Row

app = typer.Typer()

COMPARED_WITH = {
    "same_model_cheapest": "its cheapest host of these bits",
    "same_model_median": "the median of those hosts",
    "any_quant_cheapest": "its cheapest host",
    "frontier": "frontier",
}


@app.command(
    epilog="Examples: pertoken breakeven llama-3.3-70b --workload chat "
    "· pertoken breakeven deepseek-v3.2 --board interruptible --workload batch --format csv"
)
def breakeven(
    model: Annotated[str, typer.Argument(help="Our id of a model, e.g. llama-3.3-70b.")],
    workload: Workload = None,
    board: Annotated[Board, typer.Option(help="Where the machines are rented.")] = Board.trusted,
    output: Output = Format.table,
    file: File = None,
) -> None:
    """Utilisation, tokens per hour and monthly volume from which self-hosting beats the APIs; `never` where never."""
    from flows import tables

    published = published_file(file)
    known_on_boards(published, model=model, workload=workload)
    found = tables.rows(published, "break_even", model=model, workload=workload, board=board)
    if output is not Format.table:
        write(found, output)
    elif found:
        show([tables.banner(published), tables.on_terminal(_columns(), found)])
    else:
        stdout.print(f"No {board} configuration serves {model} within the limits: there is nothing to compare.")


def _columns() -> tuple[Column, ...]:
    from flows.tables import Column, count, machine, usd, words

    return (
        Column("workload", lambda row: words(row["workload"])),
        Column("quant", lambda row: words(row["quant"])),
        Column("cheapest machine", lambda row: words(machine(row), "at", row["source"])),
        Column("$/1M full", lambda row: usd(row["usd_per_mtok_full_load"]), "right"),
        Column("compared with", _compared_with),
        Column("$/1M", lambda row: usd(row["usd_per_mtok_api"]), "right"),
        Column("from utilisation", _from, "right", lambda row: "bold green" if _from(row).endswith("%") else "red"),
        Column("tokens/h", lambda row: count(row["tokens_per_hour"]), "right"),
        Column("pays from Mtok/month", lambda row: count(row["mtok_per_month"]), "right"),
        Column("always from", lambda row: count(row["mtok_per_month_always"]), "right"),
    )


def _compared_with(row: Row) -> str:
    from flows.tables import words

    other = row["comparator_model"] if row["comparator"] == "frontier" else None
    return words(COMPARED_WITH[row["comparator"]], other, row["comparator_provider"])


def _from(row: Row) -> str:
    if row["verdict"] == "self_hosted_from":
        return f"{row['break_even_utilization']:.0%}"
    return "never" if row["verdict"] == "never" else "no such host"
