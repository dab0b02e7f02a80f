"""Responses on disk instead of a network: what `pertoken capture` writes and the embedded default reads.

A recording is a folder per source. Beside the bodies lies `index.json`, a list of

    {"method": "GET", "path": "/v2/plans?per_page=500", "json": null, "status": 200,
     "content_type": "application/json", "fetched_at": "2026-11-20T06:00:00Z", "file": "001-plans.json"}

`path` carries the query; `json` is the request's body or null; `file` is the name of the response's body in the same
folder, decompressed and already scrubbed. A recording is found by method, path and json (its order of keys is free).
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from scrapers.answer import Answer, asked, capture
from scrapers.contract import Capture, Request, Source
from scrapers.walk import Fetched, FetchError, identity, walk

RECORDED = Path(__file__).parent / "recorded"
INDEX = "index.json"
SUFFIXES = {"application/json": ".json", "text/html": ".html", "text/markdown": ".md", "text/plain": ".txt"}
DEADLINE_S = 600.0


class RecordedResponse(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of `index.json`."""

    method: Literal["GET", "POST", "PUT"]
    path: str
    json: dict[str, Any] | None
    status: int
    content_type: str
    fetched_at: datetime
    file: str

    def request(self) -> Request:
        return Request(self.path, self.method, self.json)


async def recorded(source: Source, folder: Path = RECORDED) -> Fetched:
    """What `folder/<source>` holds for this source, walked and checked as if it came over the network.

    A request that was not recorded ends its branch and stands in `Fetched.notes`; where nothing at all was recorded,
    `Fetched.error` says so. `fetched_at` is when the response was recorded.
    """
    try:
        shelf = _Shelf(source, folder / source.name)
    except (OSError, msgspec.MsgspecError) as error:
        what = f"the recording cannot be read ({type(error).__name__})"
        return Fetched(source.name, (), FetchError(source.name, "not_recorded", what, f"{source.name}/{INDEX}"))
    fetched = await walk(source, shelf, DEADLINE_S)
    if fetched.captures or fetched.error:
        return fetched
    return Fetched(source.name, (), FetchError(source.name, "not_recorded", "; ".join(fetched.notes), INDEX))


async def recorded_all(sources: Sequence[Source], folder: Path = RECORDED) -> AsyncIterator[Fetched]:
    """`recorded` for every source that has a folder, in their order; the others are absent."""
    for source in sources:
        if (folder / source.name / INDEX).is_file():
            yield await recorded(source, folder)


class _Shelf:
    """Answers requests from one source's folder."""

    def __init__(self, source: Source, folder: Path) -> None:
        self._source, self._folder = source, folder
        index = msgspec.json.decode((folder / INDEX).read_bytes(), type=list[RecordedResponse])
        self._responses = {identity(response.request()): response for response in index}
        self.requests = 0
        self.bytes = 0

    async def ask(self, request: Request, done: int, pending: int) -> Capture:
        url = self._source.origin + request.path
        response = self._responses.get(identity(request))
        if response is None:
            raise FetchError(self._source.name, "not_recorded", "this request was not recorded", asked(request, url))
        if Path(response.file).name != response.file:
            raise ValueError(f"{response.file} is not the name of a file beside {INDEX}")
        body = (self._folder / response.file).read_bytes()
        self.requests += 1
        self.bytes += len(body)
        answer = Answer(url, response.status, response.content_type, body)
        return capture(self._source, request, answer, response.fetched_at)


def write_recording(folder: Path, captures: Sequence[Capture]) -> None:
    """Write one source's captures into `folder` as a recording, in place of the one there.

    Bodies first, `index.json` last; files of the recording before that are no longer named are removed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    before = {response.file for response in _index(folder)}
    responses = [_response(number, taken) for number, taken in enumerate(captures, start=1)]
    for response, taken in zip(responses, captures, strict=True):
        (folder / response.file).write_bytes(taken.body)
    text = msgspec.json.format(msgspec.json.encode(responses), indent=2)
    (folder / INDEX).write_bytes(text + b"\n")
    for name in before - {response.file for response in responses}:
        (folder / Path(name).name).unlink(missing_ok=True)


def _index(folder: Path) -> list[RecordedResponse]:
    try:
        return msgspec.json.decode((folder / INDEX).read_bytes(), type=list[RecordedResponse])
    except (FileNotFoundError, msgspec.MsgspecError):
        return []


def _response(number: int, taken: Capture) -> RecordedResponse:
    kind = taken.content_type.partition(";")[0].strip().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", (taken.request.label or taken.request.path).lower()).strip("-")[:40]
    return RecordedResponse(
        method=taken.request.method,
        path=taken.request.path,
        json=dict(taken.request.json) if taken.request.json is not None else None,
        status=taken.status,
        content_type=taken.content_type,
        fetched_at=taken.fetched_at,
        file=f"{number:03d}-{slug or 'response'}{SUFFIXES.get(kind, '.bin')}",
    )
