"""Kills a whole refresh at a random instant and looks at what it left. The suite does it a few times, bench often."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from flows.settings import Settings
from tests.faults.refresher import FEW
from warehouse.publish import run_checks
from warehouse.published import open_published
from warehouse.store import Warehouse


@dataclass
class Victim:
    """A data folder whose refreshes are killed, and what they had said was done."""

    settings: Settings
    kept: set[tuple[str, str]] = field(default_factory=set)
    published: list[str] = field(default_factory=list)
    whole: dict[str, int] = field(default_factory=dict)
    """Rows of a run that was published, by table: what every other run must have, or none."""

    def killed(self, delay_s: float) -> str:
        """Starts refreshing and kills it `delay_s` after it began. Returns the stage it was in."""
        command = [sys.executable, "-m", "tests.faults.refresher", str(self.settings.home)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as worker:
            assert worker.stdout is not None
            first = worker.stdout.readline()
            time.sleep(delay_s)
            worker.kill()
            said, complaint = worker.communicate()
        assert not complaint, complaint
        stage = ""
        for line in [first, *said.splitlines()]:
            word, *rest = line.split()
            if word == "stage":
                stage = rest[0]
            elif word == "kept":
                self.kept.add((rest[0], rest[1]))
            else:
                self.published.append(rest[0])
                stage = "between two runs"
        return stage

    def look(self) -> None:
        """Asserts that nothing said to be done is lost, no table holds half a run, and the published file is whole."""
        self._look_at_the_published_file()
        with Warehouse.open(self.settings.warehouse) as warehouse:
            for run, source in self.kept:
                captures = warehouse.captures(run, source)
                assert captures, f"{source} of {run} was said to be kept and is not there"
                assert all(hashlib.sha256(capture.body).hexdigest() == capture.sha256 for capture in captures)
            self._look_for_half_runs(warehouse)

    def _look_for_half_runs(self, warehouse: Warehouse) -> None:
        for run in warehouse.runs()["run_id"]:
            rows = {
                table: warehouse.rows(f"core.{table}", run).height
                for table in ("source_runs", "gpu_offers", "api_prices")
            }
            if run in self.published and not self.whole:
                self.whole = rows
            if any(rows.values()) or run in self.published:
                assert rows["source_runs"] == len(FEW), rows
                assert not self.whole or rows == self.whole, (rows, self.whole)

    def _look_at_the_published_file(self) -> None:
        if not self.settings.published.exists():
            assert not self.published
            return
        with open_published(self.settings.published) as connection:
            run_checks(connection)
            runs = [run for (run,) in connection.execute("select run_id from core.runs order by 1").fetchall()]
            ((boards,),) = connection.execute("select count(*) from marts.leaderboard").fetchall()
        assert boards > 0
        assert not self.published or self.published[-1] in runs, "a run that was said to be published is not there"


def time_of_a_refresh(home: Path) -> float:
    """How long one refresh takes here, by letting it run once: kills are spread over a little more than that."""
    command = [sys.executable, "-m", "tests.faults.refresher", str(home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        worker.stdout.readline()
        start = time.perf_counter()
        for line in worker.stdout:
            if line.startswith("published"):
                break
        took = time.perf_counter() - start
        worker.kill()
    Victim(Settings(home=home)).look()
    return took


def kill_often(home: Path, kills: int, instants: random.Random, longest_s: float) -> dict[str, int]:
    """That many kills, each looked at before the next. Returns how often each stage was hit."""
    victim = Victim(Settings(home=home))
    hit: dict[str, int] = {}
    for _ in range(kills):
        stage = victim.killed(instants.uniform(0, longest_s))
        hit[stage] = hit.get(stage, 0) + 1
        victim.look()
    return hit


def leftovers(home: Path) -> list[str]:
    """What no run should leave behind."""
    return sorted(path.name for path in home.rglob("*") if "building" in path.name)
