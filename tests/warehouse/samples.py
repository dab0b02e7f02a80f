"""Small plausible frames for the warehouse tests: one run of two GPU sources and one API source."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from warehouse.publish import Published, publish
from warehouse.schema import frame_schema
from warehouse.store import RawCapture, Warehouse

START = datetime(2026, 11, 1, 6, tzinfo=UTC)

COMMON: dict[str, Any] = {
    "provenance": "live",
    "observed_at": START,
    "as_of": START,
    "source": "vast",
    "gpu": "h100-sxm-80gb",
    "gpu_count": 8,
    "model": "llama-3.3-70b",
    "workload": "chat",
    "quant": "fp8",
    "methodology_version": "1",
}
DEFAULTS: dict[str, dict[str, Any]] = {
    "core.gpu_offers": {
        "offer_id": "1",
        "offer_key": "m1x8",
        "market": "marketplace",
        "price_kind": "on_demand",
        "usd_per_hour": 16.0,
        "gpu_name": "H100 SXM",
        "memory_gib": 79.6,
        "in_stock": True,
        "gpu_fraction": 1.0,
        "is_slice": False,
        "usd_per_gpu_hour": 2.0,
        "board": "trusted",
        "status": "ok",
        "reasons": [],
    },
    "core.api_prices": {
        "source": "openrouter",
        "provider": "host-a",
        "channel": "host",
        "model_name": "Llama 3.3 70B",
        "component": "output",
        "usd_per_mtok": Decimal("0.4"),
        "tier": "standard",
        "context_min_tokens": 0,
        "time_band": "all",
        "listing": "listed",
        "raw_text": "0.0000004",
        "price_key": "openrouter|host-a|output",
        "status": "ok",
        "reasons": [],
    },
    "core.source_runs": {
        "kind": "gpu",
        "outcome": "ok",
        "requests": 1,
        "bytes": 100,
        "records": 1,
        "ok": 1,
        "held": 0,
        "quarantined": 0,
        "unknown_names": 0,
        "truncated": False,
        "seconds": 0.5,
        "fetched_at": START,
    },
    "marts.gpu_prices": {
        "board": "trusted",
        "market": "marketplace",
        "price_kind": "on_demand",
        "usd_per_hour": 16.0,
        "usd_per_gpu_hour": 2.0,
        "usd_per_hour_min": 15.0,
        "usd_per_hour_p10": 16.0,
        "usd_per_hour_p50": 18.0,
        "price_rule": "p10",
        "n_offers": 12,
        "n_machines": 12,
        "memory_gib": 79.6,
        "age_hours": 0.0,
        "freshness": "fresh",
    },
    "marts.throughput": {"fits": True, "output_tokens_per_s": 4000.0, "throughput_basis": "estimated"},
    "marts.leaderboard": {
        "board": "trusted",
        "place": 1,
        "kind": "self_hosted",
        "usd_per_hour": 16.5,
        "utilization": 0.3,
        "usd_per_mtok": 0.9,
        "usd_per_mtok_low": 0.7,
        "usd_per_mtok_high": 1.2,
        "output_tokens_per_s": 4000.0,
        "throughput_basis": "estimated",
        "freshness": "fresh",
    },
}


API_ROW = {
    "kind": "api",
    "source": "openrouter",
    "provider": "host-a",
    "tier": "standard",
    "gpu": None,
    "gpu_count": None,
}


def rows(table: str, *changes: dict[str, Any]) -> pl.DataFrame:
    """One row per dictionary: what it says over the defaults of the table; the rest is null."""
    schema = frame_schema(table)
    defaults = {column: value for column, value in COMMON.items() if column in schema} | DEFAULTS.get(table, {})
    return pl.DataFrame([{**defaults, **change} for change in changes], schema=schema).drop("run_id", strict=False)


def capture(source: str, body: bytes, at: datetime = START, path: str = "/offers") -> RawCapture:
    return RawCapture(
        source=source,
        method="GET",
        path=path,
        request_json=None,
        label="offers",
        url=f"https://{source}.example{path}",
        status=200,
        content_type="application/json",
        fetched_at=at,
        sha256="0" * 64,
        body=body,
    )


def run_id(number: int) -> str:
    return f"{START + timedelta(hours=6 * number):%Y%m%dT%H%M%SZ}-test"


def begin(warehouse: Warehouse, number: int) -> str:
    warehouse.begin_run(
        run_id(number),
        started_at=START + timedelta(hours=6 * number),
        provenance="live",
        methodology_version="1",
        software_version="0.1.0",
    )
    return run_id(number)


def core(
    at: datetime,
    *,
    offers: Sequence[dict[str, Any]] = ({},),
    prices: Sequence[dict[str, Any]] = ({},),
    outcomes: dict[str, str] | None = None,
) -> dict[str, pl.DataFrame]:
    """Frames for `replace_core`: offers of vast, prices of openrouter, every time set to `at`."""
    kinds = {"vast": "gpu", "openrouter": "api"}
    asked = {"vast": "ok", "openrouter": "ok"} | (outcomes or {})
    return {
        "gpu_offers": rows("core.gpu_offers", *({"observed_at": at} | offer for offer in offers)),
        "api_prices": rows("core.api_prices", *({"observed_at": at} | price for price in prices)),
        "source_runs": rows(
            "core.source_runs",
            *(
                {"source": source, "kind": kinds[source], "outcome": outcome, "fetched_at": at}
                for source, outcome in asked.items()
            ),
        ),
    }


def marts(at: datetime, *, usd_per_gpu_hour: float = 2.0) -> dict[str, pl.DataFrame]:
    """Frames for `replace_marts`: one configuration, one estimate, one machine and one API host ranked."""
    return {
        "gpu_prices": rows(
            "marts.gpu_prices",
            {"observed_at": at, "usd_per_gpu_hour": usd_per_gpu_hour, "usd_per_hour": 8 * usd_per_gpu_hour},
        ),
        "throughput": rows("marts.throughput", {}),
        "leaderboard": rows(
            "marts.leaderboard",
            *(
                {"board": board, "observed_at": at, "as_of": at, "usd_per_hour": 8 * usd_per_gpu_hour}
                for board in ("trusted", "combined")
            ),
            {"board": "combined", "place": 2, "usd_per_mtok": 1.0, "as_of": at} | API_ROW,
        ),
    }


def whole_run(warehouse: Warehouse, number: int, *, usd_per_gpu_hour: float = 2.0, usd_per_mtok: str = "0.4") -> str:
    """A run from its start to its end."""
    at = START + timedelta(hours=6 * number)
    run = begin(warehouse, number)
    warehouse.append_captures(run, "vast", [capture("vast", b"{}", at)])
    warehouse.replace_core(
        run,
        core(
            at,
            offers=[{"usd_per_gpu_hour": usd_per_gpu_hour, "usd_per_hour": 8 * usd_per_gpu_hour}],
            prices=[{"usd_per_mtok": Decimal(usd_per_mtok)}],
        ),
    )
    warehouse.replace_marts(run, marts(at, usd_per_gpu_hour=usd_per_gpu_hour))
    warehouse.finish_run(run, finished_at=at + timedelta(minutes=3), as_of=at)
    return run


def load_small_reference(warehouse: Warehouse) -> None:
    """The reference rows the samples speak of."""
    for table, change in {
        "gpus": {"gpu": "h100-sxm-80gb", "name": "H100 SXM", "vendor": "nvidia", "memory_gb": 80.0, "memory_gib": 79.6},
        "models": {"model": "llama-3.3-70b", "name": "Llama 3.3 70B", "openness": "open", "frontier": "no"},
        "workloads": {
            "workload": "chat",
            "isl_tokens": 1155,
            "osl_tokens": 211,
            "cached_input_fraction": 0.0,
            "default_utilization": 0.3,
            "spot_allowed": "no",
            "on_board": "yes",
            "api_tier": "standard",
        },
        "assumptions": {"assumption": "peak_factor", "value": 2.0, "unit": "x"},
    }.items():
        warehouse.replace_reference(table, pl.DataFrame([change], schema=frame_schema(f"reference.{table}")))


def published_runs(folder: Path, count: int) -> Published:
    """A published file with `count` runs whose GPU price rises by a cent a run."""
    with Warehouse.open(folder / "warehouse.duckdb") as warehouse:
        load_small_reference(warehouse)
        for number in range(count):
            whole_run(warehouse, number, usd_per_gpu_hour=2 + number / 100)
        return publish(warehouse, folder / "prices.duckdb")


def published_two_months(folder: Path) -> Published:
    """Runs of November and of December, in which the GPU price rises and the API price falls; November is archived."""
    with Warehouse.open(folder / "warehouse.duckdb") as warehouse:
        load_small_reference(warehouse)
        for number in (0, 56, 57, 120, 124):
            whole_run(warehouse, number, usd_per_gpu_hour=2 + number / 100, usd_per_mtok=f"{4 - number / 100:.2f}")
        return publish(warehouse, folder / "prices.duckdb", recent_runs=2)
