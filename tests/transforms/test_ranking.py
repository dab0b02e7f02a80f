from __future__ import annotations

import random
import time
from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transforms import books
from tests.transforms.books import ASSUMPTIONS, GPU_NAMES, GPUS, MODELS, NOW, QUANTS, WORKLOADS, book, offer, price
from transforms import cost, normalise, offers, ranking
from transforms.cost.self_hosted import SHAPE

HOSTS = [
    price(component, usd, source="openrouter", provider=host, channel="host", model="llama-3.1-8b", quant="bf16")
    for host, usd_in, usd_out in (("cheap", "0.02", "0.03"), ("dear", "2", "3"))
    for component, usd in (("input", usd_in), ("output", usd_out))
]
CLOSED = [price("input", "2.5"), price("output", "10")]


def machines(**fields: Any) -> list[dict[str, Any]]:
    return [offer(n, usd_per_hour=0.3 + n / 50, **fields) for n in range(10)]


def big_machines(**fields: Any) -> list[dict[str, Any]]:
    a100 = {"gpu_name": "A100 SXM4", "memory_gib": 80.0, "gpu_count": 2.0}
    return [offer(100 + n, **{"usd_per_hour": 2 + n / 10} | a100 | fields) for n in range(10)]


def ranked(offer_rows: list[dict[str, Any]], price_rows: list[dict[str, Any]], hours: float = 0) -> pl.DataFrame:
    as_of = NOW + timedelta(hours=hours)
    named, _ = normalise.gpu_offers(book(*offer_rows), GPUS, GPU_NAMES)
    gpu_prices = offers.gpu_prices(named, GPUS, ASSUMPTIONS, as_of)
    estimates = books.estimates(cost.configurations(gpu_prices, MODELS, WORKLOADS))
    hosted = cost.self_hosted(gpu_prices, estimates, WORKLOADS, QUANTS, ASSUMPTIONS)
    bought = cost.api(books.prices(*price_rows), WORKLOADS, MODELS, QUANTS, ASSUMPTIONS, as_of)
    return ranking.leaderboard(hosted, bought, "1", as_of)


MARKET = [*machines(), *big_machines(), *machines(verification="unverified", source="other")]


def test_places_run_from_one_by_price_and_every_other_row_says_why() -> None:
    board = ranked([*MARKET, *machines(price_kind="spot_floor", source="third")], [*HOSTS, *CLOSED])
    placed = board.filter(pl.col("place").is_not_null())
    for _, field in placed.group_by(ranking.FIELD):
        assert field["place"].to_list() == list(range(1, field.height + 1))
        assert field["usd_per_mtok"].is_sorted()
    assert (board["place"].is_null() == board["exclusion_reason"].is_not_null()).all()
    assert board.schema == ranking.LEADERBOARD
    assert set(board["board"]) == {"trusted", "community", "interruptible", "api", "combined"}


def test_the_combined_board_sets_trusted_machines_against_the_same_models_hosts() -> None:
    board = ranked(MARKET, [*HOSTS, *CLOSED]).filter(board="combined", workload="chat", model="llama-3.1-8b")
    assert set(board["kind"]) == {"self_hosted", "api"}
    assert set(board["source"]) == {"vast", "openrouter"}
    assert board["place"].null_count() == 0


def test_the_order_of_the_input_never_shows() -> None:
    offer_rows, price_rows = [*MARKET], [*HOSTS, *CLOSED]
    first = ranked(offer_rows, price_rows)
    random.Random(7).shuffle(offer_rows)
    random.Random(7).shuffle(price_rows)
    assert first.equals(ranked(offer_rows, price_rows))


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 9), st.integers(0, 9))
def test_halving_the_cheapest_of_ten_machines_leaves_every_place_as_it_is(seed: int, spread: int) -> None:
    rng = random.Random(seed)
    small = [row | {"usd_per_hour": 0.3 + rng.random() * (spread + 1) / 100} for row in machines()]
    large = [row | {"usd_per_hour": 2 + rng.random() * (spread + 1) / 10} for row in big_machines()]
    least = min(small, key=lambda row: row["usd_per_hour"])
    halved = [row | {"usd_per_hour": row["usd_per_hour"] / 2} if row is least else row for row in small]
    keep = [*ranking.KEY, "place", "usd_per_mtok"]
    assert ranked([*small, *large], HOSTS).select(keep).equals(ranked([*halved, *large], HOSTS).select(keep))


def test_a_configuration_seen_once_may_be_ranked_but_not_lead() -> None:
    earlier = [row | {"run_id": "r0", "observed_at": NOW - timedelta(hours=6)} for row in machines()]
    cheaper, dearer = big_machines(usd_per_hour=0.2), big_machines(usd_per_hour=50.0)
    leading = ranked([*earlier, *machines(), *cheaper], []).filter(
        board="trusted", workload="chat", gpu="a100-sxm-80gb"
    )
    small = leading.filter(model="llama-3.1-8b")
    assert small["exclusion_reason"].unique().to_list() == ["new: seen in one snapshot, may not lead yet"]
    following = ranked([*earlier, *machines(), *dearer], []).filter(board="trusted", workload="chat")
    assert following.filter(model="llama-3.1-8b", gpu="a100-sxm-80gb")["place"].null_count() == 0
    confirmed = [row | {"run_id": "r0", "observed_at": NOW - timedelta(hours=6)} for row in cheaper]
    both = ranked([*earlier, *confirmed, *machines(), *cheaper], []).filter(board="trusted", workload="chat")
    assert both.filter(model="llama-3.1-8b", place=1)["gpu"].to_list() == ["a100-sxm-80gb"]


