"""Killed, full, read-only, damaged: nothing is lost, and the published file stays whole."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from tests.warehouse import kills, samples
from tests.warehouse.samples import START
from warehouse.publish import publish
from warehouse.store import Warehouse, WarehouseBusy, WarehouseDamaged, WarehouseError
from warehouse.upkeep import backup, doctor, vacuum, verify


def test_a_kill_while_committing_loses_nothing_that_was_acknowledged(path: Path) -> None:
    instants = random.Random(1)
    for _ in range(2):
        kills.kill_while_committing(path.parent, instants, longest_s=0.8)


def test_a_kill_while_publishing_leaves_the_old_file_or_the_new(one_run: Path) -> None:
    folder, instants = one_run, random.Random(2)
    for _ in range(2):
        kills.kill_while_publishing(folder, instants, longest_s=0.8)
    with Warehouse.open(folder / "warehouse.duckdb") as warehouse:
        publish(warehouse, folder / "prices.duckdb")
    assert [path.name for path in folder.iterdir() if "building" in path.name] == []


FULL_DISK = """
import os, resource, sys
from datetime import timedelta
from pathlib import Path
from tests.warehouse import samples
from warehouse.publish import publish
from warehouse.store import Warehouse, WarehouseUnwritable

folder, stage = Path(sys.argv[1]), sys.argv[2]
with Warehouse.open(folder / "warehouse.duckdb") as warehouse:
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
    at = samples.START + timedelta(hours=6)
    try:
        if stage == "publish":
            publish(warehouse, folder / "prices.duckdb")
        else:
            run = samples.begin(warehouse, 1)
            warehouse.append_captures(run, "vast", [samples.capture("vast", os.urandom(4_000_000), at)])
    except WarehouseUnwritable as error:
        print("unwritable:", error, flush=True)
os._exit(0)
"""


@pytest.mark.parametrize("stage", ["capture", "publish"])
def test_a_full_disk_is_said_so_and_leaves_what_was_there(one_run: Path, stage: str) -> None:
    published = one_run / "prices.duckdb"
    before = published.read_bytes()
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(one_run), stage], capture_output=True, text=True, check=False
    )
    assert "unwritable: the disk of" in done.stdout, done.stderr
    assert published.read_bytes() == before
    with Warehouse.open(one_run / "warehouse.duckdb") as warehouse:
        assert warehouse.runs()["finished_at"].to_list()[0] == START + timedelta(minutes=3)
        assert len(warehouse.captures(samples.run_id(0), "vast")) == 1
        publish(warehouse, published)


READ_ONLY = """
import os, sys
from pathlib import Path
from tests.warehouse import samples
from warehouse.publish import publish
from warehouse.published import open_published
from warehouse.store import Warehouse, WarehouseUnwritable
from warehouse.upkeep import doctor

folder = Path(sys.argv[1])
if os.geteuid() == 0:
    os.seteuid(65534)
try:
    Warehouse.open(folder / "warehouse.duckdb")
except WarehouseUnwritable as error:
    print(error)
print(open_published(folder / "prices.duckdb").execute("select count(*) from core.runs").fetchall()[0][0])
print([symptom.severity for symptom in doctor(folder / "warehouse.duckdb", folder / "prices.duckdb")][0])
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder other users can enter, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="pertoken-test-"))
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


def test_a_read_only_folder_is_said_so_and_can_still_be_read(open_folder: Path, one_run: Path) -> None:
    for name in ("warehouse.duckdb", "prices.duckdb"):
        shutil.copyfile(one_run / name, open_folder / name)
    for path in open_folder.iterdir():
        path.chmod(0o444)
    open_folder.chmod(0o555)
    done = subprocess.run(
        [sys.executable, "-c", READ_ONLY, str(open_folder)], capture_output=True, text=True, check=False
    )
    said = done.stdout.splitlines()
    assert said[0].startswith(f"cannot write in {open_folder}"), done.stderr
    assert said[1:] == ["1", "fault"], done.stderr


