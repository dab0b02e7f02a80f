"""A day on which nothing came: every station answers empty frames with their columns, and none fails."""

from __future__ import annotations

import polars as pl

from tests.transforms import books
from tests.transforms.books import ASSUMPTIONS, GPU_NAMES, GPUS, MODELS, NOW, QUANTS, WORKLOADS
from transforms import audit, breakeven, cost, normalise, offers, ranking


def test_nothing_in_gives_empty_boards() -> None:
    named, _ = normalise.gpu_offers(books.book(), GPUS, GPU_NAMES)
    assert offers.on_boards(named, GPUS, ASSUMPTIONS).height == 0
    gpu_prices = offers.gpu_prices(named, GPUS, ASSUMPTIONS, NOW)
    estimates = books.estimates(cost.configurations(gpu_prices, MODELS, WORKLOADS))
    hosted = cost.self_hosted(gpu_prices, estimates, WORKLOADS, QUANTS, ASSUMPTIONS)
    bought = cost.api(books.prices(), WORKLOADS, MODELS, QUANTS, ASSUMPTIONS, NOW)
    board = ranking.leaderboard(hosted, bought, "1", NOW)
    assert board.height == 0 and board.schema == ranking.LEADERBOARD
    assert breakeven.break_even(board, MODELS, ASSUMPTIONS).height == 0
    assert cost.api_comparison(books.prices(), NOW).height == 0
    claims = audit.claims(books.reference("article_claims"))
    said = audit.evidence(claims, books.reference("article_claims"), gpu_prices, books.prices())
    assert said.filter(pl.col("evidence_at").is_not_null()).height == 0


def test_one_side_alone_makes_its_boards() -> None:
    prices = books.prices(books.price("input", "2.5"), books.price("output", "10"))
    named, _ = normalise.gpu_offers(books.book(), GPUS, GPU_NAMES)
    gpu_prices = offers.gpu_prices(named, GPUS, ASSUMPTIONS, NOW)
    estimates = books.estimates(cost.configurations(gpu_prices, MODELS, WORKLOADS))
    board = ranking.leaderboard(
        cost.self_hosted(gpu_prices, estimates, WORKLOADS, QUANTS, ASSUMPTIONS),
        cost.api(prices, WORKLOADS, MODELS, QUANTS, ASSUMPTIONS, NOW),
        "1",
        NOW,
    )
    assert set(board["board"]) == {"api", "combined"}
    assert board["place"].null_count() == 0
