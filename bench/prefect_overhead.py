"""One refresh from loopback as plain functions, and as the flow that Prefect runs against a server of its own.

    python -m bench.prefect_overhead [--offers 2000] [--runs 3]

Each is a process of its own, run in turn into an empty folder; seconds are of the processor unless they say "wall".
Importing is apart: a worker starts a process for every run. The server's seconds are those it spent meanwhile, also
while it had nothing to do with the run.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

from bench.full_book import PACE, served, served_sources
from bench.refresh import FIRST_USE, peak_mb
from flows.settings import variable_suffix

Figures = dict[str, float]


# --- in processes of their own ----------------------------------------------------------------------------------------


def plain(names: list[str]) -> None:
    from flows import pipeline, settings
    from flows.progress import Silent
    from scrapers.registry import SOURCES

    current = settings.read(SOURCES)
    report = pipeline.refresh(current, SOURCES, names, Silent(), now=lambda: datetime.now(UTC))
    assert report.published is not None and not report.broken, report.broken


def flow(names: list[str]) -> None:
    from flows.refresh import refresh

    async def once() -> Any:
        return await refresh(names, return_state=True)

    state = asyncio.run(once())
    assert state.name == "Completed", state.message


def step(name: str, names: list[str]) -> Figures:
    """Importing what a step needs, then the step."""
    began = process_time()
    for module in ("flows.pipeline" if name == "plain" else "flows.refresh", *FIRST_USE):
        __import__(module)
    imported, wall = process_time(), perf_counter()
    (plain if name == "plain" else flow)(names)
    return {
        "cpu_s": process_time() - imported,
        "wall_s": perf_counter() - wall,
        "import_cpu_s": imported - began,
        "peak_mb": peak_mb(),
    }


# --- what is measured -------------------------------------------------------------------------------------------------


def measured(offers: int, runs: int) -> dict[str, object]:
    """Medians over `runs` pairs, after one that is not counted, and the medians of their ratios."""
    from flows.serve import own_server

    found: dict[str, list[Figures]] = {"plain": [], "flow": []}
    with (
        served(offers) as origins,
        tempfile.TemporaryDirectory() as home,
        own_server(Path(home) / "server", _free_port()) as url,
    ):
        (server,) = _children("prefect")
        names = [source.name for source in served_sources(origins)]
        for number in range(runs + 1):
            for name, figures in found.items():
                before = _cpu_s(server)
                taken = _alone(name, names, origins, url, Path(home) / f"{name}-{number}")
                if number:
                    figures.append(taken | {"server_cpu_s": _cpu_s(server) - before})
    pairs = list(zip(found["plain"], found["flow"], strict=True))
    return {
        "offers": offers,
        "runs": runs,
        "sources": len(names),
        **{
            name: {key: round(median(one[key] for one in figures), 2) for key in figures[0]}
            for name, figures in found.items()
        },
        "cpu, flow over plain": round(median(flow["cpu_s"] / plain["cpu_s"] for plain, flow in pairs), 2),
        "cpu_s of Prefect in all": round(median(_in_all(flow) - _in_all(plain) for plain, flow in pairs), 2),
        "wall, flow over plain": round(median(flow["wall_s"] / plain["wall_s"] for plain, flow in pairs), 2),
    }


def _in_all(figures: Figures) -> float:
    return figures["cpu_s"] + figures["import_cpu_s"] + figures["server_cpu_s"]


def _alone(name: str, names: list[str], origins: dict[str, str], url: str, home: Path) -> Figures:
    home.mkdir()
    environment = {
        **os.environ,
        "PREFECT_API_URL": url,
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_LOGGING_LEVEL": "WARNING",
        "PERTOKEN_HOME": str(home),
        **{f"PERTOKEN_ORIGIN_{variable_suffix(source)}": origin for source, origin in origins.items()},
        **{f"PERTOKEN_PACE_{variable_suffix(source)}": str(PACE) for source in origins},
    }
    done = subprocess.run(
        [sys.executable, "-m", "bench.prefect_overhead", "--step", name],
        input=json.dumps(names),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=environment,
    )
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def _children(word: str) -> list[int]:
    """Processes that this one started, with a word in their command."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        pid = int(status.parent.name)
        try:
            parent = int(status.read_text().rsplit(")", 1)[1].split()[1])
            command = (status.parent / "cmdline").read_text()
        except OSError:  # it has ended
            continue
        if parent == os.getpid() and word in command:
            found.append(pid)
    return found


def _cpu_s(pid: int) -> float:
    """Processor seconds of a process so far, without those it started."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--offers", type=int, default=2_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--step", choices=["plain", "flow"], help="this step alone; names of sources on standard input")
    asked = parser.parse_args()
    if asked.step:
        print(json.dumps(step(asked.step, json.load(sys.stdin))))
    else:
        print(json.dumps(measured(asked.offers, asked.runs), indent=1))


if __name__ == "__main__":
    main()
