"""What analysts get is whole, checked, and never in anyone's way."""

from __future__ import annotations

import stat
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from tests.warehouse import samples
from tests.warehouse.samples import START
from warehouse.publish import CheckFailed, checks, publish
from warehouse.published import open_published
from warehouse.store import Warehouse


def test_the_published_file_explains_itself_and_holds_nothing_private(one_run: Path) -> None:
    with Warehouse.open(one_run / "warehouse.duckdb") as warehouse:
        warehouse.record_decision(
            subject="openrouter|host-a|output",
            value_usd_per_mtok=None,
            verdict="accept",
            reason="announced",
            decided_by="someone@example.org",
            decided_at=START,
        )
        made = publish(warehouse, one_run / "prices.duckdb")
    assert made.as_of == START
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o444
    assert sorted(path.name for path in one_run.iterdir()) == [
        "prices.duckdb",
        "warehouse.duckdb",
        "warehouse.duckdb.lock",
    ]
    with open_published(made.path) as connection:
        schemas = connection.execute("select distinct schema_name from duckdb_tables() order by 1").fetchall()
        assert schemas == [("core",), ("main",), ("marts",), ("reference",)]
        assert connection.execute("select reason, decided_by from core.decisions").fetchall() == [("announced", None)]
        undescribed = connection.execute(
            "select schema_name, table_name, column_name from duckdb_columns() where not internal and comment is null"
        ).fetchall()
        assert undescribed == []
        facts = dict(connection.execute("select key, value from methodology").fetchall())
    assert facts["as_of"] == "2026-11-01T06:00:00Z"
    assert facts["methodology_version"] == "1"
    assert facts["assumption.peak_factor"] == "2.0 x"
    assert b"someone@example.org" not in made.path.read_bytes()


def test_a_failed_check_is_named_and_leaves_the_old_file(one_run: Path) -> None:
    published = one_run / "prices.duckdb"
    before = published.read_bytes()
    with Warehouse.open(one_run / "warehouse.duckdb") as warehouse:
        at = START + timedelta(hours=6)
        run = samples.begin(warehouse, 1)
        warehouse.replace_core(run, samples.core(at))
        warehouse.finish_run(run, finished_at=at, as_of=at)
        with pytest.raises(CheckFailed, match="board older, or of another provenance") as failed:
            publish(warehouse, published)
    assert set(failed.value.failures) == {"boards_are_of_the_newest_run"}
    assert published.read_bytes() == before
    assert [path for path in one_run.iterdir() if "building" in path.name] == []


SPOILED = {
    "bands_hold_their_price": "update marts.leaderboard set usd_per_mtok_high = 0.1",
    "boards_begin_at_place_one": "update marts.leaderboard set place = 2",
    "boards_name_known_things": "update marts.leaderboard set gpu = 'h900'",
    "boards_are_of_the_newest_run": "update marts.leaderboard set as_of = as_of - interval 1 day",
    "configurations_have_one_price_per_board": "insert into marts.gpu_prices from marts.gpu_prices",
    "histories_have_one_row_per_run": "insert into marts.api_price_history from marts.api_price_history",
    "newest_run_saw_something": (
        "update core.gpu_offers set status = 'held'; update core.api_prices set status = 'held'"
    ),
    "offers_have_one_row_per_key": "insert into core.gpu_offers from core.gpu_offers",
    "prices_have_one_row_per_key": "insert into core.api_prices from core.api_prices",
    "percentiles_are_in_order": "update marts.gpu_prices set usd_per_hour_min = 17",
    "places_are_in_order_of_price": (
        "insert into marts.leaderboard by name "
        "select * replace (2 as place, 0.8 as usd_per_mtok) from marts.leaderboard"
    ),
    "contents_are_complete": "delete from core.api_prices",
    "runs_have_one_row_per_key": "insert into core.source_runs from core.source_runs",
    "slices_are_never_ranked": "update marts.gpu_prices set memory_gib = 10",
    "everything_is_explained": "update main.data_dictionary set unit = null where column_name = 'usd_per_mtok'",
}


