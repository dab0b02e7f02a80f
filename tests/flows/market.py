"""A whole market on loopback: one server per source, and the settings that point a run at them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from flows import pipeline
from flows.progress import Silent
from flows.settings import Settings
from scrapers.registry import SOURCES
from tests.loopback.server import Answer, Routes, Site

KEYLESS = [source.name for source in SOURCES if not source.key_required]
DOWN: Routes = {"/*": lambda ask: Answer(b"sorry", 404, "text/plain")}
"""A site that has only errors; 404 is not tried again, so tests need not wait."""


@contextmanager
def market(home: Path, served: Mapping[str, Routes]) -> Iterator[Settings]:
    """Settings under which every keyless source is asked on loopback; one that is not served answers only errors."""
    with ExitStack() as running:
        sites = {name: running.enter_context(Site(served.get(name, DOWN))) for name in KEYLESS}
        yield Settings(
            home=home,
            origins={name: site.origin for name, site in sites.items()},
            paces=dict.fromkeys(sites, 60_000.0),
        )


class Clock:
    """Moves on by a second each time it is read, so that no two moments of a run are the same."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def __call__(self) -> datetime:
        self._now += timedelta(seconds=1)
        return self._now


def refresh(settings: Settings, at: datetime, *names: str) -> pipeline.RunReport:
    """One run of the pipeline at a moment of our choosing."""
    return pipeline.refresh(settings, SOURCES, names, Silent(), Clock(at))
