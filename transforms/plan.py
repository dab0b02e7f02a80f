"""A load in, the cheapest fleets of whole machines out, beside what the APIs would charge for the same load."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isfinite, log
from typing import Any, Final, TypeVar

import polars as pl

from transforms.assumptions import Assumptions
from transforms.offers import GIB_IN_GB, interruptions_per_hour

Weights = TypeVar("Weights", float, pl.Expr)
DAY_HOURS: Final = 24.0
MOST_MACHINES: Final = 1000
"""A fleet of more machines than this is no plan for one model."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What is asked of a plan. `tokens_per_day` counts input and output; NULLs take the reference assumption."""

    models: Sequence[str]
    workload: str
    tokens_per_day: float
    peak_factor: float | None = None
    availability_target: float | None = None
    busy_hours_per_day: float = DAY_HOURS
    """Below 24 the load comes in one block a day and the rest is an idle gap."""
    boards: Sequence[str] = ("trusted",)
    """Where machines may be rented: trusted, community, interruptible."""
    people: Sequence[str] = field(default=())
    """Which people costs to add: "setup", "upkeep", both or none."""
    longest_list: int = 10


@dataclass(frozen=True, slots=True)
class ScaleToZero:
    """What switching a fleet off in the daily gap saves, once the cold start before the load returns is paid."""

    idle_gap_hours: float
    cold_start_seconds: float
    usd_per_month_always_on: float
    usd_per_month_scaled_to_zero: float
    is_worth_it: bool
    """Only where the gap is longer than a cold start."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Fleets and bills, cheapest first, USD per month; what was assumed; what a person should know."""

    demand: Demand
    load: dict[str, float]
    fleets: pl.DataFrame
    api_bills: pl.DataFrame
    scale_to_zero: ScaleToZero | None
    """For the cheapest fleet, where the load has an idle gap; None where it has none or there is no fleet."""
    notes: tuple[str, ...]
    assumptions: dict[str, float]


def plan(board: pl.DataFrame, models: pl.DataFrame, demand: Demand, assumptions: Assumptions) -> Plan:
    """Find the cheapest fleet of each configuration that holds the workload's limits at peak.

    board: `marts.leaderboard`, or freshly priced rows with the same columns (own workloads, models and prices are rows
    like any other). Every fleet is whole machines of one kind: enough for the peak at the planned headroom, plus spares
    until the availability target is reached. Three costs stand beside one another: the GPUs alone, with disk, traffic,
    spares and interruptions, and with people.
    Raises ValueError where the workload, a model or a figure of the demand makes no sense.
    """
    rows = _candidates(board, demand)
    shape = _shape(board, demand)
    load = _load(demand, assumptions, shape)
    fleets = _fleets(rows, load, demand, assumptions)
    bills = _api_bills(board, models, demand, load)
    best = fleets.row(0, named=True) if fleets.height else None
    return Plan(
        demand=demand,
        load=load,
        fleets=fleets.head(demand.longest_list),
        api_bills=bills,
        scale_to_zero=None if best is None else _scale_to_zero(best, demand, assumptions),
        notes=_notes(fleets, bills, demand),
        assumptions=_used(demand, assumptions),
    )


def machines_needed(serving: int, availability: float, target: float) -> int:
    """Fewest machines of which, with probability `target`, at least `serving` are up.

    Machines fail independently. For one serving machine this is the n of 1 - (1 - a)^n >= target; in general the
    number of machines down before `serving` are up follows a negative binomial distribution.
    """
    if not 0 < availability < 1 or serving * log(availability) < -700:
        return serving
    probability = reached = availability**serving
    spare = 0
    while reached < target and spare < MOST_MACHINES:
        spare += 1
        probability *= (serving + spare - 1) / spare * (1 - availability)
        reached += probability
    return serving + spare