def test_every_check_fails_on_what_it_asks_about(published_once: Path, tmp_path: Path) -> None:
    assert SPOILED.keys() == checks().keys()
    spoiled = tmp_path / "spoiled.duckdb"
    spoiled.write_bytes(published_once.read_bytes())
    with duckdb.connect(spoiled) as connection:
        for name, spoil in SPOILED.items():
            assert connection.execute(checks()[name]).fetchall() == []
            connection.execute("begin")
            connection.execute(spoil)
            assert connection.execute(checks()[name]).fetchall(), name
            connection.execute("rollback")


def test_closed_months_move_to_parquet_and_nothing_is_lost(path: Path, tmp_path: Path) -> None:
    november, december = (0, 1), (120, 121)
    with Warehouse.open(path) as warehouse:
        samples.load_small_reference(warehouse)
        for number in november:
            samples.whole_run(warehouse, number, usd_per_gpu_hour=2 + number)
        assert publish(warehouse, tmp_path / "prices.duckdb", recent_runs=1).rows["core.gpu_offers"] == 2
        assert not (tmp_path / "history").exists()
        for number in december:
            samples.whole_run(warehouse, number, usd_per_gpu_hour=2 + number)
        made = publish(warehouse, tmp_path / "prices.duckdb", recent_runs=1)
        assert made.rows["core.gpu_offers"] == made.rows["core.api_prices"] == 2
        assert made.rows["marts.gpu_price_history"] == made.rows["core.runs"] == 4

        month = tmp_path / "history" / "gpu_offers" / "2026-11.parquet"
        first = month.stat().st_mtime_ns
        publish(warehouse, tmp_path / "prices.duckdb", recent_runs=1)
        assert month.stat().st_mtime_ns == first
        warehouse.replace_core(samples.run_id(0), samples.core(START, offers=[{"usd_per_hour": 99.0}]))
        publish(warehouse, tmp_path / "prices.duckdb", recent_runs=1)
    with duckdb.connect(made.path, read_only=True) as connection:
        everything = connection.execute(
            "select usd_per_hour from all_gpu_offers($history) order by run_id", {"history": str(tmp_path / "history")}
        ).fetchall()
    assert everything == [(99.0,), (24.0,), (976.0,), (984.0,)]


def test_a_file_gone_on_with_equals_one_built_from_nothing(one_run: Path) -> None:
    published, private = one_run / "prices.duckdb", one_run / "warehouse.duckdb"
    with Warehouse.open(private) as warehouse:
        for number in (1, 2):
            samples.whole_run(warehouse, number, usd_per_gpu_hour=2 + number)
            publish(warehouse, published)
        warehouse.replace_core(samples.run_id(1), samples.core(START, offers=[{"usd_per_hour": 99.0}]))
        made = publish(warehouse, published)
        publish(warehouse, one_run / "anew.duckdb")
    assert made.rows["core.gpu_offers"] == 1, "only the changed run is copied"
    contents = [everything(path) for path in (published, one_run / "anew.duckdb")]
    assert contents[0] == contents[1]


def test_a_file_gone_on_with_is_no_larger_than_what_it_holds(one_run: Path) -> None:
    published = one_run / "prices.duckdb"
    many = """
        insert into marts.throughput
        select estimates.* replace (md5(number::text) as model, md5((-number)::text) as quant)
        from marts.throughput as estimates, range(100000) as numbers (number)
    """
    with Warehouse.open(one_run / "warehouse.duckdb") as warehouse:
        warehouse.connection.execute(many)
        first, again = (publish(warehouse, published) for _ in range(2))
    assert first.rows["marts.throughput"] == again.rows["marts.throughput"] > 90_000
    assert again.file_bytes < 1.15 * first.file_bytes


