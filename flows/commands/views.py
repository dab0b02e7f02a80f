"""Views of a board for `pertoken leaderboard`: the fastest for one user, and what nothing beats in price and speed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.terminal import Board, Format, frame, show, write

if TYPE_CHECKING:
    import polars as pl

    from flows.tables import Column


def fastest(board: pl.DataFrame) -> pl.DataFrame:
    """Ranked rows by the speed one user sees."""
    from transforms import ranking

    return ranking.fastest(board)


def best_slo(board: pl.DataFrame) -> pl.DataFrame:
    """The Pareto front of price and speed per user, cheapest first."""
    from transforms import ranking

    return ranking.pareto_front(board)


def answer(
    published: Path,
    view: Callable[[pl.DataFrame], pl.DataFrame],
    board: Board,
    *,
    workload: str | None,
    model: str | None,
    quant: str | None,
    top: int,
    output: Format,
) -> None:
    """Print the first `top` rows of a view of each workload and model of a board."""
    from flows import tables

    rows = frame(published, "board_rows", boards=[board], workload=workload, models=[model] if model else None)
    if quant:
        rows = rows.filter(quant=quant)
    found = view(rows).group_by("workload", "model", maintain_order=True).head(top).to_dicts()
    if output is Format.table:
        show([tables.banner(published), tables.on_terminal(_columns(), found)])
    else:
        write(found, output)


def _columns() -> tuple[Column, ...]:
    from flows.tables import BOARD, Column

    def speed(row: Any) -> str:
        return f"{row['tokens_per_s_per_user']:.1f}"

    return (*BOARD[:6], Column("tok/s per user", speed, "right", lambda row: "bold green"), *BOARD[6:])
