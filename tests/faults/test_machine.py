"""Whole refreshes on a machine that fails: killed, out of disk, out of memory, asked twice, its file damaged.

What the store alone must survive is in tests/warehouse/test_faults.py.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from flows.settings import Settings
from tests.conftest import ROOT
from tests.faults.kills import Victim
from tests.faults.refresher import FEW
from tests.warehouse import samples
from warehouse.store import Warehouse

LEFT = ".prices.duckdb.building.1"
NOWHERE = {f"PERTOKEN_ORIGIN_{source.name.upper()}": "http://127.0.0.1:9" for source in FEW}


@pytest.fixture(scope="module")
def _refreshed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder after one whole refresh, which was killed while it began the next."""
    home = tmp_path_factory.mktemp("refreshed")
    (home / LEFT).write_bytes(b"left by a killed run")
    with refreshing(home) as worker:
        assert worker.stdout is not None
        for line in worker.stdout:
            if line.startswith("published"):
                break
        worker.kill()
    return home


def refreshing(home: Path, *full_from: str) -> subprocess.Popen[str]:
    """Refreshes one after the other, until the disk is full: from the beginning of the named stage on."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.faults.refresher", str(home), *full_from],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


@pytest.fixture
def home(tmp_path: Path, _refreshed: Path) -> Path:
    """A copy of that folder."""
    for path in _refreshed.iterdir():
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def pertoken(home: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from flows.cli import main; main()", *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={"PERTOKEN_HOME": str(home), "PATH": "/usr/bin:/bin", **NOWHERE, **environment},
    )


def one_sentence(done: subprocess.CompletedProcess[str]) -> str:
    """What a command that failed said: one line, no traceback."""
    (line,) = [line for line in done.stderr.splitlines() if line]
    assert line.startswith("pertoken: ")
    return line


def test_a_kill_at_any_instant_loses_nothing_and_leaves_the_old_file_or_the_new(home: Path) -> None:
    victim, instants = Victim(Settings(home=home)), random.Random(4)
    for _ in range(2):
        victim.killed(instants.uniform(0, 4))
        victim.look()


def test_a_publication_sweeps_away_what_a_killed_one_left(home: Path) -> None:
    assert LEFT not in [path.name for path in home.iterdir()]


@pytest.mark.parametrize(
    ("stage", "file"),
    [("capturing", "warehouse.duckdb"), ("estimating", "warehouse.duckdb"), ("publishing", ".prices.duckdb.building.")],
)
def test_a_full_disk_ends_the_refresh_and_leaves_what_was_there(home: Path, stage: str, file: str) -> None:
    """Whether it fills up while answers are stored, while boards are, or while the published file is made."""
    settings = Settings(home=home)
    before = settings.published.read_bytes()
    with refreshing(home, stage) as worker:
        said, complaint = worker.communicate(timeout=120)
    assert worker.returncode == 1
    assert said.splitlines()[-1] == f"stage {stage}", said
    reason = complaint.splitlines()[-1]
    assert reason.startswith(f"warehouse.errors.WarehouseUnwritable: the disk of {home / file}"), complaint
    assert "is full" in reason and "File too large" in reason, reason
    assert settings.published.read_bytes() == before
    victim = Victim(settings)
    victim.killed(0.5)
    victim.look()


def test_a_second_refresh_is_told_so_at_once(home: Path) -> None:
    with Warehouse.open(home / "warehouse.duckdb"):
        start = time.perf_counter()
        done = pertoken(home, "refresh", "--source", "cerebras")
        took = time.perf_counter() - start
    assert done.returncode == 5
    assert "another refresh is running (pid " in one_sentence(done)
    assert took < 30


def test_a_damaged_file_is_said_so_and_the_backup_takes_its_place(home: Path) -> None:
    private, copy = home / "warehouse.duckdb", home / "backup.duckdb"
    assert pertoken(home, "backup", str(copy)).returncode == 0
    whole, published = copy.read_bytes(), (home / "prices.duckdb").read_bytes()
    private.write_bytes(private.read_bytes()[: len(whole) // 2])
    done = pertoken(home, "backup", str(copy))
    assert done.returncode == 1
    assert "is damaged" in one_sentence(done)
    assert copy.read_bytes() == whole, "a damaged backup took the place of a good one"
    private.write_bytes(b"not a database" * 1000)
    done = pertoken(home, "refresh", "--source", "cerebras")
    assert done.returncode == 1
    assert "is damaged: put the newest backup in its place" in one_sentence(done)
    assert (home / "prices.duckdb").read_bytes() == published
    private.write_bytes(whole)
    with Warehouse.open(private) as warehouse:
        assert set(warehouse.captured_sources(warehouse.runs()["run_id"][0])) == {source.name for source in FEW}


@pytest.mark.parametrize(
    "statement",
    ["select list(i) from range(100_000_000_000) as t(i)", "from range(1_000_000_000)"],
    ids=["in the engine", "in the answer"],
)
def test_a_query_out_of_memory_is_one_sentence(tmp_path: Path, statement: str) -> None:
    samples.published_runs(tmp_path, 1)
    limited = (
        "import resource, sys; from flows.cli import main; import duckdb, rich.table; "
        "resource.setrlimit(resource.RLIMIT_AS, (1_500_000_000, 1_500_000_000)); main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", limited, "sql", statement],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={"PERTOKEN_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 1, (done.stdout[-500:], done.stderr[-2000:])
    assert "memory" in one_sentence(done)
