"""`pertoken levers`: what each way to spend less brings, on today's prices."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.terminal import File, Format, Output, Workload, frame, known_on_boards, published_file, show, stdout, write

if TYPE_CHECKING:
    import polars as pl

    from flows.tables import Column

app = typer.Typer()


@app.command(epilog="Examples: pertoken levers llama-3.3-70b · pertoken levers qwen3-32b --workload chat --format md")
def levers(
    model: Annotated[str, typer.Argument(help="Our id of a model, e.g. llama-3.3-70b.")],
    workload: Workload = None,
    output: Output = Format.table,
    file: File = None,
) -> None:
    """$ per 1M tokens before and after quantisation, batching, right-sizing, interruptible machines, scale to zero.

    One lever at a time, everything else as it was: the factors do not multiply up.
    """
    from flows import tables

    published = published_file(file)
    known_on_boards(published, model=model, workload=workload)
    found = _found(published, model, workload).to_dicts()
    if output is not Format.table:
        write(found, output)
    elif found:
        show([tables.banner(published), tables.on_terminal(_columns(), found)])
    else:
        stdout.print(f"No trusted configuration serves {model} within the limits: there is nothing to compare.")


def _found(published: Path, model: str, workload: str | None) -> pl.DataFrame:
    from flows.commands import market
    from transforms import cost, levers
    from transforms.assumptions import Assumptions
    from warehouse.reference import tables as reference_tables

    reference = reference_tables()
    board = frame(published, "board_rows", boards=["trusted", "interruptible"], workload=workload, models=[model])
    prices = market.gpu_prices(published, reference)
    configurations = cost.configurations(
        prices,
        reference["models"].filter(model=model),
        reference["workloads"] if workload is None else reference["workloads"].filter(workload=workload),
    )
    alone = market.estimate(levers.single_stream(board, configurations), reference)
    one_at_a_time = market.self_hosted(prices, alone, reference)
    return levers.what_if(board, one_at_a_time, Assumptions.of(reference["assumptions"]))


def _columns() -> tuple[Column, ...]:
    from flows.tables import Column, usd, words

    return (
        Column("workload", lambda row: words(row["workload"])),
        Column("lever", lambda row: words(row["lever"]), style=lambda row: "bold"),
        Column("before", lambda row: words(row["before"])),
        Column("$/1M", lambda row: usd(row["usd_per_mtok_before"]), "right"),
        Column("after", lambda row: words(row["after"])),
        Column("$/1M", lambda row: usd(row["usd_per_mtok_after"]), "right"),
        Column(
            "saves",
            lambda row: f"{row['factor']:.2f}x",
            "right",
            lambda row: "bold green" if row["factor"] > 1 else "red",
        ),
    )
