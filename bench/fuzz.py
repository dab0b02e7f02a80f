"""Every parser on damaged answers: at least so many different ones per source, what became of them, and what broke.

python -m bench.fuzz [--mutations 10000] [--source NAME …] [--seed 0]
"""

from __future__ import annotations

import argparse
import json
import random
from collections import Counter
from pathlib import Path
from time import perf_counter

from scrapers.contract import Source
from scrapers.registry import SOURCES
from tests.faults.fuzzing import Broken, Target
from tests.faults.mutations import damaged
from tests.test_captures import captures_of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutations", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--source", action="append")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    for source in SOURCES:
        if not asked.source or source.name in asked.source:
            report = fuzz(source, asked.mutations, asked.seed)
            print(json.dumps(report, ensure_ascii=False), flush=True)
            if asked.out:
                with asked.out.open("a", encoding="utf-8") as out:
                    out.write(json.dumps(report) + "\n")


def fuzz(source: Source, mutations: int, seed: int) -> dict[str, object]:
    """Counts of outcomes over so many different bodies, and up to ten of what broke, each with the damage done."""
    target = Target(source, captures_of(source))
    seen: set[bytes] = set()
    broken: Counter[str] = Counter()
    examples: dict[str, str] = {}
    start = perf_counter()
    chance = random.Random(f"{source.name} {seed}")
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
        "source": source.name,
        "mutations": len(seen),
        "seconds": round(perf_counter() - start, 1),
        "broken": dict(broken),
        "outcomes": dict(target.outcomes.most_common()),
        "examples": list(examples.values())[:12],
    }


if __name__ == "__main__":
    main()
