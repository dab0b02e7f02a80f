"""The market of the recorded responses, with some of its answers damaged on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime

from flows.settings import Settings
from tests.loopback.server import Answer, Ask, Handler, Routes
from tests.loopback.sites import routes
from warehouse.published import open_published

RECORDED = routes(None, date(2026, 8, 21))
FIRST = datetime(2026, 8, 21, 18, tzinfo=UTC)
TINY = {name: RECORDED[name] for name in ("vultr", "runpod", "anthropic", "cerebras")}
"""Few sources of both kinds, so that a refresh is short."""

Damage = Callable[[bytes], bytes]


def answering(served: Routes, answer: Callable[[Answer], Answer]) -> Routes:
    """The same site, each of its answers changed."""

    def changed(handler: Handler) -> Handler:
        def handle(ask: Ask) -> Answer:
            return answer(handler(ask))

        return handle

    return {path: changed(handler) for path, handler in served.items()}


def damaged(served: Routes, damage: Damage) -> Routes:
    """The same site, the body of each of its answers damaged."""
    return answering(served, lambda answer: replace(answer, body=damage(answer.body)))


def damaged_market(market: Mapping[str, Routes], **damages: Damage) -> dict[str, Routes]:
    """The same market, the sources named damaged."""
    return {**market, **{name: damaged(market[name], damage) for name, damage in damages.items()}}


def ask(settings: Settings, sql: str, *bound: object) -> list[tuple[object, ...]]:
    """Rows of the published file."""
    with open_published(settings.published) as connection:
        return connection.execute(sql, list(bound)).fetchall()