def test_a_damaged_block_is_found_and_the_backup_takes_its_place(one_run: Path) -> None:
    private, copy = one_run / "warehouse.duckdb", one_run / "backup" / "warehouse.duckdb"
    with Warehouse.open(private) as warehouse:
        backup(warehouse, copy)
    assert verify(copy) == verify(private)
    body = bytearray(private.read_bytes())
    for offset in range(3 * 4096, len(body), 4096):
        body[offset] ^= 0xFF
    private.write_bytes(body)
    with pytest.raises(WarehouseDamaged, match="put the newest backup in its place"):
        verify(private)
    symptoms = {symptom.about: symptom for symptom in doctor(private, one_run / "prices.duckdb")}
    assert symptoms["private file"].severity == "fault"
    private.write_bytes(copy.read_bytes())
    with Warehouse.open(private) as warehouse:
        assert warehouse.runs().height == 1


def test_a_damaged_backup_never_replaces_a_good_one(one_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = one_run / "backup.duckdb"

    def torn(source: Path, target: Path) -> None:
        target.write_bytes(source.read_bytes()[: source.stat().st_size // 2])

    with Warehouse.open(one_run / "warehouse.duckdb") as warehouse:
        backup(warehouse, copy)
        before = copy.read_bytes()
        monkeypatch.setattr(shutil, "copyfile", torn)
        with pytest.raises(WarehouseError):
            backup(warehouse, copy)
    assert copy.read_bytes() == before
    assert sorted(path.name for path in one_run.glob(".*")) == []


def test_vacuum_drops_old_responses_and_nothing_else(path: Path) -> None:
    with Warehouse.open(path) as warehouse:
        for number in range(2):
            run = samples.whole_run(warehouse, number)
            at = START + timedelta(hours=6 * number)
            warehouse.append_captures(
                run, "vultr", [samples.capture("vultr", random.Random(number).randbytes(10**6), at)]
            )
        rows = {table: n for table, n in verify_counts(warehouse).items() if "bookkeeping" not in table}
        with pytest.raises(WarehouseBusy):
            vacuum(path)
    before, after = vacuum(path, raw_before=START + timedelta(hours=1))
    assert after < before
    with Warehouse.open(path) as warehouse:
        kept = {table: n for table, n in verify_counts(warehouse).items() if "bookkeeping" not in table}
        assert kept.pop("raw.captures") == rows.pop("raw.captures") // 2
        assert kept == rows
        assert len(warehouse.captures(samples.run_id(1), "vultr")) == 1


def verify_counts(warehouse: Warehouse) -> dict[str, int]:
    tables = warehouse.connection.execute("select schema_name || '.' || table_name from duckdb_tables()").fetchall()
    return {name: warehouse.connection.table(name).pl().height for (name,) in tables}


def test_the_doctor_finds_nothing_in_a_healthy_folder_and_names_a_running_refresh(one_run: Path) -> None:
    private, published = one_run / "warehouse.duckdb", one_run / "prices.duckdb"
    assert {symptom.severity for symptom in doctor(private, published)} == {"ok"}
    with Warehouse.open(private):
        said = [symptom.what for symptom in doctor(private, published)]
    assert f"a refresh is running (pid {os.getpid()})" in said
    assert {symptom.severity for symptom in doctor(one_run / "x.duckdb", one_run / "y.duckdb")} == {"ok", "warning"}


def test_a_query_out_of_memory_leaves_the_connection_usable(published_once: Path) -> None:
    with duckdb.connect(
        published_once, read_only=True, config={"memory_limit": "64MB", "temp_directory": ""}
    ) as connection:
        with pytest.raises(duckdb.OutOfMemoryException):
            connection.execute("select list(i) from range(100_000_000) as t(i)").fetchall()
        assert connection.execute("select count(*) from core.runs").fetchall() == [(1,)]
