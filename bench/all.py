"""Every figure in one JSON and one table.

    python -m bench.all [--out figures.json] [--gpuhunt PYTHON] [--aiconfigurator PYTHON] [--only NAME …]

Prints the table; docs/performance.md holds it as measured last. Growth takes many minutes: leave it out by `--only`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

BENCHES = ("refresh", "prefect_overhead", "parse", "ranking", "estimates", "growth", "start")
FOREIGN = {"parse": "gpuhunt", "estimates": "aiconfigurator"}
"""Bench -> the other program it can be measured beside."""

Figures = dict[str, Any]


def _of(other: Figures | str, name: str) -> object:
    """A figure of the other program, or why there is none."""
    return other[name] if isinstance(other, dict) else other


LINES: tuple[tuple[str, str, str, Callable[[Figures], object]], ...] = (
    ("refresh", "first refresh, processor s", "", lambda f: f["refresh"]["cpu_s"]),
    ("refresh", "next refresh, processor s", "", lambda f: f["refresh again"]["cpu_s"]),
    ("refresh", "floor, processor s", "", lambda f: f["floor"]["cpu_s"]),
    ("refresh", "first refresh over floor", "≤ 3", lambda f: f["cpu, times the floor"]),
    ("refresh", "peak memory, MB, first", "≤ 600", lambda f: f["refresh"]["peak_mb"]),
    ("refresh", "peak memory, MB, next", "≤ 600", lambda f: f["refresh again"]["peak_mb"]),
    ("prefect_overhead", "flow over plain functions", "", lambda f: f["cpu, flow over plain"]),
    ("prefect_overhead", "Prefect in all, processor s", "", lambda f: f["cpu_s of Prefect in all"]),
    ("parse", "offers per second", "", lambda f: f["offers_per_s"]),
    ("parse", "times as fast as gpuhunt", "≥ 8", lambda f: f.get("times_as_fast", "not measured")),
    ("ranking", "28.8 M price points, s", "≤ 0.3", lambda f: f["ours"]["wall_s"]),
    ("ranking", "the same, processor s", "", lambda f: f["ours"]["cpu_s"]),
    ("ranking", "peak memory, MB", "≤ 300", lambda f: f["ours"]["peak_mb"]),
    ("ranking", "DuckDB over ours, processor", "", lambda f: f["cpu, duckdb over ours"]),
    ("ranking", "polars over ours, processor", "", lambda f: f["cpu, polars over ours"]),
    ("estimates", "estimates per second", "", lambda f: f["estimates_per_s"]),
    ("estimates", "aiconfigurator's per second", "", lambda f: _of(f["aiconfigurator"], "estimates_per_s")),
    ("start", "command to board, s", "≤ 0.5", lambda f: f["board_wall_s"]),
    ("start", "command to board, processor s", "", lambda f: f["board_cpu_s"]),
)
"""Bench, what, goal, where it stands in the bench's figures."""


def table(found: dict[str, Figures]) -> str:
    rows = ["| bench | figure | goal | measured |", "|---|---|---|---|"]
    for bench, what, goal, figure in LINES:
        if bench in found:
            rows.append(f"| {bench} | {what} | {goal} | {figure(found[bench])} |")
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="file for the JSON; standard error without")
    parser.add_argument("--gpuhunt", type=Path)
    parser.add_argument("--aiconfigurator", type=Path)
    parser.add_argument("--only", nargs="*", choices=BENCHES, default=list(BENCHES))
    asked = parser.parse_args()
    found: dict[str, Figures] = {}
    for bench in asked.only:
        other = getattr(asked, FOREIGN[bench]) if bench in FOREIGN else None
        beside = [f"--{FOREIGN[bench]}", str(other)] if other else []
        done = subprocess.run(
            [sys.executable, "-m", f"bench.{bench}", *beside], stdout=subprocess.PIPE, text=True, check=True
        )
        found[bench] = json.loads(done.stdout)
        if asked.out:  # after each: a later one that fails takes nothing along
            asked.out.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    if not asked.out:
        sys.stderr.write(json.dumps(found, indent=1) + "\n")
    print(table(found))


if __name__ == "__main__":
    main()
