"""From the command line to the first board: whole processes of `pertoken leaderboard --workload chat`, start to end.

    python -m bench.start [--runs 7] [--file prices.duckdb]

Without --file, the recorded responses are published first. Run in turn with an interpreter that imports nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

BOARD = [str(Path(sys.executable).with_name("pertoken")), "leaderboard", "--workload", "chat"]
NOTHING = [sys.executable, "-c", "pass"]


def recorded(home: Path) -> Path:
    """The published file of the recorded responses."""
    from flows import pipeline
    from flows.progress import Silent
    from flows.settings import Settings
    from scrapers.registry import SOURCES

    report = pipeline.refresh_recorded(Settings(home), SOURCES, Silent(), lambda: datetime.now(UTC))
    assert report.published
    return report.published.path


def seconds(command: list[str]) -> tuple[float, float]:
    """Wall and processor seconds of one process."""
    before, start = os.times(), perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    wall, after = perf_counter() - start, os.times()
    return wall, after.children_user + after.children_system - before.children_user - before.children_system


def measured(runs: int, file: Path | None) -> dict[str, Any]:
    """Medians over `runs` pairs, after one that is not counted."""
    with tempfile.TemporaryDirectory() as home:
        board = [*BOARD, "--file", str(file or recorded(Path(home)))]
        pairs = [(seconds(board), seconds(NOTHING)) for _ in range(runs + 1)][1:]
    return {
        "runs": runs,
        "board_wall_s": round(median(board[0] for board, _ in pairs), 3),
        "board_cpu_s": round(median(board[1] for board, _ in pairs), 3),
        "least_board_wall_s": round(min(board[0] for board, _ in pairs), 3),
        "interpreter_wall_s": round(median(nothing[0] for _, nothing in pairs), 3),
        "interpreter_cpu_s": round(median(nothing[1] for _, nothing in pairs), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--file", type=Path, help="a published file")
    asked = parser.parse_args()
    print(json.dumps(measured(asked.runs, asked.file), indent=1))


if __name__ == "__main__":
    main()
