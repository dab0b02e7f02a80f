"""Published files with a week between two runs, in which prices moved, came and went; with names of our choosing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.warehouse import samples
from tests.warehouse.samples import API_ROW, START, core, load_small_reference, rows
from warehouse.publish import publish
from warehouse.store import Warehouse

LAST_WEEK, NOW = 0, 28
"""Numbers of the two runs: six hours apart each, a week between these."""
MADE_AT = START + timedelta(days=7, hours=1)
BENIGN = {
    "provider": "host-b",
    "model_name": "Brand New 9B",
    "price_key": "key-b",
    "evidence": "far from every second reading",
    "reason": "price_below_band",
    "unknown": "GPU of tomorrow",
    "error": "503 from the site",
    "gpu_name": "odd card",
    "finding": "a table nobody knows",
}
"""Everything a source writes that reaches the report, the feed or an alert."""

INJECTIONS = (
    "<script>alert(1)</script><img src=x onerror=alert(2)>",
    '=HYPERLINK("http://evil.example","a")',
    "](http://evil.example) ![x](http://evil.example/x.png) http://evil.example www.evil.example",
    "]]></div></content></entry><entry><!-- &amp; &bogus; <?php",
    "a|b\n| c | d |\n\n# Title\n```\n<!channel> @everyone *bold* [red]x[/red]",
    "\x00\x1b[31mred\x07\u202eevil\u200f\ufeff\ufffe",
    "{{ 7 * 7 }}{% raw %}${7*7}",
    "javascript:alert(1)' onmouseover='alert(2)",
    "x" * 10_000,
)
HOSTILE = {key: INJECTIONS[number] + INJECTIONS[-1 - number] for number, key in enumerate(BENIGN)}
"""The same places, filled by somebody who wants to be more than text."""

_made: dict[str, Path] = {}


def file(kind: str, folders: pytest.TempPathFactory) -> Path:
    """The published week `benign` or `hostile`, made once a session, to be read and not changed."""
    if kind not in _made:
        names = {"benign": BENIGN, "hostile": HOSTILE}[kind]
        _made[kind] = published_week(folders.mktemp(kind), names=names)
    return _made[kind]


def published_week(
    folder: Path,
    *,
    names: Mapping[str, str] = BENIGN,
    provenance: str = "live",
    rules: str = "1",
    vast: str = "ok",
) -> Path:
    """Two runs a week apart. GPU: $2.00 -> $1.50; host-a's output price: $0.40 -> $0.30; host-b is new in the second.

    `rules` is the methodology version of the second run, `vast` the outcome of that source in it.
    """
    with Warehouse.open(folder / "warehouse.duckdb") as warehouse:
        load_small_reference(warehouse)
        _run(warehouse, LAST_WEEK, {**samples.COMMON, "provenance": provenance}, _first())
        _run(warehouse, NOW, {"provenance": provenance, "methodology_version": rules}, _second(names, vast))
        return publish(warehouse, folder / "prices.duckdb").path


def _first() -> dict[str, Any]:
    return {
        "offers": [{"usd_per_gpu_hour": 2.0, "usd_per_hour": 16.0}],
        "prices": [{"usd_per_mtok": Decimal("0.4")}, _component("input", "0.1")],
        "gpu_usd": 2.0,
        "usd_per_mtok": 0.9,
    }


def _second(names: Mapping[str, str], vast: str) -> dict[str, Any]:
    newcomer = {
        "provider": names["provider"],
        "model": None,
        "model_name": names["model_name"],
        "price_key": names["price_key"],
    }
    return {
        "offers": [
            {"usd_per_gpu_hour": 1.5, "usd_per_hour": 12.0},
            {
                "offer_id": "2",
                "gpu": None,
                "gpu_name": names["gpu_name"],
                "status": "quarantined",
                "reasons": [names["reason"]],
            },
        ],
        "prices": [{"usd_per_mtok": Decimal("0.3")}, newcomer],
        "gpu_usd": 1.5,
        "usd_per_mtok": 0.6,
        "names": names,
        "vast": vast,
    }


def _component(component: str, usd: str) -> dict[str, Any]:
    return {"component": component, "usd_per_mtok": Decimal(usd), "price_key": f"openrouter|host-a|{component}"}


def _run(warehouse: Warehouse, number: int, common: Mapping[str, Any], told: Mapping[str, Any]) -> None:
    at = START + timedelta(hours=6 * number)
    provenance, version = common["provenance"], common["methodology_version"]
    run = samples.run_id(number)
    warehouse.begin_run(
        run, started_at=at, provenance=provenance, methodology_version=version, software_version="0.1.0"
    )
    tables = core(at, offers=told["offers"], prices=told["prices"])
    if "names" in told:
        tables |= _remarks(at, told["names"], told["vast"])
    warehouse.replace_core(run, {name: _said(table, provenance, version) for name, table in tables.items()})
    boards = {name: _said(table, provenance, version) for name, table in _boards(at, told).items()}
    warehouse.replace_marts(run, boards)
    warehouse.finish_run(run, finished_at=at + timedelta(minutes=3), as_of=at)


def _remarks(at: datetime, names: Mapping[str, str], vast: str) -> dict[str, pl.DataFrame]:
    """What a run says about its sources and about rows it did not believe."""
    ok = {"source": "vast", "kind": "gpu", "fetched_at": at, "outcome": vast}
    partial = {"source": "openrouter", "kind": "api", "fetched_at": at, "outcome": "partial", "error": names["error"]}
    change = {
        "source": "openrouter",
        "price_key": names["price_key"],
        "provider": names["provider"],
        "component": "output",
        "old_usd_per_mtok": Decimal("1"),
        "new_usd_per_mtok": Decimal("0.01"),
        "factor": 0.01,
        "verdict": "held",
        "evidence": names["evidence"],
        "observed_at": at,
        "model": None,
    }
    finding = {"source": "openrouter", "kind": "quarantined", "where_": names["finding"], "what": names["finding"]}
    unknown = {"source": "vast", "kind": "gpu", "name": names["unknown"], "rows": 1, "observed_at": at}
    return {
        "source_runs": rows("core.source_runs", ok, partial),
        "price_changes": rows("core.price_changes", change),
        "findings": rows("core.findings", finding),
        "unknown_names": rows("core.unknown_names", unknown),
    }


def _boards(at: datetime, told: Mapping[str, Any]) -> dict[str, pl.DataFrame]:
    gpu_usd, usd = told["gpu_usd"], told["usd_per_mtok"]
    provider = told.get("names", {}).get("provider", "host-a")
    rented = {"usd_per_mtok": usd, "usd_per_mtok_low": 0.8 * usd, "usd_per_mtok_high": 1.3 * usd, "as_of": at}
    rented |= {"observed_at": at, "usd_per_hour": 8 * gpu_usd}
    bought = {"usd_per_mtok": 1.0, "usd_per_mtok_low": 1.0, "usd_per_mtok_high": 1.0, "as_of": at, "observed_at": at}
    bought |= {**API_ROW, "provider": provider, "throughput_basis": None, "utilization": None}
    return {
        "gpu_prices": rows(
            "marts.gpu_prices",
            {
                "observed_at": at,
                "usd_per_gpu_hour": gpu_usd,
                "usd_per_hour": 8 * gpu_usd,
                "freshness": "stale" if told.get("vast") == "failed" else "fresh",
            },
        ),
        "throughput": rows("marts.throughput", {}),
        "leaderboard": rows(
            "marts.leaderboard",
            *({**rented, "board": board} for board in ("trusted", "combined")),
            {**bought, "board": "combined", "place": 2},
            {**bought, "board": "api", "place": 1},
        ),
    }


def _said(table: pl.DataFrame, provenance: str, version: str) -> pl.DataFrame:
    """The same rows under another provenance and other rules, where the table has them."""
    told = {"provenance": provenance, "methodology_version": version}
    return table.with_columns(pl.lit(value).alias(name) for name, value in told.items() if name in table.columns)
