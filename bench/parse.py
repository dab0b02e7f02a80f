"""Vast offers per second from the bytes of the answers to rows with our ids, beside gpuhunt's Vast provider.

    python -m bench.parse [--offers 20000] [--runs 5] [--gpuhunt PYTHON]

PYTHON is the interpreter of an environment that has gpuhunt; without it only our side is measured. Both get the same
answers in memory, no network, each in a process of its own; seconds are of the processor. Ours reads both more (34
columns, findings, personal fields removed beforehand) and later (name tables looked up), gpuhunt 12 fields and a spot
variant of each offer.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from operator import itemgetter
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

import msgspec
import polars as pl

from scrapers.contract import Capture

PER_ANSWER = 512
"""What Vast answers at most, to a search with a key."""

THEIRS = """
import json, logging, pathlib, sys, time
import requests
from gpuhunt.providers.vastai import VastAIProvider

logging.disable()
bodies = [path.read_bytes() for path in sorted(pathlib.Path(sys.argv[1]).glob("*.json"))]


class Answered:
    def __init__(self, body):
        self.body = body

    def raise_for_status(self):
        pass

    def json(self):
        return json.loads(self.body)


seconds = []
for _ in range(int(sys.argv[2]) + 1):
    waiting = iter(bodies)
    requests.post = lambda *_, **__: Answered(next(waiting))
    start = time.process_time()
    found = [VastAIProvider().get() for _ in bodies]
    seconds.append(time.process_time() - start)
print(json.dumps({"seconds": seconds[1:], "offers": sum(not offer.spot for offers in found for offer in offers)}))
"""
"""Run by the other interpreter: the provider itself, with its one call to the network answered from memory."""


def answers(folder: Path, offers: int) -> None:
    """The book in the order asked for as files, one per answer, after what is personal is removed."""
    from scrapers.gpu.vast import scrub
    from tests.loopback.vast import invented

    book = sorted(invented(offers), key=itemgetter("dph_total", "id"))
    for start in range(0, offers, PER_ANSWER):
        body = json.dumps({"offers": book[start : start + PER_ANSWER]}, separators=(",", ":")).encode()
        (folder / f"{start:09}.json").write_bytes(scrub(body))


def ours(folder: Path, runs: int) -> dict[str, Any]:
    """Typed decoding, records, a frame, our ids; `decode_s` is the typed decoding alone."""
    from scrapers import frames
    from scrapers.gpu.vast import SOURCE, Page, search
    from scrapers.reading import read
    from transforms import normalise
    from warehouse.reference import tables

    reference = tables()
    at = datetime(2026, 7, 28, 6, tzinfo=UTC)
    bodies = [path.read_bytes() for path in sorted(folder.glob("*.json"))]
    cheapest = [msgspec.json.decode(body, type=Page).offers[0].dph_total or 0.0 for body in bodies]
    requests = [search("on-demand"), *(search("on-demand", {"gte": price}) for price in cheapest[1:])]
    captures = [
        Capture("vast", request, "", 200, "", at, body, "") for request, body in zip(requests, bodies, strict=True)
    ]
    seconds, decoding, found = [], [], 0
    for _ in range(runs + 1):
        start = process_time()
        for capture in captures:
            msgspec.json.decode(capture.body, type=Page)
        decoded = process_time()
        frame = frames.offers_frame([read(SOURCE, captures).settled]).with_columns(
            run_id=pl.lit("run"), observed_at=pl.lit(at), provenance=pl.lit("live")
        )
        named, _unknown = normalise.gpu_offers(frame, reference["gpus"], reference["gpu_names"])
        seconds.append(process_time() - decoded)
        decoding.append(decoded - start)
        found = named["gpu"].count()
    return {"seconds": seconds[1:], "decode_s": median(decoding[1:]), "offers": found}


def measured(offers: int, runs: int, gpuhunt: Path | None) -> dict[str, Any]:
    """Medians; `times_as_fast` is offers per second over offers per second."""
    with tempfile.TemporaryDirectory() as folder:
        answers(Path(folder), offers)
        megabytes = sum(path.stat().st_size for path in Path(folder).glob("*.json")) / 1e6
        mine = _alone([sys.executable, "-m", "bench.parse", "--folder", folder, "--runs", str(runs)])
        theirs = _alone([str(gpuhunt), "-c", THEIRS, folder, str(runs)]) if gpuhunt else None
    rate = mine["offers"] / median(mine["seconds"])
    found = {
        "offers": offers,
        "megabytes": round(megabytes, 1),
        "offers_per_s": round(rate),
        "parse_and_normalise_s": round(median(mine["seconds"]), 3),
        "typed_decoding_alone_s": round(mine["decode_s"], 3),
    }
    if theirs is None:
        return {**found, "gpuhunt": "not measured: give --gpuhunt PYTHON"}
    their_rate = theirs["offers"] / median(theirs["seconds"])
    return {
        **found,
        "gpuhunt_s": round(median(theirs["seconds"]), 3),
        "gpuhunt_offers": theirs["offers"],
        "gpuhunt_offers_per_s": round(their_rate),
        "times_as_fast": round(rate / their_rate, 2),
    }


def _alone(command: list[str]) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
    return answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--offers", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--gpuhunt", type=Path, help="interpreter of an environment with gpuhunt")
    parser.add_argument("--folder", type=Path, help="our side alone, on the answers in this folder")
    asked = parser.parse_args()
    figures = ours(asked.folder, asked.runs) if asked.folder else measured(asked.offers, asked.runs, asked.gpuhunt)
    print(json.dumps(figures, indent=None if asked.folder else 1))


if __name__ == "__main__":
    main()
