"""Captures made of text, and the prices read from them in a form that is easy to compare."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from scrapers.contract import ApiPrice, Capture, Component, Reading, Request, Source

AT = datetime(2026, 11, 1, 6, tzinfo=UTC)


def answer(source: Source, body: str | bytes, path: str | None = None) -> Capture:
    """What `source` might have answered on its first request, or on `path`."""
    content = body if isinstance(body, bytes) else body.encode()
    asked = Request(path or source.first[0].path)
    digest = hashlib.sha256(content).hexdigest()
    return Capture(source.name, asked, source.origin + asked.path, 200, source.content_types[0], AT, content, digest)


def stored(source: Source, file: Path, path: str | None = None) -> Capture:
    return answer(source, file.read_bytes(), path)


def amount(
    reading: Reading,
    model: str,
    component: Component,
    tier: str = "standard",
    context: int = 0,
    band: str = "all",
) -> Decimal | None:
    """The one price of a model's component; fails where there are none or several."""
    (found,) = [
        price
        for price in reading.prices
        if (price.model_name, price.component, price.tier) == (model, component, tier)
        and (price.context_min_tokens, price.time_band) == (context, band)
    ]
    return found.usd_per_mtok


def of(reading: Reading, model: str) -> list[ApiPrice]:
    return [price for price in reading.prices if price.model_name == model]
