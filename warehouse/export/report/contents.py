"""What the report says. Every figure is the answer of a query in warehouse/queries/report_*.sql."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import log
from typing import TYPE_CHECKING, Any

from warehouse.export.figures import band, change, count, moment, plural, sentence, share, short_moment, span, usd
from warehouse.export.report import charts
from warehouse.export.report.document import Chart, Column, Document, Row, Section, first_words, machine, name, table
from warehouse.queries import answer

if TYPE_CHECKING:
    import duckdb

WEEK = timedelta(days=7)
OLD = timedelta(hours=13)
"""Age from which the newest prices deserve a warning: two missed runs."""
WINDOWS = {24: "24 hours", 168: "7 days", 720: "30 days"}
UNMOVED = 0.0005
"""Relative change below which a price stands still: what a price shows when rounded."""
DRAWN_GPUS = 8
DRAWN_MODELS = 14
LISTED = 10
"""Rows per direction of a table of moves."""
MODELS_PER_WORKLOAD = 5
DRAWN_WORKLOAD = "chat"


@dataclass(frozen=True)
class Readings:
    """The published file, the run the report speaks of, and the earlier one it is compared with, if there is one."""

    connection: duckdb.DuckDBPyConnection
    run: Row
    made_at: datetime

    def rows(self, question: str, **values: object) -> list[dict[str, Any]]:
        """The answer of queries/report_QUESTION.sql."""
        return answer(self.connection, f"report_{question}", **values)

    @property
    def both(self) -> dict[str, object]:
        return {"run_id": self.run["run_id"], "then_run_id": self.run["then_run_id"]}

    @property
    def compares(self) -> bool:
        return self.run["then_run_id"] is not None


def document(readings: Readings) -> Document:
    """The whole report."""
    sections = [
        *([gpus(readings), models(readings), api_prices(readings)] if readings.compares else [nothing_to_compare()]),
        best(readings),
        *([newcomers(readings), break_even(readings)] if readings.compares else []),
        movers(readings),
        held(readings),
        sources(readings),
    ]
    run = readings.run
    return Document(
        title=f"LLM token prices, week to {run['as_of']:%Y-%m-%d}",
        lede=_lede(run),
        warnings=_warnings(readings),
        sections=sections,
        footing=f"Made {moment(readings.made_at)} from prices of {moment(run['as_of'])}, run {run['run_id']}, "
        f"methodology {run['methodology_version']}. Prices per 1M tokens count input and output together and carry a "
        "band; prices per GPU-hour are of real offers by the rules of the board, never the single cheapest.",
    )


def _lede(run: Row) -> list[str]:
    read = f"Prices of {moment(run['as_of'])}, read from {run['n_whole']} of {run['n_sources']} sources in full."
    if run["then_run_id"] is None:
        return [read]
    between = timedelta(hours=run["hours_between"])
    return [
        f"{read} Compared with {moment(run['then_as_of'])}, {span(between)} before; "
        f"{plural(run['n_runs_since'], 'run')} since then."
    ]


def _warnings(readings: Readings) -> list[str]:
    run, found = readings.run, []
    if run["provenance"] != "live":
        found.append("These are recorded responses, not live prices.")
    if (age := readings.made_at - run["as_of"]) > OLD:
        found.append(f"The newest prices are {span(age)} old.")
    if not readings.compares:
        found.append("There is one run only, so nothing can be compared with a week before.")
    elif abs(timedelta(hours=run["hours_between"]) - WEEK) > timedelta(days=1):
        found.append("There is no run of a week before; the comparison is with the run nearest to it.")
    if readings.compares and run["then_methodology_version"] != run["methodology_version"]:
        versions = f"{name(run['then_methodology_version'])} to {name(run['methodology_version'])}"
        found.append(f"The rules changed from {versions} in between: what moved on the boards may be the rules.")
    return found


def nothing_to_compare() -> Section:
    return Section(
        "What got cheaper",
        ["Not known yet: prices can be compared from the second run on, and over a week after a week."],
    )


# --- what got cheaper ------------------------------------------------------------------------------------------------

GPU_MOVES = (
    Column("GPU", lambda row: name(row["gpu"])),
    Column("$/GPU-hour", lambda row: usd(row["new_usd_per_gpu_hour"]), True),
    Column("at", lambda row: name(row["source"], f"{row['gpu_count']:g}x")),
    Column("machines", lambda row: count(row["n_machines"]), True),
    Column("before", lambda row: usd(row["old_usd_per_gpu_hour"]), True),
    Column("at", lambda row: name(row["old_source"], f"{row['old_gpu_count']:g}x")),
    Column("change", lambda row: change(row["factor"]), True),
)
MODEL_MOVES = (
    Column("model", lambda row: name(row["model"])),
    Column("workloads", lambda row: count(row["n_workloads"]), True),
    Column("median change", lambda row: change(row["factor"]), True),
    Column("least to most", lambda row: f"{change(row['factor_min'])} to {change(row['factor_max'])}", True),
    Column("cheapest seller changed in", lambda row: count(row["n_changed_hands"]), True),
)
API_MOVES = (
    Column("seller", lambda row: name(row["provider"])),
    Column("model", lambda row: name(row["model"] or row["model_name"])),
    Column("what", lambda row: _charge(row)),
    Column("$/1M", lambda row: usd(row["new_usd_per_mtok"]), True),
    Column("before", lambda row: usd(row["old_usd_per_mtok"]), True),
    Column("change", lambda row: change(row["factor"]), True),
    Column("since", lambda row: short_moment(row["since_at"])),
)


def gpus(readings: Readings) -> Section:
    """GPUs at their cheapest ranked trusted seller, against the run before."""
    found = readings.rows("gpus", **readings.both)
    cheaper, dearer = _cheaper(found), _dearer(found)
    prose = [
        f"Of {plural(len(found), 'GPU')} with a ranked price on the trusted board in both runs, {len(cheaper)} became "
        f"cheaper and {len(dearer)} dearer; {len(found) - len(cheaper) - len(dearer)} stand still. "
        f"{_changed_hands(found)}"
    ]
    for label, rows in (("fall", cheaper), ("rise", dearer)):
        prose += [
            f"The largest {label} at one and the same seller: {name(row['gpu'])} at {name(row['source'])}, from "
            f"{usd(row['old_usd_per_gpu_hour'])} to {usd(row['new_usd_per_gpu_hour'])} per GPU-hour, "
            f"{change(row['factor'])}."
            for row in [row for row in rows if row["source"] == row["old_source"]][:1]
        ]
    if apart := readings.rows("answered_once", **readings.both):
        silent = first_words([name(row["source"]) for row in apart])
        prose.append(f"Left out, for they answered in one of the two runs only: {silent}.")
    shown = [*cheaper[:LISTED], *reversed(dearer[:LISTED])]
    tables = [table("GPUs at their cheapest ranked seller on the trusted board", GPU_MOVES, shown)] if shown else []
    return Section("What got cheaper: GPUs", prose, tables, _gpu_trend(readings))


def _changed_hands(rows: Sequence[Row]) -> str:
    others = [name(row["gpu"]) for row in rows if row["source"] != row["old_source"]]
    if not others:
        return "Each has the same cheapest seller as before."
    return f"Another seller is the cheapest ranked one for {len(others)} of them: {first_words(others)}."


def _gpu_trend(readings: Readings) -> list[Chart]:
    trend = readings.rows("gpu_trend", run_id=readings.run["run_id"], top=DRAWN_GPUS)
    if len({row["as_of"] for row in trend}) < 2:
        return []
    says = f"Cheapest ranked price per GPU-hour on the trusted board: the {DRAWN_GPUS} GPUs with the most machines"
    return [Chart("gpus", says, charts.gpu_trend(trend))]


def models(readings: Readings) -> Section:
    """By how much the cheapest way to run each model moved."""
    found = readings.rows("models", **readings.both)
    cheaper, dearer = _cheaper(found), _dearer(found)
    prose = [
        f"Of {plural(len(found), 'model')} on the combined board in both runs, the cheapest way to run became "
        f"cheaper for {len(cheaper)} and dearer for {len(dearer)}, by the median over the workloads of each."
    ]
    shown = [*cheaper[:LISTED], *reversed(dearer[:LISTED])]
    tables = [table("The models whose cheapest way moved most", MODEL_MOVES, shown)] if shown else []
    return Section("What got cheaper: models", prose, tables)


def api_prices(readings: Readings) -> Section:
    """API prices that sellers changed."""
    found = readings.rows("api_changes", **readings.both)
    (counts,) = readings.rows("api_counts", **readings.both)
    down = sum(row["new_usd_per_mtok"] < row["old_usd_per_mtok"] for row in found)
    moved = f": {down} down, {len(found) - down} up" if found else ""
    prose = [
        f"Sellers changed {plural(len(found), 'API price')}{moved}. "
        f"{sentence(plural(counts['n_new'], 'price'))} came and {counts['n_gone'] or 'none'} went."
    ]
    tables = [table("The largest changes of API prices", API_MOVES, found[: 2 * LISTED])] if found else []
    return Section("What got cheaper: APIs", prose, tables)


def _cheaper(rows: Sequence[Row]) -> list[Row]:
    """Rows ordered by factor that fell, the largest fall first."""
    return [row for row in rows if row["factor"] < 1 - UNMOVED]


def _dearer(rows: Sequence[Row]) -> list[Row]:
    """Rows ordered by factor that rose, the largest rise first."""
    return [row for row in reversed(rows) if row["factor"] > 1 + UNMOVED]


# --- boards ----------------------------------------------------------------------------------------------------------

BEST = (
    Column("model", lambda row: name(row["model"])),
    Column("$/1M", lambda row: usd(row["usd_per_mtok"]), True),
    Column("band", lambda row: band(row["usd_per_mtok_low"], row["usd_per_mtok_high"]), True),
    Column("how", lambda row: _how(row)),
    Column("basis", lambda row: name(row["throughput_basis"])),
    Column("before", lambda row: usd(row["old_usd_per_mtok"]), True),
    Column("change", lambda row: change(row["factor"]), True),
    Column("read", lambda row: short_moment(row["observed_at"])),
)


def best(readings: Readings) -> Section:
    """Per workload the models that are cheapest to run."""
    found = readings.rows("best", then_run_id=readings.run["then_run_id"], top=MODELS_PER_WORKLOAD)
    tables = []
    for workload in answer(readings.connection, "workloads"):
        here = [row for row in found if row["workload"] == workload["workload"]]
        if here:
            tables.append(table(_shape(workload), BEST, here))
    (pairs,) = readings.rows("rent_wins")
    prose = [
        f"The {MODELS_PER_WORKLOAD} models that are cheapest to run, workload by workload, on the combined board of "
        "trusted machines and APIs. Small models lead because they are small; the boards compare each with itself.",
        f"{sentence(plural(pairs['n_pairs'], 'pair'))} of workload and model can be both rented for and bought. "
        f"Renting is cheaper in {pairs['n_rented']}, in {pairs['n_rented_for_sure']} even at the dear end of its band.",
    ]
    if not tables:
        return Section("Best per workload", ["Nothing is ranked in this run."])
    return Section("Best per workload", prose, tables, _both_ways(readings))


def _shape(workload: Row) -> str:
    return (
        f"{name(workload['workload'])}: {workload['isl_tokens']:,} tokens in and {workload['osl_tokens']:,} out, "
        f"machines {workload['default_utilization']:.0%} busy. {name(workload['purpose'])}"
    )


def _how(row: Row) -> str:
    if row["kind"] == "api":
        return f"API of {name(row['provider'] or row['source'])}"
    return f"{machine(row)} from {name(row['source'])}, {name(row['quant'])}"


def _both_ways(readings: Readings) -> list[Chart]:
    found = readings.rows("rent_or_buy", workload=DRAWN_WORKLOAD, top=DRAWN_MODELS)
    if not found:
        return []
    drawn = [row | {"way": "API" if row["kind"] == "api" else "rented"} for row in found]
    says = f"Workload {DRAWN_WORKLOAD}: the cheapest rented machine and the cheapest API of the same model, with bands"
    return [Chart("rent-or-buy", says, charts.rent_or_buy(drawn))]


# --- what is new -----------------------------------------------------------------------------------------------------

NEW = (
    Column("name", lambda row: name(row["name"])),
    Column("at", lambda row: name(row["sources"])),
    Column("lowest price seen", lambda row: usd(row["usd"]), True),
    Column("first seen", lambda row: short_moment(row["since_at"])),
)
SPELLINGS = (
    Column("what", lambda row: name(row["kind"].removeprefix("unknown "))),
    *(column for column in NEW if not column.figures),
)


def newcomers(readings: Readings) -> Section:
    """GPUs and models seen for the first time, and names nobody knows."""
    found = readings.rows("new", **readings.both)
    gpus_, models_ = ([row for row in found if row["kind"] == kind] for kind in ("gpu", "model"))
    unknown = [row for row in found if row["kind"].startswith("unknown")]
    prose = [
        f"On offer for the first time in this history: {plural(len(gpus_), 'GPU')} and "
        f"{plural(len(models_), 'model')}. Names that nobody knows yet, seen for the first time: {len(unknown)}; what "
        "carries such a name is on no board."
    ]
    tables = [
        table(caption, columns, rows[: 2 * LISTED])
        for caption, columns, rows in (
            ("New GPUs (USD per GPU-hour)", NEW, gpus_),
            ("New models at APIs (USD per 1M output tokens)", NEW, models_),
            ("New names nobody knows yet", SPELLINGS, unknown),
        )
        if rows
    ]
    return Section("New GPUs and models", prose, tables)


# --- break-even ------------------------------------------------------------------------------------------------------

LOADS = (
    Column("workload", lambda row: name(row["workload"])),
    Column("model", lambda row: name(row["model"])),
    Column("rented", lambda row: name(machine(row), row["source"])),
    Column("API", lambda row: name(row["provider"])),
    Column("from load", lambda row: _load(row["new_load"]), True),
    Column("before", lambda row: _load(row["old_load"]), True),
    Column("change", lambda row: change(row["factor"]), True),
)


def break_even(readings: Readings) -> Section:
    """From which load renting wins, against the run before."""
    found = readings.rows("break_even", **readings.both)
    moved = [row for row in found if abs(log(row["factor"])) > UNMOVED]
    sooner = sum(row["factor"] < 1 for row in moved)
    prose = [
        f"For {plural(len(found), 'pair')} of workload and model the cheapest trusted machine and the cheapest API "
        f"host are known in both runs. The load from which renting pays fell for {sooner} of them and rose for "
        f"{len(moved) - sooner}. {_crossings(found)}",
        "The load here is the price at the board's utilisation, times that utilisation, over the API's price; traffic "
        "that costs extra is counted as if it did not shrink with the load. The break-even board works it out in full.",
    ]
    shown = _one_per_model([row for row in moved if min(row["old_load"], row["new_load"]) <= 1])[:LISTED]
    if not shown:
        return Section("Break-even shifts", prose)
    drawn = [row | {"what": f"{name(row['workload'])}, {name(row['model'])}"} for row in shown]
    says = "Load from which renting is cheaper than the cheapest API host; right of the dashed line it never is"
    return Section(
        "Break-even shifts",
        prose,
        [table("The largest shifts of the load from which renting pays, one per model", LOADS, shown)],
        [Chart("break-even", says, charts.loads(drawn))],
    )


def _crossings(rows: Sequence[Row]) -> str:
    won = [row for row in rows if row["crossed"] and row["new_load"] <= 1]
    lost = [row for row in rows if row["crossed"] and row["new_load"] > 1]
    if not won and not lost:
        return "None of them crossed full load, where renting begins to pay at all."
    return f"It began to pay at all for {len(won)}{_pairs(won)} and ceased to for {len(lost)}{_pairs(lost)}."


def _pairs(rows: Sequence[Row]) -> str:
    named = first_words([f"{name(row['workload'])} with {name(row['model'])}" for row in rows], 3)
    return f" ({named})" if rows else ""


def _one_per_model(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The first row of each model: one machine that got cheaper moves every workload of a model."""
    seen: dict[str, dict[str, Any]] = {}
    for row in rows:
        seen.setdefault(row["model"], dict(row))
    return list(seen.values())


