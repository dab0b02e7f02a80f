"""A worker of its own process: `python -m tests.warehouse.lake_worker CATALOG FILES SOURCE FIRST STEP COUNT`.

Refreshes one source again and again, as `refresh --source` does, and says which runs are done. Several at once count
in steps, so that no two share a run.
"""

from __future__ import annotations

import sys
from datetime import timedelta

from tests.warehouse import samples
from tests.warehouse.samples import START
from warehouse.lake import Lake
from warehouse.store import Warehouse

OFFERS = 300


def refresh(warehouse: Warehouse, source: str, number: int) -> str:
    run = samples.begin(warehouse, number)
    at = START + timedelta(hours=6 * number)
    warehouse.append_captures(run, source, [samples.capture(source, str(number).encode() * 1000, at)])
    warehouse.record_fetch(
        run, source=source, requests=1, bytes=1000, seconds=0.1, truncated=False, truncated_why=None, error=None,
        finished_at=at,
    )  # fmt: skip
    offers = [{"offer_id": str(offer), "source": source} for offer in range(OFFERS)]
    warehouse.replace_core(run, samples.core(at, offers=offers, prices=[]))
    warehouse.replace_marts(run, samples.marts(at))
    warehouse.finish_run(run, finished_at=at, as_of=at)
    return run


def main(catalog: str, files: str, source: str, first: str, step: str, n_runs: str) -> None:
    with Warehouse.open(Lake(catalog, files)) as warehouse:
        print("open", flush=True)  # noqa: T201
        for number in range(int(first), int(first) + int(step) * int(n_runs), int(step)):
            print(refresh(warehouse, source, number), flush=True)  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
