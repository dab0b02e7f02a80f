"""Throughput estimates per second: every known GPU, one to eight of it, with everything on the boards.

    python -m bench.estimates [--runs 5] [--aiconfigurator PYTHON]

PYTHON is the interpreter of an environment with aiconfigurator (see bench/run_aiconfigurator.py); it is asked for
measured configurations that it can express. Seconds are of the processor. What does not fit counts, too: it is
answered with a reason.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

import polars as pl

from transforms import throughput
from transforms.cost import configurations
from warehouse.reference import tables

SIZES = (1, 2, 4, 8)

THEIRS = """
import csv, functools, json, logging, time
from bench import run_aiconfigurator as theirs
from aiconfigurator.cli.api import cli_estimate
from aiconfigurator.sdk.perf_database import get_latest_database_version

logging.disable(logging.CRITICAL)
latest = functools.cache(get_latest_database_version)
with (theirs.REFERENCE / "benchmarks.csv").open(encoding="utf-8", newline="") as file:
    asked = [theirs.asked(row) for row in csv.DictReader(file) if row["sample"] == "core"]
asked = [arguments for arguments in asked if arguments][::20]
for arguments in asked:
    arguments["backend_version"] = latest(arguments["system_name"], arguments["backend_name"])


def answered():
    found = 0
    for arguments in asked:
        try:
            theirs.answer_in_memory(cli_estimate, dict(arguments))
            found += 1
        except Exception:
            pass
    return found


answered()  # it keeps the tables it has read
start = time.process_time()
found = answered()
seconds = time.process_time() - start
print(json.dumps({"asked": len(asked), "with_a_number": found, "cpu_s": round(seconds, 3),
                  "estimates_per_s": round(len(asked) / seconds, 1)}))
"""
"""Run by the other interpreter: its own estimate of every twentieth measured configuration it can express."""


def shapes(gpus: pl.DataFrame) -> pl.DataFrame:
    """Every known GPU, one to eight of it."""
    known = gpus.select("gpu", pl.col("memory_gib").cast(pl.Float64), interconnect=pl.lit("pcie"))
    return known.join(pl.DataFrame({"gpu_count": SIZES}), how="cross")


def measured(runs: int, aiconfigurator: Path | None) -> dict[str, Any]:
    reference = tables()
    asked = configurations(shapes(reference["gpus"]), reference["models"], reference["workloads"])
    facts = [reference[name] for name in ("gpus", "models", "quants", "calibration")]
    seconds, wall, answered = [], [], 0
    for _ in range(runs + 1):
        start = process_time(), perf_counter()
        found = throughput.estimate(asked, *facts)
        seconds.append(process_time() - start[0])
        wall.append(perf_counter() - start[1])
        answered = found["reason"].null_count()
    cpu_s = median(seconds[1:])
    return {
        "configurations": asked.height,
        "with_a_number": answered,
        "cpu_s": round(cpu_s, 3),
        "estimates_per_s": round(asked.height / cpu_s),
        "numbers_per_s": round(answered / cpu_s),
        "wall_s": round(median(wall[1:]), 3),
        "aiconfigurator": _theirs(aiconfigurator) if aiconfigurator else "not measured: give --aiconfigurator PYTHON",
    }


def _theirs(interpreter: Path) -> dict[str, Any]:
    command = [str(interpreter), "-c", THEIRS]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=Path(__file__).parents[1])
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--aiconfigurator", type=Path, help="interpreter of an environment with aiconfigurator")
    asked = parser.parse_args()
    print(json.dumps(measured(asked.runs, asked.aiconfigurator), indent=1))


if __name__ == "__main__":
    main()