def test_the_views_order_by_speed_and_keep_only_what_nothing_beats() -> None:
    board = ranked(MARKET, HOSTS).filter(board="trusted", workload="chat", model="llama-3.1-8b")
    quick = ranking.fastest(board)
    assert quick["tokens_per_s_per_user"].is_sorted(descending=True)
    front = ranking.pareto_front(board)
    for row in board.filter(pl.col("place").is_not_null()).iter_rows(named=True):
        beaten = front.filter(
            pl.col("usd_per_mtok") <= row["usd_per_mtok"],
            pl.col("tokens_per_s_per_user") >= row["tokens_per_s_per_user"],
        )
        assert beaten.height >= 1
    assert front["usd_per_mtok"].is_sorted() and front["tokens_per_s_per_user"].is_sorted()
    assert ranking.right_sized(board).height == board["quant"].n_unique()


def test_the_frontier_is_the_closed_models_of_the_reference() -> None:
    rows = ranking.frontier(ranked(MARKET, [*HOSTS, *CLOSED]), MODELS)
    assert rows["model"].unique().to_list() == ["gpt-4o"]
    assert rows["workload"].n_unique() == 9


def test_a_price_can_be_followed_back_to_its_offers() -> None:
    named, _ = normalise.gpu_offers(book(*machines()), GPUS, GPU_NAMES)
    gpu_prices = offers.gpu_prices(named, GPUS, ASSUMPTIONS, NOW)
    estimates = books.estimates(cost.configurations(gpu_prices, MODELS, WORKLOADS))
    board = ranked(machines(), HOSTS).filter(workload="chat")
    behind: dict[str, Any] = {
        "gpu_prices": gpu_prices,
        "gpu_offers": offers.on_boards(named, GPUS, ASSUMPTIONS),
        "api_prices": books.prices(*HOSTS),
        "estimates": estimates,
        "assumptions": ASSUMPTIONS,
    }
    hosted = ranking.explain(board.filter(board="combined", kind="self_hosted").row(0, named=True), **behind)
    assert hosted.offers.height == 10
    assert hosted.price is not None and hosted.price["price_rule"] == "p10"
    assert hosted.estimate is not None and hosted.estimate["fits"]
    assert hosted.steps[0].startswith("GPU part: 1 x rtx-4090-24gb at 0.3200 = 0.3200 USD/h (p10 over 10 machines")
    assert hosted.steps[-1].endswith(
        f"(band {hosted.row['usd_per_mtok_low']:.4f} to {hosted.row['usd_per_mtok_high']:.4f})"
    )
    bought = ranking.explain(board.filter(board="api", provider="cheap").row(0, named=True), **behind)
    assert bought.offers["component"].to_list() == ["input", "output"]


def price_points(n_offers: int, n_estimates: int, seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    rng = np.random.default_rng(seed)
    shapes = pl.DataFrame(
        {
            "gpu": [f"gpu-{n}" for n in range(40)],
            "memory_gib": 80.0,
            "gpu_count": [1 + n % 8 for n in range(40)],
            "interconnect": "pcie",
        }
    )
    drawn = shapes[rng.integers(0, 40, n_offers)].with_columns(
        offer_id=pl.Series([str(n) for n in range(n_offers)]),
        usd_per_hour=pl.Series(rng.uniform(0.2, 40, n_offers).round(1)),
    )
    served = (
        pl.DataFrame({"model": [f"m{n}" for n in range(n_estimates)]})
        .join(pl.DataFrame({"quant": ["bf16", "fp8", "int4"]}), how="cross")
        .join(pl.DataFrame({"workload": ["chat", "batch"]}), how="cross")
    )
    estimates = shapes.join(served, how="cross")
    return drawn, estimates.with_columns(tokens_per_hour=pl.Series(rng.uniform(1e5, 1e8, estimates.height)))


@pytest.mark.parametrize("k", [1, 10, 5000])
def test_the_cheapest_price_points_are_those_of_the_whole_cross_join(k: int) -> None:
    offer_rows, estimates = price_points(300, 4, seed=k)
    quick = ranking.cheapest_price_points(offer_rows, estimates, k)
    naive = (
        offer_rows.join(estimates, on=SHAPE)
        .with_columns(usd_per_mtok=pl.col("usd_per_hour") / pl.col("tokens_per_hour") * 1e6)
        .sort("workload", "usd_per_mtok", "offer_id", "model", "quant")
        .group_by("workload", maintain_order=True)
        .head(k)
    )
    assert quick.select(sorted(naive.columns)).equals(naive.select(sorted(naive.columns)))


def test_a_market_of_millions_of_price_points_is_answered_at_once() -> None:
    offer_rows, estimates = price_points(20_000, 40, seed=1)
    started = time.perf_counter()
    cheapest = ranking.cheapest_price_points(offer_rows, estimates, 100)
    assert cheapest.height == 200
    assert time.perf_counter() - started < 2
