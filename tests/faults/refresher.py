"""One whole refresh after the other as a process of its own, to be killed: `python -m tests.faults.refresher HOME`.

Answers come from the recordings instead of a network; everything after them is the pipeline itself. Every line it
prints was true when it was printed: "stage NAME", "kept RUN SOURCE", "published RUN".

With a second word, the name of a stage, the disk is full from the beginning of that stage on.
"""

from __future__ import annotations

import asyncio
import resource
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

from flows import pipeline
from flows.progress import Silent
from flows.settings import Settings
from flows.stages import raw
from scrapers.contract import Source
from scrapers.fetch import Fetched
from scrapers.recorded_responses import recorded_all
from scrapers.registry import SOURCES
from tests.faults.market import FIRST
from warehouse.store import Warehouse

FEW = tuple(source for source in SOURCES if source.name in ("vultr", "cerebras", "groq"))


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201
    if sys.argv[2:] == line.split()[1:]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1, 1))  # no file may hold more than a byte


class Aloud(Silent):
    """Says each stage as it begins."""

    def stage(self, name: str) -> None:
        say(f"stage {name.split(' ')[0]}")


async def answers(sources: Sequence[Source]) -> list[Fetched]:
    return [fetched async for fetched in recorded_all(sources)]


def refresh(warehouse: Warehouse, settings: Settings, at: datetime) -> None:
    """One run on the recordings, said aloud."""
    run_id = raw.start(warehouse, at, "live")
    say("stage capturing")
    for fetched in asyncio.run(answers(FEW)):
        raw.keep(warehouse, run_id, fetched, at)
        say(f"kept {run_id} {fetched.source}")
    pipeline.finish(warehouse, run_id, FEW, settings, at + timedelta(minutes=1), Aloud())
    say(f"published {run_id}")


def main() -> None:
    settings = Settings(home=Path(sys.argv[1]))
    say("stage opening")
    with Warehouse.open(settings.warehouse) as warehouse:
        for number in count(warehouse.runs().height):
            refresh(warehouse, settings, FIRST + timedelta(hours=6 * number))


if __name__ == "__main__":
    main()