def cold_start_seconds(weights_gib: Weights, assumptions: Assumptions) -> Weights:
    """From ordering a machine to its first token: container, download, loading, engine. A number or an expression."""
    weights_gb = weights_gib * GIB_IN_GB
    moving = 8000 / assumptions.download_mbit_per_s + 1 / assumptions.load_gb_per_s
    return weights_gb * moving + (assumptions.provision_seconds + assumptions.engine_start_seconds)


def _candidates(board: pl.DataFrame, demand: Demand) -> pl.DataFrame:
    asked = board.filter(pl.col("workload") == demand.workload, pl.col("model").is_in(list(demand.models)))
    missing = sorted(set(demand.models) - set(asked["model"]))
    if missing:
        raise ValueError(f"nothing is known of {', '.join(missing)} for the workload {demand.workload!r}")
    # Whoever asks for interruptible machines has decided that the workload bears it.
    borne = pl.col("exclusion_reason").str.starts_with("interruptible:").fill_null(False)
    return asked.filter(
        pl.col("kind") == "self_hosted",
        pl.col("board").is_in(list(demand.boards)),
        pl.col("exclusion_reason").is_null() | borne,
    )


def _shape(board: pl.DataFrame, demand: Demand) -> tuple[int, int]:
    row = board.filter(pl.col("workload") == demand.workload).select("isl_tokens", "osl_tokens").row(0)
    return int(row[0]), int(row[1])


def _load(demand: Demand, assumptions: Assumptions, shape: tuple[int, int]) -> dict[str, float]:
    if not (isfinite(demand.tokens_per_day) and demand.tokens_per_day > 0):
        raise ValueError("tokens per day must be a positive number")
    if not 0 < demand.busy_hours_per_day <= DAY_HOURS:
        raise ValueError("busy hours per day must lie between 0 and 24")
    peak = assumptions.peak_factor if demand.peak_factor is None else demand.peak_factor
    if peak < 1:
        raise ValueError("a peak below the mean is no peak: the peak factor must be 1 or more")
    requests_per_day = demand.tokens_per_day / sum(shape)
    mean = requests_per_day / demand.busy_hours_per_day
    return {
        "tokens_per_request": float(sum(shape)),
        "requests_per_day": requests_per_day,
        "requests_per_hour_mean": mean,
        "requests_per_hour_peak": mean * peak,
        "requests_per_month": requests_per_day * assumptions.month_hours / DAY_HOURS,
        "mtok_per_month": demand.tokens_per_day * assumptions.month_hours / DAY_HOURS / 1e6,
    }


def _fleets(rows: pl.DataFrame, load: dict[str, float], demand: Demand, assumptions: Assumptions) -> pl.DataFrame:
    """One row per configuration, cheapest first; a band from the cheap and fast to the dear and slow end."""
    middle = _sized(rows, rows["output_tokens_per_s"], rows["gpu_usd_per_hour"], load, demand, assumptions)
    low = _sized(rows, rows["output_tokens_per_s_high"], rows["gpu_usd_per_hour"], load, demand, assumptions)
    high = _sized(rows, rows["output_tokens_per_s_low"], rows["gpu_usd_per_hour_p50"], load, demand, assumptions)
    offered = pl.col("machines_offered")
    short = (pl.col("market") == "marketplace") & (pl.col("machines") > offered)
    return (
        middle.with_columns(
            usd_per_month_low=low["usd_per_month"],
            usd_per_month_high=high["usd_per_month"],
            usd_per_mtok=pl.col("usd_per_month") / load["mtok_per_month"],
            short_of_supply=short.fill_null(False),
        )
        .filter(pl.col("machines") <= MOST_MACHINES)
        .select(
            "model",
            "quant",
            "board",
            "source",
            "gpu",
            "gpu_count",
            "machines",
            "machines_serving",
            "machines_offered",
            "short_of_supply",
            "usd_per_hour",
            "usd_per_month_bare",
            "usd_per_month_infrastructure",
            "usd_per_month_people",
            "usd_per_month",
            "usd_per_month_low",
            "usd_per_month_high",
            "usd_per_mtok",
            "utilization",
            "availability",
            "interruptions_per_hour",
            "output_tokens_per_s",
            "throughput_basis",
            "ttft_ms",
            "tokens_per_s_per_user",
            "price_rule",
            "weights_gib",
            "age_hours",
            "freshness",
            "provenance",
        )
        .sort("short_of_supply", "usd_per_month", "model", "quant", "source", "gpu", "gpu_count")
    )


