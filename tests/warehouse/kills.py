"""Kills a worker at a random instant and looks at what it left. The suite does it a few times, bench/kills.py often."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Literal

from tests.warehouse import samples
from tests.warehouse.worker import OFFERS
from warehouse.publish import run_checks
from warehouse.published import open_published
from warehouse.store import Warehouse


def killed(task: Literal["commit", "publish"], folder: Path, delay_s: float) -> list[str]:
    """Kills a worker `delay_s` after it has opened the warehouse and returns what it said was done."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.warehouse.worker", task, str(folder)], stdout=subprocess.PIPE, text=True
    ) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "open\n"
        time.sleep(delay_s)
        worker.kill()
        said, _ = worker.communicate()
    return said.split()


def kill_while_committing(folder: Path, instants: random.Random, longest_s: float) -> int:
    """One kill. Asserts that every run said to be done is there, and no table holds half a run. Returns runs done."""
    done = killed("commit", folder, instants.uniform(0, longest_s))
    with Warehouse.open(folder / "warehouse.duckdb") as warehouse:
        stored = warehouse.runs()
        offers, asked, responses = (
            dict(warehouse.connection.execute(f"select run_id, count(*) from {table} group by run_id").fetchall())
            for table in ("core.gpu_offers", "core.source_runs", "raw.captures")
        )
        assert set(done) <= set(stored.drop_nulls("finished_at")["run_id"])
        assert set(offers.values()) <= {OFFERS}
        assert asked == dict.fromkeys(offers, 2)
        assert set(responses.values()) <= {1}
        for run in done:
            assert offers[run] == OFFERS
            assert len(warehouse.captures(run, "vast")[0].body) >= 1000
    return len(done)


def kill_while_publishing(folder: Path, instants: random.Random, longest_s: float) -> int:
    """One kill. Asserts that the published file is whole. Returns publications done."""
    done = killed("publish", folder, instants.uniform(0, longest_s))
    with open_published(folder / "prices.duckdb") as connection:
        assert connection.execute("select count(*) from core.runs").fetchall() == [(1,)]
        run_checks(connection)
    return len(done)


def prepared(folder: Path) -> Path:
    """A folder with one run stored and published."""
    samples.published_runs(folder, 1)
    return folder
