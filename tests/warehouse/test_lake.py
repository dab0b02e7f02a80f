"""Several processes write one lake at once; others read it, as it is and as it was; one is killed."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from tests.warehouse import samples
from tests.warehouse.lake_worker import OFFERS
from tests.warehouse.lakes import Lakes
from tests.warehouse.samples import START
from warehouse.lake import Lake, read_lake, tidy
from warehouse.publish import publish
from warehouse.store import LakeUnavailable, Warehouse

OFFERS_PER_RUN = "select run_id, count(*), count(distinct offer_id) from core.gpu_offers group by run_id"
SNAPSHOT = "select max(snapshot_id) from lake.snapshots()"


@contextmanager
def working(lake: Lake, source: str, first: int, n_runs: int) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.warehouse.lake_worker", lake.catalog, lake.files, source]
    with subprocess.Popen(
        [*command, str(first), "2", str(n_runs)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "open\n", worker.communicate()[1]
        yield worker


def test_two_workers_write_while_one_reads_and_none_is_lost_or_doubled(lakes: Lakes) -> None:
    lake = lakes.empty()
    seen: dict[int, dict[str, int]] = {}
    with working(lake, "vast", 0, 3) as vast, working(lake, "cloudrift", 1, 3) as cloudrift, read_lake(lake) as reader:
        while vast.poll() is None or cloudrift.poll() is None:
            reader.execute("begin")
            ((snapshot,),) = reader.execute(SNAPSHOT).fetchall()
            counted = reader.execute(OFFERS_PER_RUN).fetchall()
            reader.execute("commit")
            assert {rows for _, rows, _ in counted} <= {OFFERS}, "half a run"
            assert {distinct for _, _, distinct in counted} <= {OFFERS}, "a doubled row"
            seen[snapshot] = {run: rows for run, rows, _ in counted}
            time.sleep(0.1)
        said = [worker.communicate() for worker in (vast, cloudrift)]
    assert [worker.returncode for worker in (vast, cloudrift)] == [0, 0], said
    expected = {samples.run_id(number): OFFERS for number in range(6)}
    with read_lake(lake) as reader:
        assert {run: rows for run, rows, _ in reader.execute(OFFERS_PER_RUN).fetchall()} == expected
        assert reader.execute("select count(*), count(distinct run_id) from core.runs").fetchall() == [(6, 6)]
        for table in ("raw.captures", "raw.fetches"):
            assert reader.execute(
                f"select source, count(*) from {table} group by source order by source"
            ).fetchall() == [
                ("cloudrift", 3),
                ("vast", 3),
            ]
        in_between = [counts for counts in seen.values() if 0 < len(counts) < 6]
        assert in_between, "the reader saw nothing while the workers wrote"
        for snapshot, counts in seen.items():
            then = f"select run_id, count(*) from core.gpu_offers at (version => {snapshot}) group by run_id"
            assert dict(reader.execute(then).fetchall()) == counts


def test_a_worker_killed_while_it_writes_leaves_whole_runs_and_stops_nobody(lakes: Lakes) -> None:
    lake = lakes.empty()
    with working(lake, "vast", 0, 1000) as killed, working(lake, "cloudrift", 1, 3) as other:
        assert killed.stdout is not None
        done = [killed.stdout.readline().strip()]
        time.sleep(0.4)
        killed.kill()
        done += killed.communicate()[0].split()
        _, complaint = other.communicate()
    assert other.returncode == 0, complaint
    with Warehouse.open(lake) as warehouse:
        stored = warehouse.runs()
        assert set(done) <= set(stored.drop_nulls("finished_at")["run_id"])
        assert {samples.run_id(number) for number in (1, 3, 5)} <= set(stored["run_id"])
        for run in stored["run_id"]:
            assert warehouse.rows("core.gpu_offers", run).height in ((OFFERS,) if run in done else (0, OFFERS))
        captured = Counter(
            run for run in stored["run_id"] for source in ("vast", "cloudrift") for _ in warehouse.captures(run, source)
        )
        assert set(captured.values()) == {1}
        again = samples.whole_run(warehouse, len(done) * 2)  # the run it was killed in
        assert warehouse.rows("core.gpu_offers", again).height == 1


def test_the_first_workers_make_the_tables_together(lakes: Lakes) -> None:
    lake = lakes.blank()

    def first_use(number: int) -> None:
        with Warehouse.open(lake) as warehouse:
            samples.begin(warehouse, number)

    with ThreadPoolExecutor(2) as workers:
        list(workers.map(first_use, range(2)))
    with Warehouse.open(lake) as warehouse:
        assert warehouse.runs().height == 2


def test_a_lake_publishes_the_same_file_as_the_private_file(lakes: Lakes, path: Path, tmp_path: Path) -> None:
    contents = []
    for place, name in ((path, "from-file.duckdb"), (lakes.empty(), "from-lake.duckdb")):
        with Warehouse.open(place) as warehouse:
            samples.load_small_reference(warehouse)
            for number in range(2):
                samples.whole_run(warehouse, number, usd_per_gpu_hour=2 + number)
            made = publish(warehouse, tmp_path / "new folder" / name)
            samples.whole_run(warehouse, 2)
            assert publish(warehouse, made.path).rows["core.gpu_offers"] == 1, "only the new run is copied"
        contents.append(everything(made.path))
    assert contents[0] == contents[1]


def everything(published: Path) -> dict[str, list[tuple[object, ...]]]:
    with duckdb.connect(published, read_only=True) as connection:
        tables = connection.execute(
            "select schema_name || '.' || table_name from duckdb_tables() order by 1"
        ).fetchall()
        return {
            name: connection.execute(f"select t::text from {name} as t order by 1").fetchall() for (name,) in tables
        }


def test_yesterday_is_read_until_the_lake_is_tidied(lakes: Lakes) -> None:
    lake = lakes.empty()
    with Warehouse.open(lake) as warehouse:
        run = samples.begin(warehouse, 0)
        warehouse.replace_core(run, samples.core(START))
        ((moment,),) = warehouse.connection.execute("select max(snapshot_time) from lake.snapshots()").fetchall()
        warehouse.replace_core(run, samples.core(START, offers=[{"usd_per_hour": 99.0}]))
    then = f"select usd_per_hour from core.gpu_offers at (timestamp => '{moment}')"
    with read_lake(lake) as reader:
        assert reader.execute(then).fetchall() == [(16.0,)]
        assert reader.execute("select usd_per_hour from core.gpu_offers").fetchall() == [(99.0,)]
        with pytest.raises(duckdb.Error, match="read-only"):
            reader.execute("delete from core.gpu_offers")
    tidy(lake, keep_days=0, now=datetime.now(UTC) + timedelta(seconds=5))
    with read_lake(lake) as reader:
        assert reader.execute("select usd_per_hour from core.gpu_offers").fetchall() == [(99.0,)]
        with pytest.raises(duckdb.Error):
            reader.execute(then).fetchall()


def test_a_dump_and_then_a_copy_of_the_files_are_a_backup(lakes: Lakes, tmp_path: Path) -> None:
    """Even though a run is stored between the two, and files are tidied away after them."""
    lake, copy = lakes.empty(), tmp_path / "copy"
    with Warehouse.open(lake) as warehouse:
        stored = [samples.whole_run(warehouse, 0)]
        warehouse.connection.execute("call ducklake_flush_inlined_data('lake')")  # so few rows lie in the catalog, else
        dump = lakes.dumped(lake)
        samples.whole_run(warehouse, 1)
        ((files,),) = warehouse.connection.execute(
            "select list(data_file) from ducklake_list_files('lake', 'gpu_offers', schema => 'core')"
        ).fetchall()
    shutil.copytree(lake.files, copy)
    assert files, "the offers lie in files"
    for file in files:
        Path(file).unlink()
    shutil.copytree(copy, lake.files, dirs_exist_ok=True)
    with Warehouse.open(lakes.restored(dump)) as warehouse:
        assert warehouse.runs()["run_id"].to_list() == stored
        assert warehouse.rows("core.gpu_offers", stored[0]).height == 1
        samples.whole_run(warehouse, 1)
        assert warehouse.runs().height == 2


def test_a_catalog_that_is_not_there_is_said_so_without_its_password(lakes: Lakes, tmp_path: Path) -> None:
    assert lakes
    gone = Lake("host=127.0.0.1 port=1 user=pertoken password=hunter2 dbname=gone", str(tmp_path))
    with pytest.raises(LakeUnavailable, match="is its catalog up") as unavailable:
        Warehouse.open(gone)
    assert "hunter2" not in str(unavailable.value) + repr(gone)


def test_a_catalog_that_goes_away_in_the_middle_is_said_so_without_its_password(lakes: Lakes, tmp_path: Path) -> None:
    made = lakes.empty()
    lake = Lake(f"{made.catalog} password=hunter2", made.files)
    said = []
    with pytest.raises(LakeUnavailable) as unavailable, Warehouse.open(lake) as warehouse:
        samples.whole_run(warehouse, 0)
        lakes.take_away(lake)
        said.append(refused(lambda: samples.begin(warehouse, 1)))
        said.append(refused(lambda: publish(warehouse, tmp_path / "prices.duckdb")))
        warehouse.runs()
    said.append("".join(traceback.format_exception(unavailable.value)))
    said.append(refused(lambda: tidy(lake, keep_days=0, now=START)))
    assert "does not answer" in said[-2]
    assert [text for text in said if "hunter2" in text] == []


def refused(work: Callable[[], object]) -> str:
    """All that is told of an error."""
    with pytest.raises(Exception) as told:
        work()
    return "".join(traceback.format_exception(told.value))
