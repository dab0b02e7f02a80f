"""The 100 cheapest of 28.8 million price points per workload: ours beside the cross join in polars and in DuckDB.

    python -m bench.ranking [--runs 3]

Each variant is a process of its own, timed after its inputs are made and one run that is not counted; all must name
the same offers, models and quantisations at the same prices.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from statistics import median
from time import perf_counter, process_time
from typing import Any

import duckdb
import polars as pl

from bench.price_points import MODELS, OFFERS, QUANTS, WORKLOADS, market
from bench.refresh import peak_mb
from transforms import ranking
from transforms.cost.self_hosted import SHAPE

K = 100
ORDER = ["usd_per_mtok", "offer_id", "model", "quant"]

CROSS_JOIN = """
select workload, model, quant, offer_id, usd_per_hour / tokens_per_hour * 1e6 as usd_per_mtok
from offers
inner join estimates using (gpu, memory_gib, gpu_count, interconnect)
qualify row_number() over (partition by workload order by usd_per_mtok, offer_id, model, quant) <= 100
"""


def ours(offers: pl.DataFrame, estimates: pl.DataFrame) -> pl.DataFrame:
    return ranking.cheapest_price_points(offers, estimates, K)


def polars_join(offers: pl.DataFrame, estimates: pl.DataFrame) -> pl.DataFrame:
    priced = offers.lazy().join(estimates.lazy(), on=SHAPE, how="inner")
    return (
        priced.with_columns(usd_per_mtok=pl.col("usd_per_hour") / pl.col("tokens_per_hour") * 1e6)
        .group_by("workload")
        .agg(pl.col(ORDER).bottom_k_by("usd_per_mtok", K))
        .explode(ORDER)
        .collect(engine="streaming")
    )


def duckdb_join(offers: pl.DataFrame, estimates: pl.DataFrame) -> pl.DataFrame:
    with duckdb.connect() as connection:
        connection.register("offers", offers)
        connection.register("estimates", estimates)
        return connection.sql(CROSS_JOIN).pl()


VARIANTS: dict[str, Callable[[pl.DataFrame, pl.DataFrame], pl.DataFrame]] = {
    "ours": ours,
    "duckdb cross join": duckdb_join,
    "polars cross join": polars_join,
}


def variant(name: str, runs: int) -> dict[str, Any]:
    offers, estimates = market()
    inputs_mb, wall, cpu = peak_mb(), [], []
    for _ in range(runs + 1):
        start = perf_counter(), process_time()
        found = VARIANTS[name](offers, estimates)
        wall.append(perf_counter() - start[0])
        cpu.append(process_time() - start[1])
    best = found.sort("workload", *ORDER).select("workload", *ORDER)
    return {
        "wall_s": round(median(wall[1:]), 3),
        "cpu_s": round(median(cpu[1:]), 3),
        "least_wall_s": round(min(wall[1:]), 3),
        "peak_mb": round(peak_mb()),
        "inputs_and_libraries_mb": round(inputs_mb),
        "answer": str(best.hash_rows(seed=1).implode().explode().sum()),
    }


def measured(runs: int) -> dict[str, Any]:
    found = {}
    for name in VARIANTS:
        command = [sys.executable, "-m", "bench.ranking", "--variant", name, "--runs", str(runs)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        found[name] = json.loads(done.stdout)
    if len(answers := {figures.pop("answer") for figures in found.values()}) != 1:
        raise SystemExit(f"the variants do not agree: {answers}")
    least = found["ours"]["cpu_s"]
    return {
        "price_points": OFFERS * MODELS * QUANTS * WORKLOADS,
        **found,
        "cpu, duckdb over ours": round(found["duckdb cross join"]["cpu_s"] / least, 1),
        "cpu, polars over ours": round(found["polars cross join"]["cpu_s"] / least, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--variant", choices=list(VARIANTS), help="this one alone")
    asked = parser.parse_args()
    print(json.dumps(variant(asked.variant, asked.runs) if asked.variant else measured(asked.runs), indent=1))


if __name__ == "__main__":
    main()
