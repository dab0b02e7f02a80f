"""Refresh time and memory as the book grows, and what history adds: the warehouse's part after none, a month, a year.

    python -m bench.growth [--offers 1500] [--factors 1 10 100] [--history 120 1460]

Books are read with a key, 512 offers to an answer, by a first refresh and a second one into the same folder, each once.
History is made straight in the tables, at bench.history's own size of a run; there the warehouse alone is measured.
Seconds are of the processor.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.full_book import served
from bench.refresh import KEY, alone


def book_growth(offers: int) -> dict[str, Any]:
    os.environ[KEY] = "any"
    with served(offers) as origins, tempfile.TemporaryDirectory() as home:
        first, again = (alone("refresh", Path(home), origins) for _ in range(2))
        private = (Path(home) / "warehouse.duckdb").stat().st_size
        published = (Path(home) / "prices.duckdb").stat().st_size
    return {
        "offers": offers,
        "records": first["records"],
        "broken": first["broken"],
        "cpu_s": round(first["cpu_s"], 2),
        "cpu_s, again": round(again["cpu_s"], 2),
        "stages": {name: round(seconds, 2) for name, seconds in again["stages"].items()},
        "peak_mb": round(first["peak_mb"]),
        "peak_mb, again": round(again["peak_mb"]),
        "private_mb, two runs": round(private / 1e6, 1),
        "published_mb": round(published / 1e6, 1),
    }


def history_growth(runs: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.history", "--runs", str(runs)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    report = json.loads(done.stdout)
    names = {"empty": "seconds, empty", "with_history": "seconds, with history"}
    found = {name: _cpu_s(report[key]) for name, key in names.items()}
    return {"runs": runs, **found, "megabytes": report["megabytes, with history"]}


def _cpu_s(steps: dict[str, str]) -> float:
    """All steps together but the one that only the first run of a month takes; each says "0.12 wall, 0.10 cpu"."""
    ordinary = (said for step, said in steps.items() if step != "publish, first of a month")
    return round(sum(float(said.split()[-2]) for said in ordinary), 2)


def measured(offers: int, factors: list[int], history: list[int]) -> dict[str, Any]:
    return {
        "books": [book_growth(offers * factor) for factor in factors],
        "history": [history_growth(runs) for runs in history if runs],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--offers", type=int, default=1500)
    parser.add_argument("--factors", type=int, nargs="*", default=[1, 10, 100])
    parser.add_argument("--history", type=int, nargs="*", default=[120, 1460], help="runs; none is part of each")
    asked = parser.parse_args()
    print(json.dumps(measured(asked.offers, asked.factors, asked.history), indent=1))


if __name__ == "__main__":
    main()
