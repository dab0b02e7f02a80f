"""Eight real days give a site with real trends, whose every number is what the published file says.

The numbers are asked of other tables than the site asks, or worked out anew from the days' own files.
"""

from __future__ import annotations

import gzip
import json
import re
import statistics
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.flows import eight_days
from tests.flows.eight_days import DAYS
from tests.loopback.openrouter_log import in_force
from tests.warehouse.test_queries import BLOCKS
from warehouse.export import site as site_module
from warehouse.export.site import site
from warehouse.published import open_published
from warehouse.reference import tables

pytestmark = pytest.mark.captures

SIX_FIGURES = 1e-5


@pytest.fixture(scope="module")
def published(captures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models are served on rented machines, for two workloads; prices are read of every model."""
    whole = tables()
    served = pl.col("model").is_in(["llama-3.3-70b", "llama-3.1-8b"])
    few = {
        **whole,
        "models": whole["models"].with_columns(serve_quants=pl.when(served).then("serve_quants")),
        "workloads": whole["workloads"].filter(pl.col("workload").is_in(["chat", "batch"])),
    }
    return eight_days.published(captures, tmp_path_factory.mktemp("eight-days"), few)


@pytest.fixture(scope="module")
def figures(published: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, pl.DataFrame]:
    """Every table of every file of figures, as the page unpacks it: "gpu-h100-sxm-80gb/gpu_price_history"."""
    folder = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(site_module, "_vega", lambda: b"")
        site(published, folder)
    found = {}
    for path in folder.glob("assets/*.js"):
        handed = re.match(r'pertoken\.receive\("[^"]+",(\{"\w+":\{"rows":.*\})\);', path.read_text("utf-8"))
        for name, table in json.loads(handed[1]).items() if handed else ():
            found[f"{path.name.rsplit('.', 2)[0]}/{name}"] = _unpacked(table)
    return found


def _unpacked(table: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame({name: _values(column, table["rows"]) for name, column in table["columns"].items()})


def _values(column: Any, rows: int) -> list[Any]:
    if isinstance(column, list):
        return column
    return [None if at is None else column["words"][at] for at in column["at"]] or [None] * rows


def asked(published: Path, sql: str, *values: object) -> pl.DataFrame:
    with open_published(published) as connection:
        return connection.execute(sql, list(values) or None).pl()


def same(left: pl.DataFrame, right: pl.DataFrame, keys: list[str], *columns: str) -> None:
    """The rows of both, by their keys, hold the same numbers to the six figures that a page has."""
    assert left.height == right.height > 0
    both = left.join(right, on=keys, how="inner", suffix="_asked", validate="1:1", nulls_equal=True)
    assert both.height == left.height
    for column in columns:
        off = (both[column] / both[f"{column}_asked"] - 1).abs()
        assert both[column].null_count() == both[f"{column}_asked"].null_count()
        assert (off.drop_nulls().drop_nans() < SIX_FIGURES).all(), column


# --- from the days' own files to the history -------------------------------------------------------------------------


def machines(captures: Path, day: date) -> list[float]:
    """What each trusted machine with one whole RTX 4090 costs an hour at its cheapest, in order, from the raw book."""
    cheapest: dict[int, float] = {}
    with gzip.open(captures / "gpu" / "vast" / f"{day}.jsonl.gz", "rt") as lines:
        for row in map(json.loads, lines):
            trusted = row["verification"] == "verified" and row["reliability2"] >= 0.95
            whole = row["gpu_name"] == "RTX 4090" and row["num_gpus"] == 1 and 22_000 < row["gpu_ram"] < 26_000
            if row["rental_type"] == "on-demand" and trusted and whole:
                machine = row["machine_id"]
                cheapest[machine] = min(row["dph_base"], cheapest.get(machine, float("inf")))
    return sorted(cheapest.values())


def test_percentiles_are_those_worked_out_by_hand(captures: Path, published: Path) -> None:
    history = asked(
        published,
        """
        select usd_per_hour_min, usd_per_hour_p10, usd_per_hour_p25, usd_per_hour_p50, n_machines
        from marts.gpu_price_history
        where gpu = 'rtx-4090-24gb' and source = 'vast' and board = 'trusted' and gpu_count = 1
        order by as_of
        """,
    ).rows()
    by_hand = []
    for moment in DAYS:
        usd = machines(captures, moment.date())
        tenth, quarter = usd[(len(usd) + 8) // 10], usd[(len(usd) + 2) // 4]
        by_hand.append((usd[0], tenth, quarter, statistics.median(usd), len(usd)))
    assert len(by_hand) == 8
    assert history == [pytest.approx(day, rel=1e-9) for day in by_hand]


def test_api_prices_over_time_are_those_of_the_log(captures: Path, figures: dict[str, pl.DataFrame]) -> None:
    history = figures["api-llama-3.3-70b/api_price_history"].filter(component="output", endpoint="makora")
    logged = []
    for moment in DAYS:
        rows = [r for r in in_force(captures, moment) if r["tag"] == "makora" and "llama-3.3-70b" in r["model_id"]]
        logged.append(float(rows[0]["completion_usd_per_mtok"]))
    drawn = history.sort("observed_at")["usd_per_mtok"].to_list()
    assert drawn == [usd for at, usd in enumerate(logged) if at == 0 or usd != logged[at - 1]] == [0.4, 0.3825]


EXAMPLES = {"host-a": "makora", "2026-11-15": "2026-07-25", "2026-12-01": "2026-07-25"}
"""What the documented queries name, and what is there to be named."""


@pytest.mark.parametrize("sql", [pytest.param(sql, id=title) for title, beyond, sql in BLOCKS if not beyond])
def test_a_documented_query_has_an_answer(published: Path, sql: str) -> None:
    for example, real in EXAMPLES.items():
        sql = sql.replace(example, real)
    assert asked(published, sql).height > 0


# --- from the published file to the page -----------------------------------------------------------------------------


@pytest.mark.parametrize("workload", ["chat", "batch"])
def test_every_rented_row_costs_what_its_board_says(
    published: Path, figures: dict[str, pl.DataFrame], workload: str
) -> None:
    """By the formulae of the page, from the prices and speeds it was given."""
    prices = figures["prices/gpu_prices"].select(
        "board", "source", "gpu", "gpu_count", "usd_per_hour", "usd_per_hour_p50"
    )
    loads = figures["prices/workloads"].row(by_predicate=pl.col("workload") == workload, named=True)
    rented = figures[f"board-{workload}/rented"].join(
        prices, on=["board", "source", "gpu", "gpu_count"], how="left", validate="m:1"
    )
    served = pl.col("output_tokens_per_s") * 3600 / loads["osl_tokens"] * loads["default_utilization"]
    slow, fast = (pl.col(f"output_tokens_per_s_{end}") / pl.col("output_tokens_per_s") for end in ("low", "high"))
    hourly, dearest = (
        pl.col("usd_per_hour") + pl.col("storage_usd_per_hour"),
        pl.max_horizontal("usd_per_hour", "usd_per_hour_p50") + pl.col("storage_usd_per_hour"),
    )
    per_mtok = 1e6 / (loads["isl_tokens"] + loads["osl_tokens"])
    traffic = pl.col("traffic_usd_per_request")
    shown = rented.with_columns(
        usd_per_mtok=(hourly / served + traffic) * per_mtok,
        usd_per_mtok_low=(hourly / (served * fast) + traffic) * per_mtok,
        usd_per_mtok_high=(dearest / (served * slow) + traffic) * per_mtok,
    )
    board = asked(
        published,
        """
        select board, model, quant, source, gpu, gpu_count, usd_per_mtok, usd_per_mtok_low, usd_per_mtok_high
        from marts.leaderboard
        where workload = ? and kind = 'self_hosted' and board <> 'combined' and place is not null
        """,
        workload,
    )
    keys = ["board", "model", "quant", "source", "gpu", "gpu_count"]
    same(shown.select(board.columns), board, keys, "usd_per_mtok", "usd_per_mtok_low", "usd_per_mtok_high")


@pytest.mark.parametrize("workload", ["chat", "batch"])
def test_every_sold_row_costs_what_its_board_says(
    published: Path, figures: dict[str, pl.DataFrame], workload: str
) -> None:
    loads = figures["prices/workloads"].row(by_predicate=pl.col("workload") == workload, named=True)
    per_mtok = 1e6 / (loads["isl_tokens"] + loads["osl_tokens"])
    shown = figures[f"board-{workload}/bought"].with_columns(usd_per_mtok=pl.col("usd_per_request") * per_mtok)
    keys = ["model", "quant", "source", "provider", "endpoint", "tier"]
    board = asked(
        published,
        f"select {', '.join(keys)}, usd_per_mtok from marts.leaderboard "
        "where workload = ? and board = 'combined' and kind = 'api' and place is not null",
        workload,
    )
    same(shown.select(*keys, "usd_per_mtok"), board, keys, "usd_per_mtok")


def test_every_point_of_a_trend_is_a_reading(published: Path, figures: dict[str, pl.DataFrame]) -> None:
    drawn = pl.concat([table for name, table in figures.items() if name.endswith("/gpu_price_history")])
    history = asked(
        published,
        """
        select 'run' as step, gpu, board, source, gpu_count, epoch(as_of)::bigint as as_of, n_machines,
            usd_per_hour / gpu_count as usd_per_gpu_hour, usd_per_hour_p10 / gpu_count as usd_per_gpu_hour_p10,
            usd_per_hour_p50 / gpu_count as usd_per_gpu_hour_p50
        from marts.gpu_price_history
        """,
    )
    keys = ["step", "gpu", "board", "source", "gpu_count", "as_of"]
    same(drawn.select(history.columns), history, keys, *(name for name in history.columns if name not in keys))
    moved = drawn.filter(gpu="rtx-4090-24gb", board="trusted", source="vast", gpu_count=1)["usd_per_gpu_hour"]
    assert (moved.len(), moved.n_unique() > 2) == (8, True)


def test_a_table_has_one_row_per_key(published: Path) -> None:
    """And says so where a part of its key may be empty."""
    comments = asked(
        published,
        """
        select schema_name || '.' || table_name as name, description from data_dictionary
        where column_name is null and kind <> 'macro' and description not like '%Key: none%'
        """,
    ).rows()
    assert len(comments) > 30
    for name, comment in comments:
        key = re.search(r"Key: \(([^)]*)\)", comment)
        assert key, name
        columns = asked(published, f"select {key[1]} from {name}")
        assert columns.is_unique().all(), name
        assert "empty cells included" in comment or not sum(columns.null_count().row(0)), name


def test_movers_compare_the_two_runs_they_name(published: Path, figures: dict[str, pl.DataFrame]) -> None:
    movers = figures["movers/movers"]
    readings = asked(
        published,
        """
        select board, source, gpu, gpu_count, epoch(as_of)::bigint as as_of, as_of::date as day, usd_per_gpu_hour
        from marts.gpu_price_history where exclusion_reason is null
        """,
    )
    keys = ["board", "source", "gpu", "gpu_count"]
    newest = readings.filter(day=DAYS[-1].date()).select(*keys, new_usd="usd_per_gpu_hour")
    for hours, then in ((24, DAYS[-2]), (168, DAYS[0])):
        past = readings.filter(day=then.date()).select(*keys, old_usd="usd_per_gpu_hour")
        pairs = newest.join(past, on=keys, how="inner", validate="1:1").filter(pl.col("new_usd") != pl.col("old_usd"))
        shown = movers.filter(kind="gpu", window_hours=hours)
        same(shown.select(*keys, "new_usd", "old_usd"), pairs, keys, "new_usd", "old_usd")
    assert movers.filter(window_hours=720).is_empty()


def test_an_api_price_says_by_how_much_it_moved_and_since_when(
    published: Path, figures: dict[str, pl.DataFrame]
) -> None:
    moved = figures["movers/movers"].filter(
        kind="api", window_hours=168, provider="makora", model="llama-3.3-70b", component="output"
    )
    ((first,),) = asked(
        published,
        """
        select epoch(min(observed_at))::bigint from core.api_prices
        where provider = 'makora' and model = 'llama-3.3-70b' and component = 'output' and usd_per_mtok = 0.3825
        """,
    ).rows()
    assert moved.select("old_usd", "new_usd", "factor", "since_at").rows() == [(0.4, 0.3825, 0.95625, first)]
    assert datetime.fromtimestamp(first, UTC).date() == DAYS[2].date()
