"""What goes in comes out, once, whatever is run twice."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tests.warehouse import samples
from tests.warehouse.samples import START
from warehouse.store import Lake, Warehouse, WarehouseBusy, WarehouseDamaged, WrongFrame


def test_captures_come_back_as_they_were_stored(place: Path | Lake) -> None:
    first = samples.capture("vast", b'{"offers": []}' * 1000)
    second = samples.capture("vast", b"\x00\xff not text", path="/offers?page=2")
    with Warehouse.open(place) as warehouse:
        run = samples.begin(warehouse, 0)
        assert warehouse.append_captures(run, "vast", [first]) == 1
        assert warehouse.append_captures(run, "vast", [second]) == 1
    with Warehouse.open(place) as warehouse:
        assert warehouse.captured_sources(run) == ["vast"]
        assert warehouse.captures(run, "vast") == [first, second]


def test_replaying_a_run_changes_nothing(place: Path | Lake) -> None:
    with Warehouse.open(place) as warehouse:
        for number in range(3):
            samples.whole_run(warehouse, number, usd_per_gpu_hour=2 + number, usd_per_mtok=f"0.{number + 1}")
        before = everything(warehouse)
        for number in range(3):
            at = START + timedelta(hours=6 * number)
            run = samples.run_id(number)
            changed = warehouse.replace_core(
                run,
                samples.core(
                    at,
                    offers=[{"usd_per_gpu_hour": 2.0 + number, "usd_per_hour": 8 * (2.0 + number)}],
                    prices=[{"usd_per_mtok": Decimal(f"0.{number + 1}")}],
                ),
            )
            assert not changed
            warehouse.replace_marts(run, samples.marts(at, usd_per_gpu_hour=2 + number))
        after = everything(warehouse)
    assert before.keys() == after.keys()
    for table, frame in before.items():
        assert_frame_equal(frame, after[table], check_row_order=False)


def everything(warehouse: Warehouse) -> dict[str, pl.DataFrame]:
    tables = warehouse.connection.execute(
        "select schema_name || '.' || table_name from duckdb_tables() where schema_name in ('core', 'marts')"
    ).fetchall()
    return {name: warehouse.connection.table(name).pl() for (name,) in tables}


def test_a_changed_run_replaces_only_its_own_rows(place: Path | Lake) -> None:
    with Warehouse.open(place) as warehouse:
        for number in range(2):
            samples.whole_run(warehouse, number)
        frames = samples.core(START, offers=[{"offer_id": "1"}, {"offer_id": "2"}])
        assert warehouse.replace_core(samples.run_id(0), {"gpu_offers": frames["gpu_offers"]})
        assert warehouse.rows("core.gpu_offers", samples.run_id(0)).height == 2
        assert warehouse.rows("core.gpu_offers", samples.run_id(1)).height == 1
        assert warehouse.rows("core.api_prices", samples.run_id(0)).height == 1


def test_a_frame_that_does_not_fit_is_named_and_nothing_is_stored(place: Path | Lake) -> None:
    with Warehouse.open(place) as warehouse:
        run = samples.begin(warehouse, 0)
        frames = samples.core(START)
        with pytest.raises(WrongFrame, match=r"core\.gpu_offers: the frame lacks usd_per_hour, is_slice"):
            warehouse.replace_core(run, frames | {"gpu_offers": frames["gpu_offers"].drop("usd_per_hour", "is_slice")})
        with pytest.raises(WrongFrame, match="no such table to fill: gpu_offer"):
            warehouse.replace_core(run, {"gpu_offer": frames["gpu_offers"]})
        with pytest.raises(WrongFrame, match="2 rows share their source, price_kind, offer_id"):
            warehouse.replace_core(run, samples.core(START, offers=[{}, {}]))
        with pytest.raises(WrongFrame, match="CHECK"):
            warehouse.replace_core(run, samples.core(START, offers=[{"usd_per_hour": 0.0}]))
        assert warehouse.rows("core.api_prices", run).is_empty()


def test_earlier_offers_are_the_last_good_ones_of_each_source(place: Path | Lake) -> None:
    with Warehouse.open(place) as warehouse:
        for number in range(4):
            run = samples.begin(warehouse, number)
            at = START + timedelta(hours=6 * number)
            outcome = "failed" if number == 2 else "ok"
            offers = [] if number == 2 else [{"usd_per_hour": 10.0 + number}]
            warehouse.replace_core(run, samples.core(at, offers=offers, outcomes={"vast": outcome}))
        run = samples.begin(warehouse, 4)
        earlier = warehouse.offers_before(run, snapshots=2)
        assert earlier.select("run_id", "usd_per_hour", "snapshot").rows() == [
            (samples.run_id(3), 13.0, 1),
            (samples.run_id(1), 11.0, 2),
        ]
        assert warehouse.offers_before(run, max_age_hours=5).is_empty()
        assert warehouse.usual_gpu_prices(run).is_empty(), "three offers are too few to say what is usual"
        assert warehouse.usual_offer_counts(run, runs=2).rows() == [("vast", "on_demand", 1)]
        assert warehouse.source_runs_before(run, runs=1).get_column("run_id").unique().to_list() == [samples.run_id(3)]


def test_a_good_price_is_remembered_however_long_it_is_held(place: Path | Lake) -> None:
    with Warehouse.open(place) as warehouse:
        samples.whole_run(warehouse, 0, usd_per_mtok="0.4")
        for number in (100, 200):  # 25 and 50 days later
            at = START + timedelta(hours=6 * number)
            run = samples.begin(warehouse, number)
            warehouse.replace_core(run, samples.core(at, prices=[{"status": "held", "usd_per_mtok": Decimal("0.04")}]))
            warehouse.replace_marts(run, samples.marts(at))
        good = warehouse.last_good_prices(samples.begin(warehouse, 201))
        assert good.select("usd_per_mtok", "observed_at", "status").rows() == [(Decimal("0.400000000"), START, "ok")]
        assert set(good.columns) == set(warehouse.rows("core.api_prices", run).columns)


def test_a_failed_source_does_not_look_like_a_price_that_is_gone(place: Path | Lake) -> None:
    with Warehouse.open(place) as warehouse:
        samples.whole_run(warehouse, 0, usd_per_mtok="0.4")
        for number, outcome in ((1, "failed"), (2, "ok"), (3, "ok")):
            at = START + timedelta(hours=6 * number)
            run = samples.begin(warehouse, number)
            prices = [{"usd_per_mtok": Decimal("0.5")}] if number == 3 else []
            warehouse.replace_core(run, samples.core(at, prices=prices, outcomes={"openrouter": outcome}))
            warehouse.replace_marts(run, samples.marts(at))
        history = warehouse.connection.table("marts.api_price_history").pl().sort("run_id")
    assert history.select("run_id", "change", "usd_per_mtok", "old_usd_per_mtok").rows() == [
        (samples.run_id(0), "first", Decimal("0.400000000"), None),
        (samples.run_id(2), "gone", None, Decimal("0.400000000")),
        (samples.run_id(3), "first", Decimal("0.500000000"), None),
    ]


def test_price_changes_say_by_how_much_and_since_when(place: Path | Lake) -> None:
    with Warehouse.open(place) as warehouse:
        for number in range(6):
            dearer = number >= 3
            samples.whole_run(
                warehouse, number, usd_per_gpu_hour=3.0 if dearer else 2.0, usd_per_mtok="0.2" if dearer else "0.4"
            )
        moves = warehouse.connection.table("marts.price_changes").pl().sort("kind")
    moved_at = START + timedelta(hours=18)
    assert moves.select("kind", "window_hours", "factor", "since_at").rows() == [
        ("api", 24, 0.5, moved_at),
        ("gpu", 24, 1.5, moved_at),
    ]


def test_source_health_counts_failures_in_a_row(place: Path | Lake) -> None:
    with Warehouse.open(place) as warehouse:
        samples.whole_run(warehouse, 0)
        for number in (1, 2):
            run = samples.begin(warehouse, number)
            at = START + timedelta(hours=6 * number)
            frames = samples.core(at, offers=[], outcomes={"vast": "failed"})
            failed = frames["source_runs"].with_columns(
                pl.when(pl.col("source") == "openrouter").then("fetched_at").alias("fetched_at")
            )
            warehouse.replace_core(run, frames | {"source_runs": failed})
            warehouse.replace_marts(run, samples.marts(at))
        health = warehouse.connection.table("marts.source_health").pl().sort("source")
    assert health.select("source", "outcome", "failures_in_a_row", "age_hours").rows() == [
        ("openrouter", "ok", 0, 0.0),
        ("vast", "failed", 2, 12.0),
    ]


HOLD = """
import sys
from pathlib import Path
from warehouse.store import Warehouse
with Warehouse.open(Path(sys.argv[1])):
    print("open", flush=True)
    sys.stdin.read()
"""


def test_a_second_refresh_is_told_who_is_first_and_a_killed_one_does_not_block(path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ
    ) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"open\n"
        with pytest.raises(WarehouseBusy, match=rf"another refresh is running \(pid {first.pid}\)"):
            Warehouse.open(path)
        first.kill()
        first.wait()
    with Warehouse.open(path) as warehouse, pytest.raises(WarehouseBusy, match=f"pid {os.getpid()}"):
        Warehouse.open(warehouse.path)


@pytest.mark.parametrize("body", [b"", b"not a database" * 1000], ids=["empty", "garbage"])
def test_a_file_that_is_no_database_is_called_damaged(path: Path, body: bytes) -> None:
    path.write_bytes(body)
    with pytest.raises(WarehouseDamaged, match="put the newest backup in its place"):
        Warehouse.open(path)