@pytest.mark.parametrize("damage", [b"", b"not a database" * 1000, None], ids=["empty", "garbage", "other schema"])
def test_a_published_file_that_cannot_be_gone_on_with_is_built_anew(one_run: Path, damage: bytes | None) -> None:
    published = one_run / "prices.duckdb"
    expected = everything(published)
    if damage is None:
        published.chmod(0o644)
        with duckdb.connect(published) as connection:
            connection.execute("update methodology set value = 'older' where key = 'schema_fingerprint'")
            connection.execute("delete from core.gpu_offers")
    else:
        published.unlink()
        published.write_bytes(damage)
    with Warehouse.open(one_run / "warehouse.duckdb") as warehouse:
        publish(warehouse, published)
    assert everything(published) == expected


def everything(published: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, in an order of its own."""
    with duckdb.connect(published, read_only=True) as connection:
        tables = connection.execute(
            "select schema_name || '.' || table_name from duckdb_tables() order by 1"
        ).fetchall()
        return {
            name: connection.execute(f"select t::text from {name} as t order by 1").fetchall() for (name,) in tables
        }


def test_prices_and_boards_of_the_past(tmp_path: Path) -> None:
    made = samples.published_runs(tmp_path, 3)
    asked = START + timedelta(hours=7)
    with open_published(made.path) as connection:
        prices = connection.execute(
            "select kind, usd_per_hour, usd_per_mtok::double from price_asof($at) order by kind", {"at": asked}
        ).fetchall()
        board = connection.execute(
            "select place, usd_per_hour from leaderboard_asof($at) where board = 'trusted'", {"at": asked}
        ).fetchall()
        with pytest.raises(duckdb.Error, match=r"no boards are kept of 2026-10-01.*the oldest are of 2026-11-01"):
            connection.execute("from leaderboard_asof('2026-10-01')").fetchall()
    assert prices == [("api", None, 0.4), ("gpu", pytest.approx(16.08), None)]
    assert board == [(1, pytest.approx(16.08))]


READ = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1], read_only=True)
runs = "select count(*) from core.runs"
print(connection.execute(runs).fetchall()[0][0], flush=True)
sys.stdin.readline()
print(connection.execute(runs).fetchall()[0][0], flush=True)
"""


def test_a_reader_keeps_its_file_and_the_next_one_sees_the_new(one_run: Path) -> None:
    published = one_run / "prices.duckdb"

    def reader() -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", READ, str(published)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    with reader() as old:
        assert old.stdout is not None
        assert old.stdout.readline() == "1\n"
        with Warehouse.open(one_run / "warehouse.duckdb") as warehouse:
            samples.whole_run(warehouse, 1)
            publish(warehouse, published)
        with reader() as new:
            assert new.communicate("\n")[0] == "2\n2\n"
        assert old.communicate("\n")[0] == "1\n"


REFUSED = [
    "select * from read_csv('/etc/hostname')",
    "select * from read_text('/etc/hostname')",
    "select * from '/etc/hostname'",
    "from glob('/etc/*')",
    "copy (select 1) to 'stolen.csv'",
    "attach 'other.duckdb'",
    "install httpfs",
    "load httpfs",
    "set enable_external_access = true",
    "set lock_configuration = false",
    "create table mine (a int)",
    "delete from core.runs",
    "export database 'copy'",
    "select * from secret_of_the_caller",
]


@pytest.mark.parametrize("statement", REFUSED)
def test_a_query_cannot_write_or_leave_the_file(
    published_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    secret_of_the_caller = duckdb.sql("select 1 as a").pl()
    assert secret_of_the_caller.height == 1
    monkeypatch.chdir(tmp_path)
    with open_published(published_once) as connection:
        with pytest.raises(duckdb.Error):
            connection.execute(statement).fetchall()
        assert connection.execute("select count(*) from core.runs").fetchall() == [(1,)]
    assert list(tmp_path.iterdir()) == []
