from __future__ import annotations

import polars as pl
import pytest

from tests.transforms import books
from tests.transforms.books import ASSUMPTIONS, GPU_NAMES, GPUS, MODELS, NOW, QUANTS, WORKLOADS, book
from tests.transforms.test_ranking import big_machines, machines
from transforms import cost, levers, normalise, offers, ranking


@pytest.fixture(scope="module")
def found() -> pl.DataFrame:
    spot = machines(price_kind="spot_floor", source="spot")
    named, _ = normalise.gpu_offers(book(*machines(), *big_machines(), *spot), GPUS, GPU_NAMES)
    prices = offers.gpu_prices(named, GPUS, ASSUMPTIONS, NOW)
    asked = cost.configurations(prices, MODELS, WORKLOADS)
    hosted = cost.self_hosted(prices, books.estimates(asked), WORKLOADS, QUANTS, ASSUMPTIONS)
    board = ranking.leaderboard(hosted, books.prices().select("model").clear(), "1", NOW)
    alone = levers.single_stream(board, asked)
    assert alone["concurrency"].unique().to_list() == [1.0]
    slow = pl.col("output_tokens_per_s", "output_tokens_per_s_low", "output_tokens_per_s_high") / 16
    one_at_a_time = cost.self_hosted(prices, books.estimates(alone).with_columns(slow), WORKLOADS, QUANTS, ASSUMPTIONS)
    return levers.what_if(board, one_at_a_time, ASSUMPTIONS)


def lever(found: pl.DataFrame, name: str, workload: str = "batch", model: str = "llama-3.1-8b") -> pl.DataFrame:
    return found.filter(lever=name, workload=workload, model=model)


def test_every_lever_is_measured_and_says_from_what_to_what(found: pl.DataFrame) -> None:
    assert set(found["lever"]) == {"quantisation", "batching", "right-sizing", "interruptible", "scale to zero"}
    assert found.null_count().sum_horizontal().item() == 0
    assert found.schema == levers.LEVERS


def test_fewer_bits_and_full_batches_save_what_the_estimates_say(found: pl.DataFrame) -> None:
    bits = lever(found, "quantisation").row(0, named=True)
    assert ("bf16" in bits["before"], "int4" in bits["after"]) == (True, True)
    # the stand-in estimates make speed inverse to the weights, the disk is a small part of the price
    assert bits["factor"] == pytest.approx(1.86 / 0.52, rel=0.02)
    assert lever(found, "batching")["factor"].item() == pytest.approx(16)


def test_an_interruptible_machine_pays_for_its_interruptions(found: pl.DataFrame) -> None:
    row = lever(found, "interruptible").row(0, named=True)
    assert row["usd_per_mtok_after"] > row["usd_per_mtok_before"]
    assert lever(found, "interruptible", workload="chat").height == 0


def test_scaling_to_zero_saves_what_the_load_leaves_idle(found: pl.DataFrame) -> None:
    row = lever(found, "scale to zero", workload="chat").row(0, named=True)
    assert 2.3 < row["factor"] < 0.8 / 0.3
    assert lever(found, "scale to zero", workload="batch").height == 0
