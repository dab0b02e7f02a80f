"""A plan as JSON or Markdown."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import polars as pl

from transforms.plan import Plan, ScaleToZero


def as_json(result: Plan) -> dict[str, Any]:
    """The plan as plain lists, mappings, numbers and strings."""
    return {
        "demand": asdict(result.demand),
        "load": result.load,
        "fleets": result.fleets.to_dicts(),
        "api_bills": result.api_bills.to_dicts(),
        "scale_to_zero": None if result.scale_to_zero is None else asdict(result.scale_to_zero),
        "notes": list(result.notes),
        "assumptions": result.assumptions,
    }


def as_markdown(result: Plan) -> str:
    """The plan as a short document: fleets, bills, advice, what was assumed."""
    demand, load = result.demand, result.load
    lines = [
        f"# Plan: {demand.tokens_per_day:,.0f} tokens a day of {demand.workload} on {', '.join(demand.models)}",
        "",
        f"{load['requests_per_hour_mean']:,.0f} requests an hour on average, "
        f"{load['requests_per_hour_peak']:,.0f} at peak.",
        "",
        "## Fleets",
        "",
        *_table(
            result.fleets,
            {
                "machines": "machines",
                "gpu_count": "GPUs each",
                "gpu": "GPU",
                "quant": "quant",
                "source": "source",
                "board": "board",
                "usd_per_month_bare": "GPUs alone, USD/month",
                "usd_per_month_infrastructure": "with infrastructure",
                "usd_per_month": "in all",
                "usd_per_mtok": "USD/1M tokens",
                "utilization": "utilization",
            },
        ),
        "",
        "## The same load at APIs",
        "",
        *_table(
            result.api_bills,
            {
                "comparison": "comparison",
                "model": "model",
                "provider": "provider",
                "quant": "quant",
                "tier": "tier",
                "usd_per_month": "USD/month",
                "usd_per_mtok": "USD/1M tokens",
            },
        ),
        "",
        "## Notes",
        "",
        *(f"- {note}" for note in result.notes),
        *(f"- {line}" for line in advice(result.scale_to_zero)),
        "",
        "## Assumed",
        "",
        *(f"- {name}: {value:g}" for name, value in result.assumptions.items()),
        "",
    ]
    return "\n".join(lines)


def advice(found: ScaleToZero | None) -> list[str]:
    """Whether to switch the cheapest fleet off in the idle gap, in words; empty where there is no gap."""
    if found is None:
        return []
    if not found.is_worth_it:
        return [
            f"Scale to zero: no. The gap of {found.idle_gap_hours:g} h is shorter than a cold start "
            f"({found.cold_start_seconds / 60:.0f} min)."
        ]
    return [
        f"Scale to zero: switching off in the gap of {found.idle_gap_hours:g} h a day brings "
        f"{found.usd_per_month_always_on:,.0f} down to {found.usd_per_month_scaled_to_zero:,.0f} USD a month; "
        f"the first request of a day waits {found.cold_start_seconds / 60:.0f} min unless the fleet is woken ahead."
    ]


def _table(frame: pl.DataFrame, headings: dict[str, str]) -> list[str]:
    def cell(value: Any) -> str:
        if isinstance(value, float):
            return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.3g}"
        return "" if value is None else str(value).replace("|", "\\|")

    rows = ["| " + " | ".join(map(cell, row)) + " |" for row in frame.select(headings.keys()).iter_rows()]
    return ["| " + " | ".join(headings.values()) + " |", "|" + " --- |" * len(headings), *rows]