def _sized(
    rows: pl.DataFrame,
    tokens_per_s: pl.Series,
    gpu_usd_per_hour: pl.Series,
    load: dict[str, float],
    demand: Demand,
    assumptions: Assumptions,
) -> pl.DataFrame:
    """Machines and monthly cost of each configuration at this speed and price."""
    at_this = rows.with_columns(
        requests_per_hour=tokens_per_s * 3600 / pl.col("osl_tokens"), gpu_usd_per_hour=gpu_usd_per_hour
    )
    fleet = _machines(at_this, load["requests_per_hour_peak"], demand, assumptions)
    hours, requests = assumptions.month_hours, load["requests_per_month"]
    people = _people_usd_per_month(demand, assumptions)
    rented = (pl.col("gpu_usd_per_hour") + pl.col("storage_usd_per_hour")) * pl.col("paid_again")
    traffic = pl.col("traffic_usd_per_hour") / pl.col("usd_per_hour") * pl.col("usd_per_1k_requests") / 1000
    return fleet.with_columns(
        usd_per_month_bare=pl.col("machines_serving") * pl.col("gpu_usd_per_hour") * hours,
        usd_per_month_infrastructure=pl.col("machines") * rented * hours + traffic * requests,
        usd_per_month_people=pl.lit(people),
        utilization=requests / hours / (pl.col("machines") * pl.col("requests_per_hour")),
    ).with_columns(usd_per_month=pl.col("usd_per_month_infrastructure") + people)


def _machines(
    rows: pl.DataFrame, peak_requests_per_hour: float, demand: Demand, assumptions: Assumptions
) -> pl.DataFrame:
    """Adds how many machines serve the peak at the planned headroom, and how many must be rented for them to be up.

    An interrupted machine is paid for, and missing, until another serves: price x (1 + rate x restart time). The rate
    comes from how long offers of its kind last in our own history.
    """
    target = assumptions.availability_target if demand.availability_target is None else demand.availability_target
    rate = pl.when(pl.col("board") == "interruptible").then(interruptions_per_hour(assumptions))
    serving = (peak_requests_per_hour / (pl.col("requests_per_hour") * assumptions.headroom)).ceil()
    up = pl.col("reliability").fill_null(assumptions.machine_availability).clip(0.01, 0.999999)
    counted = (
        rows.with_columns(
            machines_offered="machines",
            interruptions_per_hour=rate.fill_null(0.0),
            machines_serving=serving.clip(1, MOST_MACHINES + 1).cast(pl.Int64),
        )
        .with_columns(paid_again=1 + pl.col("interruptions_per_hour") * assumptions.restart_hours)
        .with_columns(availability=up / pl.col("paid_again"))
    )
    pairs = counted.select("machines_serving", "availability").iter_rows()
    needed = [machines_needed(serving, availability, target) for serving, availability in pairs]
    return counted.with_columns(machines=pl.Series(needed, dtype=pl.Int64))


def _people_usd_per_month(demand: Demand, assumptions: Assumptions) -> float:
    hours = {
        "setup": assumptions.people_setup_hours / assumptions.people_months,
        "upkeep": assumptions.people_hours_per_month,
    }
    unknown = sorted(set(demand.people) - set(hours))
    if unknown:
        raise ValueError(f"unknown people cost: {', '.join(unknown)}; there are setup and upkeep")
    return sum(hours[name] for name in demand.people) * assumptions.people_usd_per_hour


