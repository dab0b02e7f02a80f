"""All stand-ins, by the name of the source: real responses of a day where they lie beside the project, else recordings.

A new stand-in is one line in `SITES`, or a recording under scrapers/recorded.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path

from scrapers.recorded_responses import INDEX, RECORDED
from tests.loopback import price_pages
from tests.loopback.recording import recording
from tests.loopback.server import Answer, Routes, as_json
from tests.loopback.vast import Vast, book


def vast(captures: Path, day: date) -> Routes:
    """The whole book of a day."""
    return Vast(book(_nearest(captures / "gpu" / "vast", "*.jsonl.gz", day))).routes()


def runpod(captures: Path, day: date) -> Routes:
    """The stored answers are the list alone; the wire has it in an envelope."""
    types = json.loads(gzip.decompress(_nearest(captures / "gpu" / "runpod", "*.json.gz", day).read_bytes()))
    answer: Answer = as_json({"data": {"gpuTypes": types}})
    return {"/graphql": lambda ask: answer}


def _nearest(folder: Path, pattern: str, day: date) -> Path:
    dated = {date.fromisoformat(path.name[:10]): path for path in folder.glob(pattern)}
    return dated[min(dated, key=lambda found: abs(found - day))]


SITES: Mapping[str, Callable[[Path, date], Routes]] = {"vast": vast, "runpod": runpod}


def routes(captures: Path | None, day: date) -> dict[str, Routes]:
    """Source name -> routes. Without `captures`, the folder of real responses, everything is a recording."""
    found = {folder.name: recording(folder) for folder in sorted(RECORDED.iterdir()) if (folder / INDEX).is_file()}
    if captures is not None:
        found |= {name: site(captures, day) for name, site in SITES.items()}
        found |= price_pages.sites(captures)
    return found
