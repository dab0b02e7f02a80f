from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transforms.books import ASSUMPTIONS, MODELS, price
from tests.transforms.test_ranking import CLOSED, HOSTS, MARKET, machines, ranked
from transforms import plan, plan_document
from transforms.plan import Demand

HOSTS_70B = [
    price(component, usd, source="openrouter", provider="h", channel="host", model="llama-3.3-70b", quant="fp8")
    for component, usd in (("input", "0.1"), ("output", "0.32"))
]
BOARD = ranked(MARKET, [*HOSTS, *CLOSED, *HOSTS_70B])
CHAT_70B = Demand(models=("llama-3.3-70b",), workload="chat", tokens_per_day=100e6)


def planned(demand: Demand, board: pl.DataFrame = BOARD) -> plan.Plan:
    return plan.plan(board, MODELS, demand, ASSUMPTIONS)


def test_a_hundred_million_tokens_a_day_of_chat_on_a_70b_by_hand() -> None:
    """On the stand-in estimates: the board's cheapest 70B machine, how many serve the peak, and what they cost."""
    result = planned(replace(CHAT_70B, availability_target=0.0))
    best = result.fleets.row(0, named=True)
    row = BOARD.filter(board="trusted", workload="chat", model="llama-3.3-70b", gpu=best["gpu"], quant=best["quant"])
    machine = row.row(0, named=True)
    requests_per_hour = 100e6 / (1155 + 211) / 24
    assert result.load["requests_per_hour_mean"] == pytest.approx(requests_per_hour)
    capacity = machine["output_tokens_per_s"] * 3600 / 211
    serving = -(-requests_per_hour * 2 // (capacity * 0.8))
    assert best["machines"] == best["machines_serving"] == serving
    assert best["usd_per_month_bare"] == pytest.approx(serving * machine["gpu_usd_per_hour"] * 730)
    with_disk = serving * (machine["gpu_usd_per_hour"] + machine["storage_usd_per_hour"]) * 730
    assert best["usd_per_month_infrastructure"] == pytest.approx(with_disk)
    assert best["usd_per_mtok"] == pytest.approx(with_disk / (100 * 730 / 24))
    assert best["usd_per_month_low"] <= best["usd_per_month"] <= best["usd_per_month_high"]


def test_the_bills_of_the_same_load_stand_beside_it() -> None:
    bills = planned(CHAT_70B).api_bills
    assert bills.select("comparison", "model").rows() == [("same model", "llama-3.3-70b"), ("frontier", "gpt-4o")]
    requests = 100e6 / 1366 * 730 / 24
    assert bills["usd_per_month"].to_list() == pytest.approx(
        [requests * (1155 * 0.1 + 211 * 0.32) / 1e6, requests * (1155 * 2.5 + 211 * 10) / 1e6]
    )


@pytest.mark.parametrize(
    ("serving", "availability", "target", "machines"),
    [
        (1, 0.99, 0.99, 1),
        (1, 0.95, 0.99, 2),  # 1 - 0.05^2 = 0.9975
        (1, 0.9, 0.9999, 4),  # 1 - 0.1^4 = 0.9999
        (2, 0.99, 0.999, 3),  # 0.99^3 + 3 x 0.99^2 x 0.01 = 0.9997
        (10, 0.99, 0.99, 11),
        (3, 0.99, 0.0, 3),
    ],
)
def test_spares_are_rented_until_enough_machines_are_up(
    serving: int, availability: float, target: float, machines: int
) -> None:
    assert plan.machines_needed(serving, availability, target) == machines


def test_interruptible_machines_are_asked_for_and_pay_for_their_interruptions() -> None:
    board = ranked([*MARKET, *machines(price_kind="spot_floor", source="spot", reliability=None)], HOSTS)
    demand = Demand(models=("llama-3.1-8b",), workload="chat", tokens_per_day=1e6, availability_target=0.0)
    assert "interruptible" not in set(planned(demand, board).fleets["board"])
    rows = planned(replace(demand, boards=("interruptible",), longest_list=99), board).fleets
    row = rows.filter(quant="bf16").row(0, named=True)
    assert row["interruptions_per_hour"] == ASSUMPTIONS.interruptions_per_hour
    assert row["usd_per_month_infrastructure"] > row["usd_per_month_bare"] * (1 + 0.1 * 0.5)


def test_people_are_a_cost_only_when_asked_for() -> None:
    without, with_people = planned(CHAT_70B), planned(replace(CHAT_70B, people=("setup", "upkeep")))
    difference = with_people.fleets["usd_per_month"] - without.fleets["usd_per_month"]
    assert difference.to_list() == pytest.approx([(60 / 12 + 7.5) * 100] * difference.len())


def test_more_machines_than_are_on_offer_come_last_and_are_said() -> None:
    huge = planned(replace(CHAT_70B, tokens_per_day=20e9))
    assert huge.fleets["short_of_supply"].all()
    assert any("are on offer" in note for note in huge.notes)


def test_switching_off_pays_only_when_the_gap_is_longer_than_the_cold_start() -> None:
    assert planned(CHAT_70B).scale_to_zero is None
    long = planned(replace(CHAT_70B, busy_hours_per_day=8)).scale_to_zero
    assert long is not None and long.is_worth_it
    awake = 8 + long.cold_start_seconds / 3600
    assert long.usd_per_month_scaled_to_zero == pytest.approx(long.usd_per_month_always_on * awake / 24)
    short = planned(replace(CHAT_70B, busy_hours_per_day=23.95)).scale_to_zero
    assert short is not None and not short.is_worth_it


@settings(max_examples=15, deadline=None)
@given(st.floats(1e5, 1e9), st.floats(1, 3))
def test_a_larger_load_never_costs_less(tokens: float, times: float) -> None:
    def cheapest(load: float) -> float:
        demand = Demand(models=("llama-3.1-8b",), workload="chat", tokens_per_day=load, longest_list=1000)
        return float(planned(demand).fleets["usd_per_month"].min())  # type: ignore[arg-type]

    assert cheapest(tokens * times) >= cheapest(tokens)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"tokens_per_day": 0}, "tokens per day must be a positive number"),
        ({"tokens_per_day": float("nan")}, "tokens per day must be a positive number"),
        ({"peak_factor": 0.5}, "the peak factor must be 1 or more"),
        ({"busy_hours_per_day": 30}, "busy hours per day must lie between 0 and 24"),
        ({"models": ("llama-9",)}, "nothing is known of llama-9"),
        ({"workload": "poetry"}, "nothing is known of llama-3.3-70b for the workload 'poetry'"),
        ({"people": ("managers",)}, "unknown people cost: managers"),
    ],
)
def test_a_demand_that_makes_no_sense_is_refused_in_one_sentence(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        planned(replace(CHAT_70B, **fields))


def test_a_plan_reads_as_json_and_as_markdown() -> None:
    result = planned(replace(CHAT_70B, busy_hours_per_day=8, people=("upkeep",)))
    assert json.loads(json.dumps(plan_document.as_json(result), default=str))["fleets"][0]["machines"] >= 1
    text = plan_document.as_markdown(result)
    assert text.startswith("# Plan: 100,000,000 tokens a day of chat on llama-3.3-70b\n")
    for part in ("## Fleets", "## The same load at APIs", "Scale to zero: switching off", "- headroom: 0.8"):
        assert part in text


def test_a_plan_takes_less_than_a_second_from_a_whole_board() -> None:
    names = [f"other-{n}" for n in range(250)]
    whole = pl.concat([BOARD, *(BOARD.with_columns(model=pl.col("model") + "-" + name) for name in names)])
    assert whole.height > 40_000
    started = time.perf_counter()
    planned(CHAT_70B, whole)
    assert time.perf_counter() - started < 1
