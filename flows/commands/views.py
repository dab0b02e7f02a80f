"""Views of a board for `pertoken leaderboard`: the fastest for one user, and what nothing beats in price and speed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from flows.terminal import Board, Format, frame, show, write

if TYPE_CHECKING:
    import polars as pl

    from flows.tables import Column

SPEEDS = (15, 20, 30, 40, 60, 80, 100, 130, 160, 200)
"""Tokens/s for each user that every configuration is asked for, beside the workload's own limit."""


class Wanted(NamedTuple):
    """Which part of which board; None is any."""

    board: Board
    workload: str | None
    model: str | None
    quant: str | None


def fastest(published: Path, wanted: Wanted) -> pl.DataFrame:
    """Every machine of the board at its fastest for one user, the fastest first."""
    from transforms import ranking

    rows = ranking.fastest(_at_all_speeds(published, wanted))
    return rows.unique(ranking.KEY, keep="first", maintain_order=True)


def best_slo(published: Path, wanted: Wanted) -> pl.DataFrame:
    """What nothing beats in both price and speed per user, cheapest first: the Pareto front."""
    from transforms import ranking

    return ranking.pareto_front(_at_all_speeds(published, wanted))


def answer(published: Path, found: pl.DataFrame, top: int, output: Format) -> None:
    """Print the first `top` rows of a view of each workload and model."""
    from flows import tables

    rows = found.group_by("workload", "model", maintain_order=True).head(top).to_dicts()
    if output is Format.table:
        show([tables.banner(published), tables.on_terminal(_columns(), rows)])
    else:
        write(rows, output)


def _at_all_speeds(published: Path, wanted: Wanted) -> pl.DataFrame:
    """The ranked rows of the board, and their machines again for each speed above the workload's limit.

    The board's own rows run as many requests at once as the workload's limits allow; faster ones run fewer.
    """
    import polars as pl

    from flows.commands import market
    from transforms import cost, ranking
    from warehouse.reference import tables as reference_tables

    models = [wanted.model] if wanted.model else None
    slow = frame(published, "board_rows", boards=[wanted.board], workload=wanted.workload, models=models)
    slow = slow.filter(pl.col("place").is_not_null())
    if wanted.quant is not None:
        slow = slow.filter(quant=wanted.quant)
    reference = reference_tables()
    keys = ["gpu", "memory_gib", "gpu_count", "interconnect", "model", "quant", "workload"]
    prices = market.gpu_prices(published, reference).filter(board=wanted.board)
    served = reference["models"].filter(pl.col("model").is_in(slow["model"].unique().to_list()))
    asked_of = reference["workloads"].filter(pl.col("workload").is_in(slow["workload"].unique().to_list()))
    configurations = cost.configurations(prices, served, asked_of).join(slow, on=keys, how="semi")
    (moment,) = frame(published, "newest_board").iter_rows(named=True)
    found = [slow]
    for speed in SPEEDS:
        asked = configurations.filter((pl.col("min_tokens_per_s_per_user") < speed).fill_null(True))
        if asked.is_empty():
            continue
        estimates = market.estimate(asked.with_columns(min_tokens_per_s_per_user=pl.lit(float(speed))), reference)
        hosted = market.self_hosted(prices, estimates, reference)
        board = ranking.leaderboard(hosted, hosted.clear(), moment["methodology_version"], moment["as_of"])
        found.append(board.filter(board=wanted.board).select(slow.columns))
    return pl.concat(found)


def _columns() -> tuple[Column, ...]:
    from flows.tables import BOARD, Column, count

    def speed(row: Any) -> str:
        return f"{row['tokens_per_s_per_user']:.1f}"

    kept = [column for column in BOARD if column.header != "#"]
    return (
        *kept[:5],
        Column("tok/s per user", speed, "right", lambda row: "bold green"),
        Column("at once", lambda row: count(row["concurrency"]), "right"),
        *kept[5:],
    )
