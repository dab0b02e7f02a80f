"""Serve a recording at its real paths: any folder with the index.json that `pertoken capture` writes."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qsl

import msgspec

from scrapers.recorded_responses import INDEX, RecordedResponse
from tests.loopback.server import NOT_FOUND, Answer, Ask, Handler, Routes


def recording(folder: Path) -> Routes:
    """Routes that answer what the recording holds, found by method, path with query, and JSON; else 404."""
    index = msgspec.json.decode((folder / INDEX).read_bytes(), type=list[RecordedResponse])
    by_path: dict[str, list[RecordedResponse]] = {}
    for response in index:
        by_path.setdefault(response.path.split("?")[0], []).append(response)
    return {path: _handler(folder, responses) for path, responses in by_path.items()}


def _handler(folder: Path, responses: list[RecordedResponse]) -> Handler:
    def answer(ask: Ask) -> Answer:
        for response in responses:
            if response.method == ask.method and _same(response, ask):
                return Answer((folder / response.file).read_bytes(), response.status, response.content_type)
        return NOT_FOUND

    return answer


def _same(response: RecordedResponse, ask: Ask) -> bool:
    _, _, query = response.path.partition("?")
    asked = ask.json() if ask.method != "GET" else None
    return dict(parse_qsl(query)) == dict(ask.query) and response.json == asked
