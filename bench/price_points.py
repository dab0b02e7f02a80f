"""How long the k cheapest of 28.8 million price points take: 20,000 offers x 40 models x 6 quantisations x 6 workloads.

python -m bench.price_points
"""

from __future__ import annotations

import resource
import time

import numpy as np
import polars as pl

from transforms import ranking

SHAPES, OFFERS, MODELS, QUANTS, WORKLOADS = 300, 20_000, 40, 6, 6


def market(seed: int = 1) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Random offers and estimates of a realistic size; throughput is made up, only its shape matters here."""
    rng = np.random.default_rng(seed)
    shapes = pl.DataFrame(
        {
            "gpu": [f"gpu-{n}" for n in range(SHAPES)],
            "memory_gib": rng.choice([24.0, 48.0, 80.0, 141.0], SHAPES),
            "gpu_count": rng.choice([1, 2, 4, 8], SHAPES),
            "interconnect": "pcie",
        }
    )
    offers = shapes[rng.integers(0, SHAPES, OFFERS)].with_columns(
        offer_id=pl.Series([str(n) for n in range(OFFERS)]), usd_per_hour=pl.Series(rng.lognormal(0, 1, OFFERS))
    )
    served = pl.DataFrame({"model": [f"model-{n}" for n in range(MODELS)]})
    for name, size in (("quant", QUANTS), ("workload", WORKLOADS)):
        served = served.join(pl.DataFrame({name: [f"{name}-{n}" for n in range(size)]}), how="cross")
    estimates = shapes.join(served, how="cross")
    return offers, estimates.with_columns(tokens_per_hour=pl.Series(rng.lognormal(15, 1.5, estimates.height)))


def main() -> None:
    offers, estimates = market()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        ranking.cheapest_price_points(offers, estimates, 100)
        seconds.append(time.perf_counter() - started)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    points = OFFERS * MODELS * QUANTS * WORKLOADS
    print(f"{points:,} price points, {estimates.height:,} estimates: best of 5 {min(seconds):.2f} s")
    print(f"peak resident memory {after / 1024:.0f} MB, of which inputs and libraries {before / 1024:.0f} MB")


if __name__ == "__main__":
    main()
