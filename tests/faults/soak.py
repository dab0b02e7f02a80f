"""A month of refreshes in minutes: books that change with every run, faults at random, and what must not grow.

The sites are real servers on the loopback interface, the pipeline is the real one; only time is invented.
"""

from __future__ import annotations

import gc
import json
import os
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from flows.pipeline import RunReport
from flows.settings import Settings
from tests.faults.market import FIRST, RECORDED, answering, ask
from tests.flows.market import market, refresh
from tests.loopback.server import Answer
from warehouse.store import Warehouse

ASKED = ("vultr", "cloudrift", "cerebras", "groq", "novita")
FAULTS: Mapping[str, Callable[[Answer], Answer]] = {
    "gone": lambda answer: Answer(b"no such page", 404, "text/html"),
    "forbidden": lambda answer: Answer(b"no", 403, "text/html"),
    "bot check": lambda answer: Answer(b"<html><title>Just a moment...</title></html>", 200, "text/html"),
    "empty": lambda answer: replace(answer, body=b""),
    "half": lambda answer: replace(answer, body=answer.body[: len(answer.body) // 3]),
    "another page": lambda answer: replace(answer, body=b'{"maintenance": true}'),
    "another form": lambda answer: replace(answer, body=answer.body.replace(b'"', b"'").replace(b"|", b"!")),
    "another type": lambda answer: replace(answer, content_type="image/png"),
}
"""None of them is tried again, so that a month stays short; those that are, are tested in test_fetch_faults.py."""

NATURAL_KEYS = {
    "core.runs": "run_id",
    "core.source_runs": "run_id, source",
    "core.gpu_offers": "run_id, source, price_kind, offer_id",
    "core.api_prices": "run_id, price_key, observed_at",
    "raw.captures": "run_id, source, seq",
    "raw.fetches": "run_id, source",
    "marts.source_health": "source",
    "marts.gpu_price_history": "run_id, board, source, gpu, gpu_count, price_kind",
    "marts.leaderboard": "board, workload, model, quant, kind, source, provider, gpu, gpu_count, endpoint, tier"
    ", price_kind",
}


@dataclass
class Weather:
    """What this run's sites do: who is broken and how, and how prices stand."""

    chance: random.Random
    faults: dict[str, str] = field(default_factory=dict)
    prices: dict[str, float] = field(default_factory=lambda: dict.fromkeys(ASKED, 1.0))

    def turn(self, faulty: float) -> None:
        """On to the next run: each source is broken with this probability, and prices move by up to 2 %."""
        self.faults = {source: self.chance.choice(sorted(FAULTS)) for source in ASKED if self.chance.random() < faulty}
        for source in self.prices:
            self.prices[source] *= self.chance.uniform(0.98, 1.02)

    def over(self, source: str) -> Callable[[Answer], Answer]:
        def answer(good: Answer) -> Answer:
            if source in self.faults:
                return FAULTS[self.faults[source]](good)
            return replace(good, body=self._repriced(source, good.body))

        return answer

    def _repriced(self, source: str, body: bytes) -> bytes:
        """Prices scaled; and one plan in ten not there. Pages stay as they are."""
        try:
            page = json.loads(body)
        except ValueError:
            return body
        _scale(page, self.prices[source])
        if "plans" in page:
            page["plans"] = [plan for plan in page["plans"] if self.chance.random() < 0.9]
        return json.dumps(page).encode()


PRICES = frozenset({"hourly_cost", "cost_per_hour", "input_token_price_per_m", "output_token_price_per_m"})


def _scale(node: Any, factor: float) -> None:
    for key, value in list(node.items()) if isinstance(node, dict) else list(enumerate(node)):
        if isinstance(value, dict | list):
            _scale(value, factor)
        elif key in PRICES and isinstance(value, int | float):
            node[key] = round(value * factor) if isinstance(value, int) else value * factor


@dataclass(frozen=True)
class Vitals:
    """Of this process and its files after one run."""

    resident_bytes: int
    handles: int
    threads: int
    private_bytes: int
    published_bytes: int

    @classmethod
    def now(cls, settings: Settings) -> Vitals:
        gc.collect()
        resident_pages = int(Path("/proc/self/statm").read_text().split()[1])
        return cls(
            resident_bytes=resident_pages * os.sysconf("SC_PAGE_SIZE"),
            handles=len(list(Path("/proc/self/fd").iterdir())),
            threads=threading.active_count(),
            private_bytes=settings.warehouse.stat().st_size,
            published_bytes=settings.published.stat().st_size if settings.published.exists() else 0,
        )


@dataclass
class Soak:
    """What so many refreshes did."""

    vitals: list[Vitals] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    untold: list[str] = field(default_factory=list)
    """Faults without a trace, and sources called broken that were not."""
    doubled: dict[str, int] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)


def soak(home: Path, refreshes: int, *, seed: int, faulty: float = 0.2) -> Soak:
    """So many refreshes six hours apart, the first on whole answers; then a look for rows that stand twice."""
    weather, result = Weather(random.Random(seed)), Soak()
    with _sites(home, weather) as settings:
        for number in range(refreshes):
            if number:
                weather.turn(faulty)
            report = refresh(settings, FIRST + timedelta(hours=6 * number), *ASKED)
            result.faults.update(weather.faults.values())
            result.untold += _untold(report, settings, weather.faults)
            result.vitals.append(Vitals.now(settings))
    with Warehouse.open(settings.warehouse) as warehouse:
        for table, key in NATURAL_KEYS.items():
            ((n, distinct),) = warehouse.connection.execute(
                f"select count(*), count(distinct ({key})) from {table}"
            ).fetchall()
            result.rows[table] = n
            if n != distinct:
                result.doubled[table] = n - distinct
    return result


@contextmanager
def _sites(home: Path, weather: Weather) -> Iterator[Settings]:
    served = {source: answering(RECORDED[source], weather.over(source)) for source in ASKED}
    with market(home, served) as settings:
        yield settings


def _untold(report: RunReport, settings: Settings, faults: Mapping[str, str]) -> list[str]:
    """Faults of this run that its report, core.source_runs or marts.source_health do not tell, and the reverse."""
    tables: dict[str, dict[str, tuple[str, object]]] = {
        "report": {source.source: (source.outcome, source.error) for source in report.sources},
        "health": {},
        "source_runs": {},
    }
    if report.published is not None:
        for name, sql in (
            ("health", "select source, outcome, error from marts.source_health"),
            ("source_runs", f"select source, outcome, error from core.source_runs where run_id = '{report.run_id}'"),
        ):
            tables[name] = {str(source): (str(outcome), error) for source, outcome, error in ask(settings, sql)}
    elif len(faults) < len(ASKED):
        return [f"{report.run_id}: nothing was published"]
    return [
        f"{report.run_id}: {source} ({faults.get(source, 'whole')}) is {outcome!r}, {error!r} in {table}"
        for table, told in tables.items()
        for source, (outcome, error) in told.items()
        if (source in faults) != (outcome != "ok") or (source in faults) != bool(error)
    ]
