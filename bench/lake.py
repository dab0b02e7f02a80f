"""One run of a full book on both engines: `python -m bench.lake`, which needs the extra `lake` and PostgreSQL."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from bench.history import CONFIGURATIONS, RANKED, measured, new_run_frames, reference
from tests.warehouse import samples
from tests.warehouse.lakes import running_lakes
from warehouse.lake import Lake
from warehouse.publish import publish
from warehouse.store import Warehouse


def steps(place: Path | Lake, published: Path, sizes: dict[str, int], runs: int) -> list[dict[str, str]]:
    """What each of some runs takes, step by step, wall and processor seconds."""
    core, marts = new_run_frames(0, sizes)
    taken = []
    with Warehouse.open(place) as warehouse:
        reference(warehouse)
        for number in range(runs):
            seconds: dict[str, str] = {}
            run = measured(seconds, "begin", lambda number=number: samples.begin(warehouse, number))  # type: ignore[misc]
            measured(seconds, "replace core", lambda run=run: warehouse.replace_core(run, core))  # type: ignore[misc]
            measured(seconds, "replace marts", lambda run=run: warehouse.replace_marts(run, marts))  # type: ignore[misc]
            at = samples.START
            warehouse.finish_run(run, finished_at=at, as_of=at)
            measured(seconds, "read offers before", lambda run=run: warehouse.offers_before(run))  # type: ignore[misc]
            taken.append(seconds)
        last: dict[str, str] = {}
        measured(last, "publish", lambda: publish(warehouse, published))
        taken.append(last)
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--offers", type=int, default=12_000)
    parser.add_argument("--prices", type=int, default=4_000)
    parser.add_argument("--runs", type=int, default=2)
    given = parser.parse_args()
    sizes = {"offers": given.offers, "prices": given.prices, "configurations": CONFIGURATIONS, "ranked": RANKED}
    with running_lakes() as lakes, tempfile.TemporaryDirectory() as home:
        lake, file = lakes.empty(), Path(home) / "warehouse.duckdb"
        report: dict[str, object] = {
            "file": steps(file, Path(home) / "file.duckdb", sizes, given.runs),
            "lake": steps(lake, Path(home) / "lake.duckdb", sizes, given.runs),
        }
        parquet = [path.stat().st_size for path in Path(lake.files).rglob("*.parquet")]
        report["megabytes"] = {
            "file": file.stat().st_size / 1e6,
            "lake": sum(parquet) / 1e6,
            "lake files": len(parquet),
        }
        print(json.dumps(report | sizes, indent=1))


if __name__ == "__main__":
    main()
