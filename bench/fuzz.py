"""Every parser on damaged answers: at least so many different ones per source, what became of them, and what broke.

python -m bench.fuzz [--mutations 10000] [--source NAME …] [--seed 0] [--real FOLDER]

Small recordings are damaged, in which each place is hit often; with --real the whole pages of that folder instead.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import Counter
from datetime import date
from pathlib import Path
from time import perf_counter

from scrapers.registry import SOURCES
from tests.faults.fuzzing import Broken, Target
from tests.faults.mutations import damaged
from tests.loopback.inprocess import captures_from
from tests.loopback.sites import routes
from tests.test_captures import captures_of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutations", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--source", action="append")
    parser.add_argument("--real", type=Path, help="folder with real responses")
    asked = parser.parse_args()
    pages = routes(asked.real, date(2026, 7, 27)) if asked.real else {}
    for source in SOURCES:
        if asked.source and source.name not in asked.source:
            continue
        captures = captures_from(source, pages[source.name]) if source.name in pages else captures_of(source)
        print(json.dumps(fuzz(Target(source, captures), asked.mutations, asked.seed), ensure_ascii=False), flush=True)


def fuzz(target: Target, mutations: int, seed: int) -> dict[str, object]:
    """Counts of outcomes over so many different bodies, and up to ten of what broke, each with the damage done."""
    seen: set[bytes] = set()
    broken: Counter[str] = Counter()
    examples: dict[str, str] = {}
    start = perf_counter()
    chance = random.Random(f"{target.source.name} {seed}")
    while len(seen) < mutations:
        at = chance.randrange(len(target.captures))
        names, body = damaged(chance, target.captures[at].body)
        if body in seen or body == target.captures[at].body:
            continue
        seen.add(body)
        try:
            target.judge(at, body, names)
        except Broken as error:
            broken[error.kind] += 1
            examples.setdefault(f"{error}"[:70], f"{names} capture {at}: {error}"[:600])
    return {
        "source": target.source.name,
        "mutations": len(seen),
        "seconds": round(perf_counter() - start, 1),
        "broken": dict(broken),
        "outcomes": dict(target.outcomes.most_common()),
        "examples": list(examples.values())[:12],
    }


if __name__ == "__main__":
    main()
