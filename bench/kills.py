"""kill -9 at random instants of a commit and of a publication, and what was left each time.

python -m bench.kills [--kills 120] [--seed 0]
"""

from __future__ import annotations

import argparse
import random
import tempfile
from pathlib import Path
from time import perf_counter

from tests.warehouse import kills


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=120)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    instants = random.Random(given.seed)
    for name, attempt in (("commit", kills.kill_while_committing), ("publish", kills.kill_while_publishing)):
        with tempfile.TemporaryDirectory() as folder:
            if name == "publish":
                kills.prepared(Path(folder))
            start, done, before_first = perf_counter(), 0, 0
            for _ in range(given.kills // 2):
                finished = attempt(Path(folder), instants, longest_s=1.0)
                done, before_first = done + finished, before_first + (finished == 0)
            print(
                f"{name}: {given.kills // 2} kills, {before_first} of them before anything was done, "
                f"{done} done and all of them found whole, {perf_counter() - start:.0f} s"
            )


if __name__ == "__main__":
    main()
