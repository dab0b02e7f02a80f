"""One refresh of a full book from loopback, stage by stage, beside its floor: the same bytes, fetched and decoded.

    python -m bench.refresh [--offers 20000] [--runs 3] [--home FOLDER]

The floor asks for the same answers one after the other over one connection per source and decodes them with msgspec:
typed where they are Vast's, whatever they hold elsewhere. Both are processes of their own, run in turn; seconds are of
the processor unless they say "wall", without imports. Prefect is no part of it.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.client import HTTPConnection
from importlib import import_module
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

import msgspec

from bench.full_book import PACE, served, served_sources

STAGES = {
    "fetch and store answers": ("flows.pipeline", "keep"),
    "load reference": ("warehouse.store.Warehouse", "load_reference"),
    "parse": ("flows.pipeline", "parse"),
    "normalise, check": ("flows.pipeline", "check"),
    "store core": ("warehouse.store.Warehouse", "replace_core"),
    "estimate": ("flows.stages.ranked", "estimate"),
    "rank": ("flows.pipeline", "rank"),
    "store marts": ("warehouse.store.Warehouse", "replace_marts"),
    "publish": ("flows.pipeline", "publish"),
}
"""Stage -> the function whose time it is, less that of stages within it. What is left is fetching."""


FIRST_USE = ("scrapers.visit", "httpcore", "pyarrow.dataset", "pytz")
"""Imported by us or by libraries only when first used; imported beforehand, because imports are not counted."""

KEY = "BENCH_VAST_KEY"
"""Any text there is shown to the stand-in as a key, for answers of 512 offers instead of 64."""


class Clock:
    """Processor and wall seconds per stage without the stages within it, and the memory peak by the end of each."""

    def __init__(self) -> None:
        self.peak_mb: dict[str, float] = {}
        self.cpu_s: dict[str, float] = defaultdict(float)
        self.wall_s: dict[str, float] = defaultdict(float)
        self._stack: list[str] = []
        self._since = (process_time(), perf_counter())

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        self._charge()
        self._stack.append(name)
        try:
            yield
        finally:
            self._charge()
            self._stack.pop()

    def _charge(self) -> None:
        now = (process_time(), perf_counter())
        if self._stack:
            self.cpu_s[self._stack[-1]] += now[0] - self._since[0]
            self.wall_s[self._stack[-1]] += now[1] - self._since[1]
            self.peak_mb[self._stack[-1]] = peak_mb()
        self._since = now

    def around(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **named: Any) -> Any:
            with self.stage(name):
                return function(*arguments, **named)

        return timed


def peak_mb() -> float:
    """Most memory this process has held. (What getrusage says may be its parent's.)"""
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


# --- in processes of their own ----------------------------------------------------------------------------------------


def refreshed(home: Path, origins: dict[str, str]) -> dict[str, Any]:
    """One refresh into `home`, as `pertoken refresh` does it."""
    from flows import pipeline
    from flows.progress import Silent
    from flows.settings import Settings
    from flows.stages import ranked
    from warehouse.store import Warehouse

    clock = Clock()
    places = {"flows.pipeline": pipeline, "flows.stages.ranked": ranked, "warehouse.store.Warehouse": Warehouse}
    for stage, (place, name) in STAGES.items():
        setattr(places[place], name, clock.around(stage, getattr(places[place], name)))
    keys = {"vast": key} if (key := os.environ.get(KEY)) else {}
    settings = Settings(home, origins=origins, paces=dict.fromkeys(origins, PACE), keys=keys)
    for name in FIRST_USE:
        import_module(name)
    before = peak_mb()
    with clock.stage("fetch and store answers"):
        report = pipeline.refresh(settings, served_sources(origins), None, Silent(), now=lambda: datetime.now(UTC))
    assert report.published is not None, report.broken
    return {
        "stages": dict(clock.cpu_s),
        "wall stages": dict(clock.wall_s),
        "peak by stage": clock.peak_mb,
        "cpu_s": sum(clock.cpu_s.values()),
        "wall_s": sum(clock.wall_s.values()),
        "peak_mb": peak_mb(),
        "libraries_mb": before,
        "records": sum(source.records for source in report.sources),
        "broken": [f"{source.source}: {source.error}" for source in report.broken],
    }


def floor(home: Path, origins: dict[str, str]) -> dict[str, Any]:
    """Ask again for every answer stored in `home` and decode what is JSON."""
    from scrapers.gpu.vast import Page
    from warehouse.store import Warehouse

    with Warehouse.open(home / "warehouse.duckdb") as warehouse:
        asked = warehouse.connection.execute(
            "select source, method, path, request_json, content_type from raw.captures where run_id = "
            "(select max(run_id) from raw.captures) order by source, seq"
        ).fetchall()
    cpu, wall, received = process_time(), perf_counter(), 0
    connections = {name: HTTPConnection(origin.removeprefix("http://")) for name, origin in origins.items()}
    for source, method, path, request_json, content_type in asked:
        headers = {"Accept-Encoding": "gzip", "Content-Type": "application/json"}
        connections[source].request(method, path, request_json, headers)
        response = connections[source].getresponse()
        body = response.read()
        body = gzip.decompress(body) if response.headers["Content-Encoding"] == "gzip" else body
        received += len(body)
        if "json" in content_type:
            msgspec.json.decode(body, type=Page if source == "vast" else Any)
    done = {"cpu_s": process_time() - cpu, "wall_s": perf_counter() - wall, "peak_mb": peak_mb()}
    return {**done, "requests": len(asked), "megabytes": received / 1e6}


# --- what is measured -------------------------------------------------------------------------------------------------


def alone(step: str, home: Path, origins: dict[str, str]) -> dict[str, Any]:
    """What a step says that runs in a process of its own."""
    command = [sys.executable, "-m", "bench.refresh", "--step", step, "--home", str(home)]
    done = subprocess.run(command, input=json.dumps(origins), stdout=subprocess.PIPE, text=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def measured(offers: int, runs: int) -> dict[str, Any]:
    """Medians over `runs` pairs of a first refresh, a second one into the same folder, and the floor."""
    found: dict[str, list[dict[str, Any]]] = {"refresh": [], "refresh again": [], "floor": []}
    with served(offers) as origins:
        for number in range(runs + 1):
            with tempfile.TemporaryDirectory() as home:
                pair = {
                    "refresh": alone("refresh", Path(home), origins),
                    "floor": alone("floor", Path(home), origins),
                    "refresh again": alone("refresh", Path(home), origins),
                }
            if number:  # the first pair makes the server's answers
                for name, figures in pair.items():
                    found[name].append(figures)
    medians = {name: _medians(all_of_them) for name, all_of_them in found.items()}
    pairs = list(zip(found["refresh"], found["refresh again"], found["floor"], strict=True))
    return {
        "offers": offers,
        "runs": runs,
        **medians,
        "cpu, times the floor": round(median(first["cpu_s"] / least["cpu_s"] for first, _, least in pairs), 2),
        "cpu again, times the floor": round(median(again["cpu_s"] / least["cpu_s"] for _, again, least in pairs), 2),
        "wall, times the floor": round(median(first["wall_s"] / least["wall_s"] for first, _, least in pairs), 2),
    }


def _medians(figures: list[dict[str, Any]]) -> dict[str, Any]:
    """Figure by figure; what is no number is as in the last run."""
    found: dict[str, Any] = {}
    for name, value in figures[-1].items():
        if isinstance(value, dict):
            found[name] = _medians([figure[name] for figure in figures])
        elif isinstance(value, int | float):
            found[name] = round(median(figure[name] for figure in figures), 3)
        else:
            found[name] = value
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--offers", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--step", choices=["refresh", "floor"], help="this step alone; origins on standard input")
    parser.add_argument("--home", type=Path)
    asked = parser.parse_args()
    if asked.step:
        step = {"refresh": refreshed, "floor": floor}[asked.step]
        print(json.dumps(step(asked.home, json.load(sys.stdin))))
    else:
        print(json.dumps(measured(asked.offers, asked.runs), indent=1))


if __name__ == "__main__":
    main()
