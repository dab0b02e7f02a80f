"""Offers, prices and estimates for the tests: small invented ones, and the real Vast.ai days where at hand."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from transforms.assumptions import Assumptions

REFERENCE = Path(__file__).parents[2] / "warehouse" / "reference"

NOW = datetime(2026, 7, 20, 6, tzinfo=UTC)

GPUS = pl.DataFrame(
    {
        "gpu": ["rtx-4090-24gb", "rtx-4090-48gb", "a100-sxm-80gb", "a100-sxm-40gb", "a100-pcie-80gb", "h100-sxm-80gb"],
        "memory_gib": [23.99, 47.99, 80.0, 40.0, 80.0, 79.65],
        "link": ["pcie", "pcie", "nvlink3", "nvlink3", "pcie", "nvlink4"],
    }
)
GPU_NAMES = pl.DataFrame(
    [
        ("*", "RTX 4090", 22.0, 26.0, "rtx-4090-24gb"),
        ("*", "RTX 4090", 46.0, 50.0, "rtx-4090-48gb"),
        ("*", "A100 SXM4", 76.0, 84.0, "a100-sxm-80gb"),
        ("*", "A100 SXM4", 37.0, 42.0, "a100-sxm-40gb"),
        ("*", "H100 SXM", 76.0, 84.0, "h100-sxm-80gb"),
        ("vultr", "NVIDIA_A100", 76.0, 84.0, "a100-pcie-80gb"),
    ],
    schema=["source", "gpu_name", "memory_gb_min", "memory_gb_max", "gpu"],
    orient="row",
)

SCHEMA = {
    "run_id": pl.String(),
    "observed_at": pl.Datetime("us", "UTC"),
    "provenance": pl.String(),
    "source": pl.String(),
    "offer_id": pl.String(),
    "offer_key": pl.String(),
    "market": pl.String(),
    "price_kind": pl.String(),
    "usd_per_hour": pl.Float64(),
    "gpu_name": pl.String(),
    "gpu_count": pl.Float64(),
    "memory_gib": pl.Float64(),
    "in_stock": pl.Boolean(),
    "machine_id": pl.String(),
    "host_id": pl.String(),
    "available_units": pl.Int64(),
    "verification": pl.String(),
    "reliability": pl.Float64(),
    "storage_usd_per_gb_month": pl.Float64(),
    "included_disk_gb": pl.Float64(),
    "max_disk_gb": pl.Float64(),
    "egress_usd_per_gb": pl.Float64(),
    "ingress_usd_per_gb": pl.Float64(),
    "reserved_discount": pl.Float64(),
    "min_purchase_gpus": pl.Int64(),
    "nvlink_gb_per_s": pl.Float64(),
    "status": pl.String(),
    "reasons": pl.List(pl.String()),
}


def offer(number: int, **fields: Any) -> dict[str, Any]:
    """An on-demand offer of one RTX 4090 on a verified machine of its own at $0.30."""
    machine = fields.get("machine_id", f"m{number}")
    count = fields.get("gpu_count", 1.0)
    return {
        "run_id": "r1",
        "observed_at": NOW,
        "provenance": "recorded",
        "source": "vast",
        "offer_id": str(number),
        "offer_key": f"{machine}:{count:g}",
        "market": "marketplace",
        "price_kind": "on_demand",
        "usd_per_hour": 0.30,
        "gpu_name": "RTX 4090",
        "gpu_count": 1.0,
        "memory_gib": 23.99,
        "in_stock": True,
        "machine_id": machine,
        "host_id": f"h{number}",
        "verification": "verified",
        "reliability": 0.99,
        "storage_usd_per_gb_month": 0.2,
        "status": "ok",
        "reasons": [],
    } | fields


def book(*offers: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame([{name: row.get(name) for name in SCHEMA} for row in offers], schema=SCHEMA)


def vast_day(captures: Path, day: str) -> pl.DataFrame:
    """One real Vast.ai book as offers, its run named after the day."""
    with gzip.open(captures / "gpu" / "vast" / f"{day}.jsonl.gz", "rt") as lines:
        return book(*(_vast_offer(json.loads(line), day) for line in lines))


def _vast_offer(row: dict[str, Any], day: str) -> dict[str, Any]:
    return {
        "run_id": day,
        "observed_at": datetime.fromisoformat(row["scraped_at"]),
        "provenance": "recorded",
        "source": "vast",
        "offer_id": str(row["id"]),
        "offer_key": f"{row['machine_id']}:{row['num_gpus']}",
        "market": "marketplace",
        "price_kind": "on_demand" if row["rental_type"] == "on-demand" else "spot_floor",
        "usd_per_hour": row["dph_base"],
        "gpu_name": row["gpu_name"],
        "gpu_count": float(row["num_gpus"]),
        "memory_gib": row["gpu_ram"] / 1024,
        "in_stock": not row["rented"],
        "machine_id": str(row["machine_id"]),
        "host_id": str(row["host_id"]),
        "verification": row["verification"],
        "reliability": row["reliability2"],
        "storage_usd_per_gb_month": row["storage_cost"],
        "egress_usd_per_gb": row["inet_up_cost"],
        "ingress_usd_per_gb": row["inet_down_cost"],
        "status": "ok",
        "reasons": [],
    }


MODELS = pl.DataFrame(
    {
        "model": ["llama-3.1-8b", "llama-3.3-70b", "gpt-4o"],
        "serve_quants": ["bf16|int4", "fp8|int4", None],
        "context_tokens": [131072, 131072, 128000],
        "frontier": ["no", "no", "yes"],
        "openness": ["open", "open", "closed"],
    }
)
QUANTS = pl.DataFrame(
    {"quant": ["bf16", "fp8", "int4", "unknown"], "quant_class": ["16bit", "8bit", "4bit", "unknown"]}
)
WEIGHTS_GIB = {"bf16": 1.86, "fp8": 0.95, "int4": 0.52}
PARAMS_B = {"llama-3.1-8b": 8.0, "llama-3.3-70b": 70.0}


def estimates(configurations: pl.DataFrame) -> pl.DataFrame:
    """A stand-in for the estimator with the right shape: weights must fit, speed follows memory and model size."""
    weights = pl.col("model").replace_strict(PARAMS_B, return_dtype=pl.Float64) * pl.col("quant").replace_strict(
        WEIGHTS_GIB, return_dtype=pl.Float64
    )
    fits = pl.col("weights_gib") * 1.15 < 0.9 * pl.col("memory_gib") * pl.col("gpu_count")
    speed = 20000 * pl.col("gpu_count") * pl.col("memory_gib").sqrt() / pl.col("weights_gib")
    return (
        configurations.with_columns(weights_gib=weights)
        .with_columns(fits=fits, output_tokens_per_s=pl.when(fits).then(speed))
        .with_columns(
            output_tokens_per_s_low=pl.col("output_tokens_per_s") * 0.8,
            output_tokens_per_s_high=pl.col("output_tokens_per_s") * 1.25,
            tokens_per_s_per_user=pl.col("output_tokens_per_s") / 16,
            throughput_basis=pl.lit("estimated"),
            tp=pl.col("gpu_count"),
            replicas=pl.lit(1),
            concurrency=pl.lit(16),
            ttft_ms=pl.lit(300.0),
            tpot_ms=pl.lit(20.0),
            reason=pl.when(~fits).then(pl.lit("does not fit")),
        )
    )


PRICE_SCHEMA = {
    "run_id": pl.String(),
    "observed_at": pl.Datetime("us", "UTC"),
    "provenance": pl.String(),
    "source": pl.String(),
    "provider": pl.String(),
    "channel": pl.String(),
    "model_name": pl.String(),
    "hugging_face_id": pl.String(),
    "model": pl.String(),
    "quant_name": pl.String(),
    "quant": pl.String(),
    "component": pl.String(),
    "usd_per_mtok": pl.Decimal(18, 9),
    "list_usd_per_mtok": pl.Decimal(18, 9),
    "tier": pl.String(),
    "context_min_tokens": pl.Int64(),
    "context_max_tokens": pl.Int64(),
    "time_band": pl.String(),
    "band_rule": pl.String(),
    "promo_until": pl.Date(),
    "endpoint": pl.String(),
    "context_length_tokens": pl.Int64(),
    "max_output_tokens": pl.Int64(),
    "uptime_1d": pl.Float64(),
    "endpoint_status": pl.Int64(),
    "discount": pl.Float64(),
    "status": pl.String(),
    "reasons": pl.List(pl.String()),
}


def price(component: str, usd_per_mtok: str | None, **fields: Any) -> dict[str, Any]:
    """One component of GPT-4o at OpenAI, read at `NOW` and good."""
    return {
        "run_id": "r1",
        "observed_at": NOW,
        "provenance": "recorded",
        "source": "openai",
        "provider": "openai",
        "channel": "first_party",
        "model_name": "gpt-4o",
        "model": "gpt-4o",
        "quant": "unknown",
        "component": component,
        "usd_per_mtok": None if usd_per_mtok is None else Decimal(usd_per_mtok),
        "tier": "standard",
        "context_min_tokens": 0,
        "time_band": "all",
        "status": "ok",
        "reasons": [],
    } | fields


def prices(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame([{name: row.get(name) for name in PRICE_SCHEMA} for row in rows], schema=PRICE_SCHEMA)


def reference(table: str) -> pl.DataFrame:
    """A reference table as it stands in the project, read strictly by what its columns hold."""
    return pl.read_csv(REFERENCE / f"{table}.csv", infer_schema_length=None)


ASSUMPTIONS = Assumptions.of(reference("assumptions"))
WORKLOADS = reference("workloads")