def _api_bills(board: pl.DataFrame, models: pl.DataFrame, demand: Demand, load: dict[str, float]) -> pl.DataFrame:
    """The monthly bill at every host of the models asked for and at the frontier models."""
    frontier = models.filter(pl.col("frontier") == "yes")["model"].to_list()
    same = pl.col("model").is_in(list(demand.models))
    return (
        board.filter(
            pl.col("board") == "api",
            pl.col("workload") == demand.workload,
            pl.col("place").is_not_null(),
            same | pl.col("model").is_in(frontier),
        )
        .select(
            comparison=pl.when(same).then(pl.lit("same model")).otherwise(pl.lit("frontier")),
            model="model",
            provider="provider",
            quant="quant",
            tier="tier",
            usd_per_month=pl.col("usd_per_1k_requests") / 1000 * load["requests_per_month"],
            usd_per_mtok="usd_per_mtok",
            promo="promo",
            age_hours="age_hours",
            provenance="provenance",
        )
        .sort("comparison", "usd_per_month", "model", "provider", "quant", descending=[True, *[False] * 4])
    )


def _scale_to_zero(best: dict[str, Any], demand: Demand, assumptions: Assumptions) -> ScaleToZero | None:
    gap = DAY_HOURS - demand.busy_hours_per_day
    if gap <= 0:
        return None
    seconds = cold_start_seconds(float(best["weights_gib"]), assumptions)
    awake = min(demand.busy_hours_per_day + seconds / 3600, DAY_HOURS) / DAY_HOURS
    always_on = best["usd_per_month_infrastructure"]
    return ScaleToZero(gap, seconds, always_on, always_on * awake, is_worth_it=gap > seconds / 3600)


def _notes(fleets: pl.DataFrame, bills: pl.DataFrame, demand: Demand) -> tuple[str, ...]:
    notes: list[str] = []
    same = bills.filter(pl.col("comparison") == "same model")
    if same.is_empty():
        notes.append("No API host of this model can be ranked today: there is no bill to compare with.")
    if fleets.is_empty():
        return (*notes, f"No configuration on {', '.join(demand.boards)} serves this within the workload's limits.")
    best = fleets.row(0, named=True)
    for label, rows in (
        ("the same model", same),
        ("a frontier model", bills.filter(pl.col("comparison") == "frontier")),
    ):
        if rows.height:
            bill = rows.row(0, named=True)
            ratio = best["usd_per_month"] / bill["usd_per_month"]
            verdict = f"{1 / ratio:.1f} times cheaper" if ratio < 1 else f"{ratio:.1f} times dearer"
            notes.append(
                f"The cheapest fleet is {verdict} than {label} at an API ({bill['model']} at {bill['provider']}, "
                f"{bill['usd_per_month']:,.0f} USD a month)."
            )
    if best["short_of_supply"]:
        notes.append(f"It needs {best['machines']} machines and {best['machines_offered']} are on offer.")
    if best["freshness"] != "fresh":
        notes.append(f"Its price is {best['age_hours']:.1f} h old.")
    if best["board"] == "interruptible":
        notes.append("Its machines can be taken away; on Vast.ai their price is a floor, not what a bid will cost.")
    return tuple(notes)


def _used(demand: Demand, assumptions: Assumptions) -> dict[str, float]:
    used = {
        "peak_factor": assumptions.peak_factor if demand.peak_factor is None else demand.peak_factor,
        "availability_target": assumptions.availability_target
        if demand.availability_target is None
        else demand.availability_target,
        "headroom": assumptions.headroom,
        "month_hours": assumptions.month_hours,
        "machine_availability": assumptions.machine_availability,
    }
    if "interruptible" in demand.boards:
        used |= {name: getattr(assumptions, name) for name in ("interruptions_per_hour", "restart_hours")}
    if demand.busy_hours_per_day < DAY_HOURS:
        names = ("provision_seconds", "engine_start_seconds", "download_mbit_per_s", "load_gb_per_s")
        used |= {name: getattr(assumptions, name) for name in names}
    if demand.people:
        names = ("people_setup_hours", "people_hours_per_month", "people_usd_per_hour", "people_months")
        used |= {name: getattr(assumptions, name) for name in names}
    return used
