from __future__ import annotations

from math import ceil
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transforms.books import ASSUMPTIONS, MODELS, price
from tests.transforms.test_ranking import CLOSED, HOSTS, MARKET, ranked
from transforms import breakeven


def row_of(rows: pl.DataFrame, **values: Any) -> dict[str, Any]:
    wanted = {"board": "trusted", "workload": "chat", "model": "llama-3.1-8b", "quant": "bf16"} | values
    found = rows.filter(**wanted)
    assert found.height == 1, found
    return found.row(0, named=True)


GIVEN_AWAY = [
    price(component, "0.002", source="openrouter", provider="gift", channel="host", model="llama-3.1-8b", quant="fp8")
    for component in ("input", "output")
]


@pytest.fixture(scope="module")
def rows() -> pl.DataFrame:
    return breakeven.break_even(ranked(MARKET, [*HOSTS, *CLOSED, *GIVEN_AWAY]), MODELS, ASSUMPTIONS)


def test_both_comparators_are_always_there(rows: pl.DataFrame) -> None:
    asked = rows.filter(board="trusted", workload="chat", model="llama-3.1-8b", quant="bf16")
    assert asked["comparator"].to_list() == [
        "any_quant_cheapest",
        "frontier",
        "same_model_cheapest",
        "same_model_median",
    ]
    four_bit = row_of(rows, quant="int4", comparator="same_model_cheapest")
    assert (four_bit["verdict"], four_bit["usd_per_mtok_api"]) == ("no_comparator", None)
    assert row_of(rows, quant="int4", comparator="any_quant_cheapest")["comparator_provider"] == "gift"


def test_at_the_break_even_utilization_both_sides_cost_the_same(rows: pl.DataFrame) -> None:
    found = rows.filter(verdict="self_hosted_from")
    assert found.height > 20
    # traffic is free in these books, so price is inverse to utilisation
    again = found["usd_per_mtok_full_load"] / found["break_even_utilization"]
    assert again.to_list() == pytest.approx(found["usd_per_mtok_api"].to_list())
    assert found["break_even_utilization"].is_between(0, 1).all()


def test_never_is_said_where_full_load_is_not_enough(rows: pl.DataFrame) -> None:
    never = rows.filter(verdict="never")
    assert never.height > 0
    assert (never["usd_per_mtok_full_load"] > never["usd_per_mtok_api"]).all()
    assert never["break_even_utilization"].null_count() == never["tokens_per_hour"].null_count() == never.height


def test_the_grid_follows_utilization(rows: pl.DataFrame) -> None:
    row = row_of(rows, comparator="frontier")
    assert row["usd_per_mtok_at_5"] == pytest.approx(row["usd_per_mtok_full_load"] * 20)
    assert row["usd_per_mtok_at_30"] == pytest.approx(row["usd_per_mtok_full_load"] / 0.3)


@settings(max_examples=12, deadline=None)
@given(st.decimals("0.002", "0.2", places=3))
def test_volumes_are_those_of_the_staircase_of_whole_machines(usd: Any) -> None:
    """Walk up the staircase by hand: where it first pays, and from where it never loses again."""
    host = [
        price(
            component, str(usd), source="openrouter", provider="h", channel="host", model="llama-3.1-8b", quant="bf16"
        )
        for component in ("input", "output")
    ]
    board = ranked([row for row in MARKET if row["gpu_count"] == 1 and row["source"] == "vast"], host)
    row = row_of(breakeven.break_even(board, MODELS, ASSUMPTIONS), comparator="same_model_cheapest")
    machine = board.filter(board="trusted", workload="chat", model="llama-3.1-8b", quant="bf16").row(0, named=True)
    capacity = machine["output_tokens_per_s"] * 3600 / 211 * (1155 + 211) / 1e6 * ASSUMPTIONS.month_hours
    hire = machine["usd_per_hour"] * ASSUMPTIONS.month_hours

    def pays(mtok: float) -> bool:
        return bool(hire * ceil(mtok / capacity) <= mtok * float(usd) * (1 + 1e-9))

    if row["verdict"] == "never":
        assert not any(pays(capacity * step / 10) for step in range(1, 200))
        return
    smallest, always = row["mtok_per_month"], row["mtok_per_month_always"]
    assert pays(smallest) and not pays(smallest * 0.999)
    assert all(pays(always * (1 + step / 50)) for step in range(500))
    if always > smallest * 1.001:
        assert not all(pays(smallest + (always - smallest) * step / 5000) for step in range(5000))


def test_without_any_api_price_every_row_says_that_there_is_no_comparator() -> None:
    rows = breakeven.break_even(ranked(MARKET, []), MODELS, ASSUMPTIONS)
    assert rows.height and set(rows["verdict"]) == {"no_comparator"}
    assert rows["comparator"].null_count() == 0
