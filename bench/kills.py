"""kill -9 at random instants of whole refreshes, of a commit and of a publication, and what was left each time.

python -m bench.kills [--kills 120] [--refreshes 120] [--seed 0]
"""

from __future__ import annotations

import argparse
import random
import tempfile
from pathlib import Path
from time import perf_counter

from tests.faults.kills import kill_often, leftovers, time_of_a_refresh
from tests.warehouse import kills


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=120, help="half of them of a commit, half of a publication")
    parser.add_argument("--refreshes", type=int, default=120, help="kills of a whole refresh")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    instants = random.Random(given.seed)
    if given.refreshes:
        whole_refreshes(given.refreshes, instants)
    parts(given.kills // 2, instants)


def whole_refreshes(n: int, instants: random.Random) -> None:
    with tempfile.TemporaryDirectory() as folder:
        took = time_of_a_refresh(Path(folder))
        start = perf_counter()
        hit = kill_often(Path(folder), n, instants, longest_s=1.3 * took)
        left = leftovers(Path(folder))
    print(f"refresh: {n} kills, nothing lost, no half run, published file whole; {perf_counter() - start:.0f} s")
    print(f"  a refresh takes {took:.1f} s; killed while {hit}; left behind by the last one: {left or 'nothing'}")


def parts(n: int, instants: random.Random) -> None:
    for name, attempt in (("commit", kills.kill_while_committing), ("publish", kills.kill_while_publishing)):
        with tempfile.TemporaryDirectory() as folder:
            if name == "publish" and n:
                kills.prepared(Path(folder))
            start, done, before_first = perf_counter(), 0, 0
            for _ in range(n):
                finished = attempt(Path(folder), instants, longest_s=1.0)
                done, before_first = done + finished, before_first + (finished == 0)
            print(
                f"{name}: {n} kills, {before_first} of them before anything was done, "
                f"{done} done and all of them found whole, {perf_counter() - start:.0f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
