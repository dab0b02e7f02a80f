"""What years of history cost: file sizes, refresh and publication beside an empty warehouse, the documented queries.

python -m bench.history [--runs 1460] [--offers 12000] [--prices 4000] [--not-taken] [--folder DIR]

The history is made in SQL: machines that come and go, prices that move now and then. The last run goes through the
store like any other, once into the warehouse with history and once into an empty one.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, TypeVar

import duckdb
import polars as pl

from tests.warehouse import samples
from tests.warehouse.samples import START
from tests.warehouse.test_queries import BLOCKS
from warehouse.publish import Published, publish
from warehouse.schema import frame_schema
from warehouse.store import Warehouse

CONFIGURATIONS = 600
"""GPU configurations with a price on a board."""
RANKED = 4000
"""Rows within the first three places of all boards."""
RUNS_PER_BATCH = 40

T = TypeVar("T")

OFFERS = """
create or replace temp table made as
select
    run, machine,
    case when machine % 40 < 37 then 'vast' when machine % 40 < 39 then 'vultr' else 'cloudrift' end as source,
    machine % 120 as kind_of_gpu,
    0.2 + (machine % 120) * 0.03 + 0.01 * (hash(machine, (run + machine) // 12) % 40) as per_gpu,
    [1, 2, 4, 8][1 + machine % 4] as gpus
from range($first, $last) as runs(run)
cross join range(0, $offers) as machines(machine_in_run)
cross join lateral (select machine_in_run + (run // 4) * $offers // 50 as machine)
"""

INSERT_OFFERS = """
insert into core.gpu_offers by name
select
    strftime($start::timestamptz + to_hours(6 * run), '%Y%m%dT%H%M%SZ-test') as run_id,
    $start::timestamptz + to_hours(6 * run) as observed_at,
    'live' as provenance, source, machine || '-' || run // 3 as offer_id,
    machine || 'x' || gpus as offer_key, if(source = 'vast', 'marketplace', 'cloud') as market,
    if(machine % 5 = 0, 'spot_floor', 'on_demand') as price_kind, per_gpu * gpus as usd_per_hour,
    'GPU ' || kind_of_gpu as gpu_name, gpus as gpu_count, 16.0 * (1 + kind_of_gpu % 6) as memory_gib, true as in_stock,
    machine::text as machine_id, (machine // 6)::text as host_id,
    ['Sweden, SE', 'Texas, US', 'Japan, JP', 'Quebec, CA'][1 + machine % 4] as region,
    ['SE', 'US', 'JP', 'CA'][1 + machine % 4] as country,
    ['verified', 'unverified', 'deverified'][1 + machine % 3] as verification,
    0.9 + 0.0001 * (hash(machine, run) % 1000) as reliability, if(machine % 2 = 0, 'datacenter', 'consumer') as hosting,
    per_gpu * gpus * 0.5 as min_bid_usd_per_hour, 0.05 + 0.01 * (machine % 20) as storage_usd_per_gb_month,
    100.0 + machine % 4000 as max_disk_gb, 0.001 * (machine % 30) as egress_usd_per_gb,
    0.001 * (machine % 25) as ingress_usd_per_gb, 0.1 * (machine % 5) as reserved_discount,
    (hash(machine, run, 1) % 2000)::double as max_duration_hours, 0.0 as nvlink_gb_per_s,
    10.0 + 0.1 * (hash(machine, 2) % 150) as pcie_gb_per_s, 300.0 + hash(machine, 3) % 3000 as gpu_bandwidth_gb_per_s,
    300.0 as gpu_power_w, (4 * gpus)::double as vcpus, 32.0 * gpus as ram_gib,
    (hash(machine, run // 8, 4) % 9000)::double as download_mbit_per_s, 'gpu-' || kind_of_gpu as gpu,
    1.0 as gpu_fraction, false as is_slice, per_gpu as usd_per_gpu_hour,
    case when machine % 5 = 0 then 'interruptible' when machine % 3 = 0 then 'trusted' else 'community' end as board,
    gpus as rentable_gpu_count, per_gpu * gpus as rentable_usd_per_hour, 'ok' as status, []::text[] as reasons
from made
order by run_id, source, price_kind, gpu_name, offer_key
"""

INSERT_PRICES = """
insert into core.api_prices by name
select
    strftime($start::timestamptz + to_hours(6 * run), '%Y%m%dT%H%M%SZ-test') as run_id,
    $start::timestamptz + to_hours(6 * run) as observed_at, 'live' as provenance, 'openrouter' as source,
    'host-' || price % 60 as provider, 'host' as channel, 'org/model-' || price // 240 as model_name,
    ['input', 'output', 'cache_read', 'request'][1 + price % 4] as component,
    (0.01 * (1 + hash(price, (run + price) // 200) % 500))::decimal(18, 9) as usd_per_mtok, 'standard' as tier,
    0 as context_min_tokens, 'all' as time_band, 'fp8' as quant_name, 'org/model-' || price // 240 as hugging_face_id,
    'host-' || price % 60 || '/fp8' as endpoint, 131072 as context_length_tokens,
    0.95 + 0.0001 * (hash(price, run) % 500) as uptime_1d, 0 as endpoint_status, 'listed' as listing,
    '0.0000004' as raw_text,
    'model-' || price // 240 as model, 'fp8' as quant, 'openrouter|' || price as price_key, 'ok' as status,
    []::text[] as reasons
from range($first, $last) as runs(run)
cross join range(0, $prices) as prices(price)
order by run_id, price_key
"""

INSERT_RUNS = """
insert into core.runs
select
    strftime(moment, '%Y%m%dT%H%M%SZ-test'), moment, moment + interval 3 minutes, moment, 'live', '1', '0.1.0'
from (select $start::timestamptz + to_hours(6 * run) as moment from range($first, $last) as runs(run))
"""

INSERT_SOURCE_RUNS = """
insert into core.source_runs by name
select
    strftime($start::timestamptz + to_hours(6 * run), '%Y%m%dT%H%M%SZ-test') as run_id, source, kind, 'ok' as outcome,
    25 as requests, 4_000_000 as bytes, 4000 as records, 4000 as ok, 0 as held, 0 as quarantined, 0 as unknown_names,
    false as truncated, 60.0 as seconds, $start::timestamptz + to_hours(6 * run) as fetched_at
from range($first, $last) as runs(run)
cross join (values ('vast', 'gpu'), ('vultr', 'gpu'), ('cloudrift', 'gpu'), ('openrouter', 'api')) as s(source, kind)
"""

INSERT_GPU_HISTORY = """
insert into marts.gpu_price_history by name
select
    strftime($start::timestamptz + to_hours(6 * run), '%Y%m%dT%H%M%SZ-test') as run_id,
    $start::timestamptz + to_hours(6 * run) as as_of, ['trusted', 'community', 'interruptible'][1 + c % 3] as board,
    ['vast', 'vultr', 'cloudrift'][1 + c % 2] as source, 'marketplace' as market, 'on_demand' as price_kind,
    'gpu-' || c % 120 as gpu, 1 + c // 120 as gpu_count, per_gpu * 8 as usd_per_hour,
    per_gpu as usd_per_gpu_hour, per_gpu * 7 as usd_per_hour_min, per_gpu * 8 as usd_per_hour_p10,
    per_gpu * 9 as usd_per_hour_p25, per_gpu * 10 as usd_per_hour_p50, 'p10' as price_rule, 20 + c % 30 as n_offers,
    10 + c % 30 as n_machines, as_of as observed_at, 'live' as provenance
from range($first, $last) as runs(run)
cross join range(0, $configurations) as configurations(c)
cross join lateral (select 0.2 + 0.001 * (hash(c, (run + c) // 8) % 3000) as per_gpu)
order by run_id, board, source, gpu
"""

INSERT_BOARD_HISTORY = """
insert into marts.leaderboard_history by name
select
    strftime($start::timestamptz + to_hours(6 * run), '%Y%m%dT%H%M%SZ-test') as run_id,
    $start::timestamptz + to_hours(6 * run) as as_of, ['trusted', 'community', 'combined', 'api'][1 + r % 4] as board,
    'workload-' || r // 12 % 9 as workload, 'model-' || r // 108 as model, 'fp8' as quant, 1 + r // 4 % 3 as place,
    'self_hosted' as kind, 'vast' as source, 'gpu-' || hash(r, run // 5) % 120 as gpu, 8 as gpu_count,
    'on_demand' as price_kind, 1.0 + 0.01 * (hash(r, run) % 1000) as usd_per_hour,
    100.0 * (1 + r % 50) as output_tokens_per_s, 'estimated' as throughput_basis, 0.3 as utilization,
    0.1 + 0.001 * (hash(r, run) % 5000) as usd_per_mtok, usd_per_mtok * 0.8 as usd_per_mtok_low,
    usd_per_mtok * 1.3 as usd_per_mtok_high, 'live' as provenance, '1' as methodology_version
from range($first, $last) as runs(run)
cross join range(0, $ranked) as rows(r)
order by run_id, board, workload, model, place
"""

NOTE_CONTENTS = """
insert into main.run_contents
select run_id, $table_name, count(*), run_id
from {table}
where run_id not in (select run_id from main.run_contents where table_name = $table_name)
group by run_id
"""


def make_history(warehouse: Warehouse, runs: int, sizes: dict[str, int]) -> None:
    """Runs 0 to `runs` - 1, straight into the tables."""
    start = START
    for first in range(0, runs, RUNS_PER_BATCH):
        bounds = {"first": first, "last": min(first + RUNS_PER_BATCH, runs)}
        for sql in (
            OFFERS,
            INSERT_OFFERS,
            INSERT_PRICES,
            INSERT_RUNS,
            INSERT_SOURCE_RUNS,
            INSERT_GPU_HISTORY,
            INSERT_BOARD_HISTORY,
        ):
            run(warehouse.connection, sql, {**bounds, **sizes, "start": start})
    run(warehouse.connection, FIRST_PRICES, {})
    for table in ("core.gpu_offers", "core.api_prices", "marts.leaderboard_history"):
        warehouse.connection.execute(NOTE_CONTENTS.format(table=table), {"table_name": table})
    warehouse.connection.execute("checkpoint")


FIRST_PRICES = """
insert into marts.api_price_history by name
select
    * exclude (status, price_before), if(price_before is null, 'first', 'changed') as change,
    price_before as old_usd_per_mtok
from (select *, lag(usd_per_mtok) over (partition by price_key order by run_id) as price_before from core.api_prices)
where price_before is distinct from usd_per_mtok
order by run_id
"""


def run(connection: duckdb.DuckDBPyConnection, sql: str, values: dict[str, Any]) -> None:
    (statement,) = duckdb.extract_statements(sql)
    connection.execute(sql, {name: values[name] for name in statement.named_parameters})


def new_run_frames(number: int, sizes: dict[str, int]) -> tuple[dict[str, pl.DataFrame], dict[str, pl.DataFrame]]:
    """Core and marts of one more run, made in a warehouse of their own so that both warehouses get the same frames."""
    with tempfile.TemporaryDirectory() as folder, Warehouse.open(Path(folder) / "warehouse.duckdb") as warehouse:
        bounds = {"first": number, "last": number + 1, "start": START}
        for sql in (OFFERS, INSERT_OFFERS, INSERT_PRICES, INSERT_SOURCE_RUNS, INSERT_GPU_HISTORY, INSERT_BOARD_HISTORY):
            run(warehouse.connection, sql, {**bounds, **sizes})
        core = {
            name: warehouse.connection.table(f"core.{name}").pl()
            for name in ("gpu_offers", "api_prices", "source_runs")
        }
        gpu_prices = warehouse.connection.sql(
            "select *, 0.0 as age_hours, 'fresh' as freshness, memory_gib: 80.0 from marts.gpu_price_history"
        ).pl()
        board = warehouse.connection.sql(
            "select * replace (row_number() over (partition by board, workload, model order by usd_per_mtok) as place) "
            "from marts.leaderboard_history"
        ).pl()
    return core, {
        "gpu_prices": padded("marts.gpu_prices", gpu_prices),
        "leaderboard": padded("marts.leaderboard", board),
    }


def padded(table: str, frame: pl.DataFrame) -> pl.DataFrame:
    schema = frame_schema(table)
    return frame.with_columns(
        pl.lit(None, dtype=dtype).alias(name) for name, dtype in schema.items() if name not in frame.columns
    )


def reference(warehouse: Warehouse) -> None:
    """What the checks ask for: the names that the made-up boards mention."""
    samples.load_small_reference(warehouse)
    gpus = pl.DataFrame({"gpu": [f"gpu-{n}" for n in range(120)]}).with_columns(
        name="gpu", vendor=pl.lit("x"), memory_gb=pl.lit(80.0), memory_gib=pl.lit(80.0)
    )
    models = pl.DataFrame({"model": [f"model-{n}" for n in range(100)]}).with_columns(
        name="model", openness=pl.lit("open"), frontier=pl.lit("no")
    )
    workloads = pl.DataFrame({"workload": [f"workload-{n}" for n in range(9)]}).with_columns(
        isl_tokens=1,
        osl_tokens=1,
        cached_input_fraction=0.0,
        default_utilization=0.3,
        spot_allowed=pl.lit("no"),
        on_board=pl.lit("yes"),
        api_tier=pl.lit("standard"),
    )
    for name, frame in (("gpus", gpus), ("models", models), ("workloads", workloads)):
        warehouse.replace_reference(name, padded(f"reference.{name}", frame))


def measured(times: dict[str, str], name: str, work: Callable[[], T]) -> T:
    """Runs `work` and notes its wall and processor seconds; the latter hold on a busy machine, too."""
    wall, cpu = perf_counter(), process_time()
    done = work()
    times[name] = f"{perf_counter() - wall:.2f} wall, {process_time() - cpu:.2f} cpu"
    return done


def one_run(
    folder: Path, number: int, frames: tuple[dict[str, pl.DataFrame], dict[str, pl.DataFrame]]
) -> dict[str, str]:
    """What a refresh asks of the warehouse, step by step, in seconds."""
    seconds: dict[str, str] = {}
    core, marts = frames
    with measured(seconds, "open", lambda: Warehouse.open(folder / "warehouse.duckdb")) as warehouse:
        run_id = measured(seconds, "begin", lambda: samples.begin(warehouse, number))
        measured(seconds, "read offers before", lambda: warehouse.offers_before(run_id))
        measured(seconds, "read usual prices", lambda: warehouse.usual_gpu_prices(run_id))
        measured(seconds, "read last good prices", lambda: warehouse.last_good_prices(run_id))
        measured(seconds, "read current prices", lambda: warehouse.current_prices(run_id))
        measured(seconds, "replace core", lambda: warehouse.replace_core(run_id, core))
        measured(seconds, "replace marts", lambda: warehouse.replace_marts(run_id, marts))
        at = START + timedelta(hours=6 * number)
        measured(seconds, "finish", lambda: warehouse.finish_run(run_id, finished_at=at, as_of=at))
        measured(seconds, "publish, first of a month", lambda: publish(warehouse, folder / "prices.duckdb"))
        one_more = {"gpu_offers": core["gpu_offers"].filter(pl.int_range(pl.len()) > 0)}
        warehouse.replace_core(run_id, one_more)
        measured(seconds, "publish", lambda: publish(warehouse, folder / "prices.duckdb"))
        measured(seconds, "close", warehouse.close)
    return seconds


def queries(folder: Path) -> dict[str, float | str]:
    """Seconds of each documented query, best of three, or why it has no answer in this history."""
    found: dict[str, float | str] = {}
    for title, _, sql in BLOCKS:
        times = []
        for _ in range(3):
            with duckdb.connect(folder / "prices.duckdb", read_only=True) as connection:
                start = perf_counter()
                try:
                    connection.execute(sql.replace("data/history", str(folder / "history"))).fetchall()
                except duckdb.InvalidInputException as refusal:  # the moment it asks about is no longer kept
                    found[title] = str(refusal)
                    break
                times.append(perf_counter() - start)
        else:
            found[title] = round(min(times), 3)
    return found


def not_taken(folder: Path) -> dict[str, str]:
    """What the ways not taken would cost: every row copied on every publication, and the private file as it is."""
    seconds: dict[str, str] = {}
    with Warehouse.open(folder / "warehouse.duckdb") as warehouse:
        made: Published = measured(
            seconds, "publish every row", lambda: publish(warehouse, folder / "whole.duckdb", recent_runs=10**9)
        )
    seconds["publish every row, size"] = f"{made.file_bytes / 1e6:.0f} MB"
    measured(seconds, "copy the private file", lambda: shutil.copyfile(folder / "warehouse.duckdb", folder / "copy"))
    return seconds


def megabytes(folder: Path) -> dict[str, float]:
    history = sum(path.stat().st_size for path in (folder / "history").rglob("*.parquet"))
    sizes = {name: (folder / name).stat().st_size for name in ("warehouse.duckdb", "prices.duckdb")}
    return {name: round(size / 1e6, 1) for name, size in {**sizes, "history": history}.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1460)
    parser.add_argument("--offers", type=int, default=12_000)
    parser.add_argument("--prices", type=int, default=4_000)
    parser.add_argument("--not-taken", action="store_true", help="measure also what we chose not to do")
    parser.add_argument("--folder", type=Path, default=None)
    given = parser.parse_args()
    sizes = {"offers": given.offers, "prices": given.prices, "configurations": CONFIGURATIONS, "ranked": RANKED}
    frames = new_run_frames(given.runs, sizes)
    with tempfile.TemporaryDirectory(dir=given.folder) as home:
        empty, full = Path(home) / "empty", Path(home) / "full"
        with Warehouse.open(empty / "warehouse.duckdb") as warehouse:
            reference(warehouse)
        seconds: dict[str, str] = {}
        with Warehouse.open(full / "warehouse.duckdb") as warehouse:
            reference(warehouse)
            measured(seconds, "made in", lambda: make_history(warehouse, given.runs, sizes))
        report = {
            "runs": given.runs, **sizes, **seconds,
            "seconds, empty": one_run(empty, given.runs, frames),
            "seconds, with history": one_run(full, given.runs, frames),
            "megabytes, empty": megabytes(empty),
            "megabytes, with history": megabytes(full),
            "query seconds": queries(full),
            "not taken": not_taken(full) if given.not_taken else "ask with --not-taken",
        }  # fmt: skip
        print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