def _load(load: float) -> str:
    return "never" if load > 1 else share(load)


# --- movers ----------------------------------------------------------------------------------------------------------

MOVES = (
    Column("what", lambda row: _what(row)),
    Column("at", lambda row: name(row["provider"] or row["source"])),
    Column("board", lambda row: name(row["board"] or "api")),
    Column("now", lambda row: usd(row["new_usd"]), True),
    Column("before", lambda row: usd(row["old_usd"]), True),
    Column("change", lambda row: change(row["factor"]), True),
    Column("since", lambda row: short_moment(row["since_at"])),
)


def movers(readings: Readings) -> Section:
    """What moved most over a day, a week and a month."""
    prose, tables, drawn = [], [], []
    for hours, length in WINDOWS.items():
        found = readings.rows("movers", window_hours=hours, top=LISTED // 2)
        if not found:
            short = readings.run["history_hours"] < hours
            prose.append(f"Over {length}: {'the history does not reach back so far' if short else 'nothing moved'}.")
            continue
        prose.append(f"Over {length}: {_counts(found)}.")
        tables.append(table(f"Movers over {length} (USD per GPU-hour, or per 1M tokens)", MOVES, found))
        if hours == 168:
            bars = [{"what": _what_and_where(row), "change": row["factor"] - 1} for row in found]
            drawn.append(Chart("movers", f"The largest moves over {length}", charts.moves(bars)))
    return Section("Movers", prose, tables, drawn)


def _counts(rows: Sequence[Row]) -> str:
    moves = {(row["kind"], row["factor"] < 1): row["n_moves"] for row in rows}
    words = []
    for kind, noun in (("gpu", "GPU configuration"), ("api", "API price")):
        down, up = moves.get((kind, True), 0), moves.get((kind, False), 0)
        if down or up:
            words.append(f"{plural(down, noun)} down and {up or 'none'} up")
    return "; ".join(words)


def _what(row: Row) -> str:
    if row["kind"] == "gpu":
        return machine(row)
    return name(row["model"] or row["model_name"], _charge(row))


def _what_and_where(row: Row) -> str:
    return f"{_what(row)}, {name(row['provider'] or row['source'], row['board'])}"


def _charge(row: Row) -> str:
    return name(row["component"].replace("_", " "), None if row["tier"] == "standard" else row["tier"])


# --- trust -----------------------------------------------------------------------------------------------------------

HELD = (
    Column("seller", lambda row: name(row["provider"])),
    Column("model", lambda row: name(row["model"] or row["price_key"])),
    Column("what", lambda row: name(row["component"].replace("_", " "))),
    Column("last good", lambda row: usd(row["old_usd_per_mtok"]), True),
    Column("read", lambda row: usd(row["new_usd_per_mtok"]), True),
    Column("verdict", lambda row: name(row["verdict"])),
    Column("why", lambda row: name((row["evidence"] or "").replace("_", " "))),
)
KINDS = {"gpu_offer": "GPU offer", "api_price": "API price", "response": "part of a page"}
SET_APART = (
    Column("source", lambda row: name(row["source"])),
    Column("what", lambda row: KINDS[row["kind"]]),
    Column("status", lambda row: name(row["status"].replace("_", " "))),
    Column("why", lambda row: name(row["reason"].replace("_", " "))),
    Column("rows", lambda row: count(row["n_rows"]), True),
)
FAULTS = (
    Column("source", lambda row: name(row["source"])),
    Column("runs", lambda row: count(row["n_runs"]), True),
    Column("failed", lambda row: count(row["n_failed"]), True),
    Column("in part", lambda row: count(row["n_partial"]), True),
    Column("last answer", lambda row: short_moment(row["last_success_at"])),
    Column("last fault", lambda row: name(row["error"])),
)


def held(readings: Readings) -> Section:
    """Prices that were not believed, and what the newest run set apart."""
    run_id = readings.run["run_id"]
    changes = readings.rows("held", **readings.both)
    (counts,) = readings.rows("set_apart_count", run_id=run_id)
    prose = [
        f"{sentence(plural(len(changes), 'API price'))} moved beyond belief. "
        f"The newest run believed {counts['n_believed']:,} offers and prices and set {counts['n_set_apart']:,} apart; "
        "the last good price stays on the boards while it is fresh enough."
    ]
    tables = [table("API prices held back or rejected", HELD, changes[: 2 * LISTED])] if changes else []
    if apart := readings.rows("set_apart", run_id=run_id):
        tables.append(table("Set apart in the newest run, by reason", SET_APART, apart[: 2 * LISTED]))
    return Section("What was held, and why", prose, tables)


def sources(readings: Readings) -> Section:
    """Sources that were not whole."""
    found = readings.rows("sources", **readings.both)
    if not found:
        return Section("Sources", ["Every source answered in full, every time."])
    failed = [name(row["source"]) for row in found if row["n_failed"]]
    prose = [f"{sentence(plural(len(found), 'source'))} did not answer in full every time."]
    if failed:
        prose.append(f"Without any answer at least once: {first_words(failed)}.")
    return Section("Sources", prose, [table("Sources that were not whole in every run", FAULTS, found)])


def readings_of(connection: duckdb.DuckDBPyConnection, made_at: datetime) -> Readings | None:
    """What the report is made of; None where no run has boards."""
    found = answer(connection, "report_runs")
    return Readings(connection, found[0], made_at.astimezone(UTC)) if found else None
