"""Runs as a process of its own, to be killed: `python -m tests.warehouse.worker commit|publish FOLDER`."""

from __future__ import annotations

import sys
from datetime import timedelta
from itertools import count
from pathlib import Path

from tests.warehouse import samples
from tests.warehouse.samples import START
from warehouse.publish import publish
from warehouse.store import Warehouse

OFFERS = 400
"""Rows of one run: large enough for a kill to fall into the middle of a commit."""


def commit(folder: Path) -> None:
    """Stores one run after the other and says which are done."""
    with Warehouse.open(folder / "warehouse.duckdb") as warehouse:
        print("open", flush=True)  # noqa: T201
        for number in count(warehouse.runs().height):
            run = samples.begin(warehouse, number)
            at = START + timedelta(hours=6 * number)
            warehouse.append_captures(run, "vast", [samples.capture("vast", str(number).encode() * 1000, at)])
            offers = [{"offer_id": str(offer)} for offer in range(OFFERS)]
            warehouse.replace_core(run, samples.core(at, offers=offers))
            warehouse.replace_marts(run, samples.marts(at))
            warehouse.finish_run(run, finished_at=at, as_of=at)
            print(run, flush=True)  # noqa: T201


def keep_publishing(folder: Path) -> None:
    """Publishes the same warehouse over and over and says so."""
    with Warehouse.open(folder / "warehouse.duckdb") as warehouse:
        print("open", flush=True)  # noqa: T201
        while True:
            publish(warehouse, folder / "prices.duckdb")
            print("published", flush=True)  # noqa: T201


if __name__ == "__main__":
    {"commit": commit, "publish": keep_publishing}[sys.argv[1]](Path(sys.argv[2]))
