"""Real price changes at real hosts, with one real unit error among them, run through the guard over time."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from bench.guard_replay import UNIT_ERROR_BELOW, judge_each_change, replay

pytestmark = pytest.mark.captures


@pytest.fixture
def log(captures: Path) -> Path:
    return captures / "api" / "openrouter" / "endpoint-price-changes.2026-05_08.csv"


def test_every_change_is_judged_by_its_size_whichever_way_it_went(log: Path) -> None:
    judged = judge_each_change(log)
    size, status = pl.col("factor"), pl.col("status")
    rejected = judged.filter(status == "quarantined", pl.col("component") != "cache_read")
    assert rejected.height == 14
    assert rejected["provider"].unique().to_list() == ["Friendli"]
    assert rejected.filter(pl.col("usd") > pl.col("old")).height == 7
    assert judged.filter((size >= 10) != (status == "quarantined")).is_empty()
    assert judged.filter(size.is_between(2, 10, closed="left") != (status == "held")).is_empty()
    assert judged.filter(status == "held").height == 132


def test_the_unit_error_of_july_never_becomes_a_price(log: Path) -> None:
    since, until = datetime(2026, 7, 15, 6, tzinfo=UTC), datetime(2026, 7, 22, tzinfo=UTC)
    wrong = pl.col("usd_per_mtok").cast(pl.Float64) < UNIT_ERROR_BELOW
    runs = [
        (now, checked.prices.filter(pl.col("provider") == "Friendli")) for now, checked in replay(log, since, until)
    ]
    read_wrong = [now for now, prices in runs if prices.filter(wrong).height]
    assert read_wrong[0] < datetime(2026, 7, 15, 13, tzinfo=UTC)
    assert read_wrong[-1] > datetime(2026, 7, 21, 9, tzinfo=UTC)
    assert not any(prices.filter(wrong, pl.col("status") == "ok").height for _, prices in runs)
    one = (pl.col("model_name") == "deepseek/deepseek-v3.2") & (pl.col("component") == "output")
    shown = [prices.filter(one, pl.col("status") != "quarantined") for _, prices in runs]
    assert {float(row["usd_per_mtok"].item()) for row in shown} == {1.5}
    statuses = [row["status"].item() for row in shown]
    assert statuses[:5] == ["ok", "ok", "ok", "ok", "stale"], "right for eighteen hours, then shown as old"
    assert statuses[-3:] == ["stale", "ok", "ok"], "and back with the repair"
