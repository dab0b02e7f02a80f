"""Serve a full book on loopback: invented Vast offers and every recording, each answer made once.

Answers are kept as they go out, so that what a client waits for is the network and itself. A process of its own: its
time is not the client's.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from math import inf
from operator import itemgetter

from scrapers.contract import Source
from scrapers.registry import SOURCES
from tests.loopback.server import Answer, Ask, Handler, Routes, Site
from tests.loopback.sites import routes
from tests.loopback.vast import KEYED_CAP, Offer, Vast, invented

PACE = 600_000.0
"""Requests per minute: pacing is not what is measured."""


@dataclass
class Sorted:
    """A search over a book in the order that our searches ask for: a page is a slice of it, however long it is."""

    offers: Sequence[Offer]

    def __post_init__(self) -> None:
        self.offers = sorted(self.offers, key=itemgetter("dph_total", "id"))
        self._prices = [offer["dph_total"] for offer in self.offers]

    def bundles(self, ask: Ask) -> Answer:
        query = ask.json()
        price = query.get("dph_total", {})
        first = bisect_left(self._prices, max(price.get("gte", -inf), price.get("eq", -inf)))
        last = bisect_left(self._prices, price["lt"]) if "lt" in price else len(self._prices)
        if "gt" in price:
            first = bisect_right(self._prices, price["gt"])
        if "eq" in price:
            last = bisect_right(self._prices, price["eq"])
        elif "id" not in query:
            last = min(last, first + KEYED_CAP)
        return Vast({"on-demand": self.offers[first:last], "bid": []}).bundles(ask)


def book(offers: int) -> dict[str, Routes]:
    """Source -> routes, with so many offers at Vast: 64 to an answer, 512 for one who shows a key."""
    sites = routes(None, date(2026, 7, 27)) | {"vast": {"/api/v0/bundles/": Sorted(invented(offers)).bundles}}
    return {name: {path: _once(handler) for path, handler in site.items()} for name, site in sites.items()}


def _once(handler: Handler) -> Handler:
    answers: dict[tuple[object, ...], Answer] = {}

    def answer(ask: Ask) -> Answer:
        asked = (ask.method, tuple(sorted(ask.query.items())), ask.body, "authorization" in ask.headers)
        if asked not in answers:
            answers[asked] = handler(ask)
        return answers[asked]

    return answer


@contextmanager
def served(offers: int) -> Iterator[dict[str, str]]:
    """Source -> origin, while a process serves the book."""
    command = [sys.executable, "-m", "bench.full_book", "--offers", str(offers)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin and server.stdout
        try:
            yield json.loads(server.stdout.readline())
        finally:
            server.stdin.close()  # it stops when nobody listens any more


def served_sources(origins: dict[str, str]) -> list[Source]:
    """The sources that the book answers for."""
    return [source for source in SOURCES if source.name in origins and not source.key_required]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--offers", type=int, default=20_000)
    with ExitStack() as running:
        sites = {name: running.enter_context(Site(site)) for name, site in book(parser.parse_args().offers).items()}
        print(json.dumps({name: site.origin for name, site in sites.items()}), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
