"""One simulated month: 120 refreshes with changing books and random faults, and what grew meanwhile.

python -m bench.soak [--refreshes 120] [--seed 0] [--faulty 0.2]
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

from tests.faults.soak import ASKED, Soak, soak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--refreshes", type=int, default=120)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--faulty", type=float, default=0.2, help="probability that a source is broken in a run")
    given = parser.parse_args()
    start = perf_counter()
    with tempfile.TemporaryDirectory() as home:
        done = soak(Path(home), given.refreshes, seed=given.seed, faulty=given.faulty)
    print(json.dumps(told(done, perf_counter() - start), indent=1))


def told(done: Soak, seconds: float) -> dict[str, object]:
    """Figures of a soak; resident memory and handles as medians of each quarter, the first after the first runs."""
    n = len(done.vitals)
    quarters = [done.vitals[max(2, n * q // 4) : n * (q + 1) // 4] for q in range(4)]
    return {
        "refreshes": n,
        "sources": len(ASKED),
        "seconds": round(seconds),
        "faults": dict(sorted(done.faults.items())),
        "faults_total": done.faults.total(),
        "untold": done.untold,
        "doubled_rows": done.doubled,
        "rows": done.rows,
        "resident_mb": [round(median(v.resident_bytes for v in quarter) / 1e6, 1) for quarter in quarters],
        "resident_mb_every_tenth": [round(vitals.resident_bytes / 1e6) for vitals in done.vitals[9::10]],
        "handles": [median(v.handles for v in quarter) for quarter in quarters],
        "threads": [median(v.threads for v in quarter) for quarter in quarters],
        "private_mb": [round(quarter[-1].private_bytes / 1e6, 1) for quarter in quarters],
        "published_mb": [round(quarter[-1].published_bytes / 1e6, 1) for quarter in quarters],
    }


if __name__ == "__main__":
    main()
