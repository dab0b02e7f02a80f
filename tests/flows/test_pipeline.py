"""One run after another on a market of loopback servers, from the first request to what an analyst opens."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from flows import pipeline
from flows.progress import Silent
from flows.settings import BadSetting, Settings
from scrapers.registry import SOURCES
from tests.flows.market import Clock, market, refresh
from tests.loopback.server import Answer, Ask, Routes
from tests.loopback.sites import routes
from warehouse.published import open_published
from warehouse.reference import tables as reference_tables
from warehouse.store import Warehouse

FIRST = datetime(2026, 7, 20, 6, tzinfo=UTC)
SECOND = FIRST + timedelta(days=1)
RECORDED = routes(None, date(2026, 8, 21))
FEW = {name: RECORDED[name] for name in ("vultr", "runpod", "openai", "openrouter")}


def ask(published: Path, sql: str) -> list[tuple[object, ...]]:
    with open_published(published) as connection:
        return connection.execute(sql).fetchall()


@contextmanager
def only(*models: str, workloads: Sequence[str] | None = None) -> Iterator[None]:
    """A world of a few models (and workloads): the same stages in a fraction of the time."""
    whole = reference_tables()
    served = whole["models"].with_columns(serve_quants=pl.when(pl.col("model").is_in(models)).then("serve_quants"))
    asked = whole["workloads"].filter(pl.col("workload").is_in(workloads or whole["workloads"]["workload"].to_list()))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(pipeline, "reference_tables", lambda: {**whole, "models": served, "workloads": asked})
        yield


@pytest.fixture
def few_models() -> Iterator[None]:
    with only("llama-3.3-70b", "gpt-oss-20b", workloads=["chat", "batch"]):
        yield


def contents(warehouse: Warehouse) -> dict[str, list[tuple[object, ...]]]:
    """Every row of core and marts, in an order of its own: what a replay must reproduce."""
    tables = warehouse.connection.execute(
        "select schema_name || '.' || table_name from duckdb_tables() where schema_name in ('core', 'marts')"
    ).fetchall()
    # finished_at is when somebody ran it, not what the run says.
    return {
        table: sorted(warehouse.connection.execute(f"select * from {table}").fetchall(), key=repr)
        for (table,) in tables
        if table != "core.runs"
    }


# --- the real books --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TwoDays:
    settings: Settings
    reports: tuple[pipeline.RunReport, pipeline.RunReport]


@pytest.fixture(scope="module")
def two_days(captures: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoDays]:
    """Two runs a day apart on the real responses: the whole Vast.ai book of each day, every page at its real path."""
    home = tmp_path_factory.mktemp("two-days")
    reports = []
    with only("llama-3.3-70b", "llama-3.1-8b", "gpt-oss-120b", "deepseek-v3.2"):
        for moment in (FIRST, SECOND):
            with market(home, routes(captures, moment.date())) as settings:
                reports.append(refresh(settings, moment))
        yield TwoDays(settings, (reports[0], reports[1]))


def offers_of(captures: Path, day: date) -> set[tuple[str, str]]:
    book = pl.read_ndjson(captures / "gpu" / "vast" / f"{day}.jsonl.gz")
    kinds = {"on-demand": "on_demand", "bid": "spot_floor"}
    return {(kinds[rental], str(offer)) for rental, offer in book.select("rental_type", "id").iter_rows()}


@pytest.mark.captures
def test_every_offer_of_the_book_is_stored_each_day(captures: Path, two_days: TwoDays) -> None:
    for report, moment in zip(two_days.reports, (FIRST, SECOND), strict=True):
        assert [source.source for source in report.broken] == []
        stored = ask(
            two_days.settings.published,
            f"select price_kind, offer_id from core.gpu_offers where source = 'vast' and run_id = '{report.run_id}'",
        )
        assert len(stored) == len(set(stored))
        assert set(stored) == offers_of(captures, moment.date())


@pytest.mark.captures
def test_boards_are_ranked_and_dated(two_days: TwoDays) -> None:
    boards = ask(
        two_days.settings.published,
        """select board, count(place), min(place), count(distinct workload), max(provenance), max(observed_at)::date
           from marts.leaderboard where place is not null group by board""",
    )
    assert {board for board, *_ in boards} == {"trusted", "community", "interruptible", "api", "combined"}
    for board, ranked, first, workloads, provenance, newest in boards:
        assert ranked and first == 1, board
        assert workloads == (2 if board == "interruptible" else 9)
        assert (provenance, newest) == ("live", SECOND.date())


@pytest.mark.captures
def test_a_second_day_adds_history_and_keeps_the_first(two_days: TwoDays) -> None:
    runs = ask(two_days.settings.published, "select run_id, count(*) from core.gpu_offers group by 1 order by 1")
    assert [run for run, _ in runs] == [report.run_id for report in two_days.reports]
    history = ask(two_days.settings.published, "select count(distinct run_id) from marts.gpu_price_history")
    assert history == [(2,)]


@pytest.mark.captures
def test_replay_reproduces_core_and_marts_exactly(two_days: TwoDays) -> None:
    with Warehouse.open(two_days.settings.warehouse) as warehouse:
        before = contents(warehouse)
        read, changed = pipeline.replay(warehouse, None, SOURCES, two_days.settings, Silent())
        after = contents(warehouse)
    assert (read, changed) == (2, 0)
    assert before.keys() == after.keys()
    for table in before:
        assert before[table] == after[table], table


@pytest.mark.captures
def test_a_40_gb_a100_is_never_an_80_gb_one(two_days: TwoDays) -> None:
    found = ask(
        two_days.settings.published,
        """select gpu, min(memory_gib), max(memory_gib) from core.gpu_offers
           where source = 'vast' and gpu like 'a100%' group by gpu""",
    )
    assert {gpu for gpu, *_ in found} == {"a100-sxm-40gb", "a100-sxm-80gb", "a100-pcie-40gb", "a100-pcie-80gb"}
    for gpu, least, most in found:
        nominal = 80 if str(gpu).endswith("-80gb") else 40
        assert 0.93 * nominal <= float(str(least)) <= float(str(most)) <= nominal, gpu


@pytest.mark.captures
@pytest.mark.usefixtures("few_models")
def test_eight_daily_books_give_persistence_survival_and_moves_that_prices_explain(
    captures: Path, tmp_path: Path
) -> None:
    days = [FIRST + timedelta(days=day) for day in range(8)]
    for day in days:
        with market(tmp_path, {"vast": routes(captures, day.date())["vast"]}) as settings:
            assert not refresh(settings, day, "vast").broken
    ((snapshots, survival, share_survived),) = ask(
        settings.published,
        """select max(snapshots), count(survival_6h), avg(survival_6h) from marts.gpu_prices
           where source = 'vast' and board = 'trusted' and exclusion_reason is null""",
    )
    assert snapshots == len(days)
    assert survival and 0.5 < float(str(share_survived)) < 1
    # A configuration whose own price did not move keeps its place unless another's price did.
    changed = ask(
        settings.published,
        """with places as (
               select run_id, workload, model, quant, gpu, gpu_count, place, usd_per_mtok,
                   lag(usd_per_mtok) over way as before, lag(place) over way as place_before
               from marts.leaderboard_history
               where board = 'trusted' and kind = 'self_hosted'
               window way as (partition by workload, model, quant, source, gpu, gpu_count order by run_id)
           )
           select run_id, workload, model, bool_or(usd_per_mtok is distinct from before)
           from places where place is distinct from place_before group by all""",
    )
    assert changed and all(moved for *_, moved in changed)
    # Trusted means verified: the cheapest RTX 4090 of strangers never sets its price.
    prices = ask(
        settings.published,
        """select board, median(usd_per_gpu_hour) from marts.gpu_price_history
           where gpu = 'rtx-4090-24gb' and source = 'vast' and board in ('trusted', 'community') group by board""",
    )
    assert {board for board, _ in prices} == {"trusted", "community"}
    by_board = {str(board): float(str(price)) for board, price in prices}
    assert 0.27 < by_board["trusted"] < 0.55 and by_board["community"] < by_board["trusted"]


# --- faults ----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("few_models")
def test_a_broken_source_is_named_and_the_rest_is_published(tmp_path: Path) -> None:
    with market(tmp_path, FEW) as settings:
        assert not refresh(settings, FIRST, *FEW).broken
    without_vultr = {name: served for name, served in FEW.items() if name != "vultr"}
    with market(tmp_path, without_vultr) as settings:
        report = refresh(settings, FIRST + timedelta(hours=6), *FEW)
    (broken,) = report.broken
    assert broken.source == "vultr"
    assert "404" in str(broken.error)
    assert report.published is not None
    ages = ask(
        settings.published,
        """select source, round(max(age_hours)) from marts.gpu_prices where exclusion_reason is null
           group by source order by source""",
    )
    assert ages == [("runpod", 0.0), ("vultr", 6.0)]
    health = ask(settings.published, "select outcome, error from marts.source_health where source = 'vultr'")
    assert health[0][0] == "failed"


@pytest.mark.usefixtures("few_models")
def test_nothing_answered_leaves_the_published_file_as_it_is(tmp_path: Path) -> None:
    with market(tmp_path, FEW) as settings:
        refresh(settings, FIRST, *FEW)
        before = settings.published.read_bytes()
    with market(tmp_path, {}) as settings:
        report = refresh(settings, FIRST + timedelta(hours=6), *FEW)
    assert report.published is None
    assert {source.outcome for source in report.sources} == {"failed"}
    assert settings.published.read_bytes() == before


@pytest.mark.usefixtures("few_models")
def test_an_analyst_who_reads_through_a_refresh_keeps_the_old_data(tmp_path: Path) -> None:
    with market(tmp_path, FEW) as settings:
        first = refresh(settings, FIRST, *FEW)
        with duckdb.connect(settings.published, read_only=True) as analyst:
            newest = "select max(run_id) from core.runs"
            assert analyst.execute(newest).fetchall() == [(first.run_id,)]
            second = refresh(settings, FIRST + timedelta(hours=6), *FEW)
            assert analyst.execute(newest).fetchall() == [(first.run_id,)]
        assert ask(settings.published, newest) == [(second.run_id,)]


@pytest.mark.usefixtures("few_models")
def test_a_page_that_is_no_longer_the_page_costs_its_source_alone(tmp_path: Path) -> None:
    renamed: Routes = {"/*": lambda asked: Answer(json.dumps({"plans_v3": []}).encode())}
    with market(tmp_path, {**FEW, "vultr": renamed}) as settings:
        report = refresh(settings, FIRST, *FEW)
    (broken,) = report.broken
    assert broken.source == "vultr" and broken.records == 0
    assert "plans" in str(broken.error)
    assert report.published is not None


@pytest.mark.usefixtures("few_models")
def test_a_page_that_did_not_change_is_asked_for_only_if_it_did(tmp_path: Path) -> None:
    """The second run reads the stored body again, dated now, and the site sent it once."""
    asked_with: list[str | None] = []

    def page(ask: Ask) -> Answer:
        asked_with.append(ask.headers.get("if-none-match"))
        whole = RECORDED["anthropic"][ask.path](ask)
        return Answer(b"", 304) if asked_with[-1] == '"v1"' else replace(whole, headers={"etag": '"v1"'})

    (path,) = RECORDED["anthropic"]
    with market(tmp_path, {"anthropic": {path: page}}) as settings:
        for moment in (FIRST, FIRST + timedelta(hours=6)):
            assert not refresh(settings, moment, "anthropic").broken
    assert asked_with == [None, '"v1"']
    rows = ask(settings.published, "select count(*), count(distinct observed_at) from core.api_prices group by run_id")
    assert len(rows) == 2 and rows[0] == rows[1]


# --- recorded responses ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    settings = Settings(home=tmp_path_factory.mktemp("recorded"))
    report = pipeline.refresh_recorded(settings, SOURCES, Silent(), Clock(datetime.now(UTC)))
    assert report.provenance == "recorded"
    assert not report.broken
    yield settings


def test_a_run_says_when_it_began_and_ended_and_of_which_moment_it_speaks(recorded: Settings) -> None:
    ((started, finished, as_of),) = ask(
        recorded.recorded().published, "select started_at, finished_at, as_of from core.runs"
    )
    assert isinstance(started, datetime) and isinstance(finished, datetime) and isinstance(as_of, datetime)
    assert as_of.date() == date(2026, 8, 21) < started.date()
    assert started < finished


def test_recorded_responses_say_so_in_every_row_and_lie_apart(recorded: Settings) -> None:
    published = recorded.recorded().published
    assert not recorded.published.exists()
    for table in ("core.gpu_offers", "core.api_prices", "marts.gpu_prices", "marts.leaderboard", "marts.break_even"):
        assert ask(published, f"select distinct provenance from {table}") == [("recorded",)], table


def test_the_ten_gb_slice_is_no_a100_and_hosts_no_70b(recorded: Settings) -> None:
    published = recorded.recorded().published
    slices = ask(
        published,
        """select gpu_count, memory_gib, is_slice from core.gpu_offers
           where source = 'vultr' and usd_per_hour between 0.341 and 0.343""",
    )
    assert slices and {is_slice for *_, is_slice in slices} == {True}
    assert {(gpu_count, memory) for gpu_count, memory, _ in slices} == {(0.125, 10.0)}
    cheapest = ask(
        published, "select min(usd_per_gpu_hour) from marts.gpu_prices where gpu like 'a100%80gb' and board = 'trusted'"
    )
    assert float(str(cheapest[0][0])) > 0.5
    hosted = ask(
        published,
        "select count(*) from marts.leaderboard where source = 'vultr' and model like '%70b%' and usd_per_hour < 0.5",
    )
    assert hosted == [(0,)]


# --- what is asked ---------------------------------------------------------------------------------------------------


def test_an_unknown_source_is_an_error_that_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="no source 'vastt'; there is vast, vultr"):
        pipeline.asked(SOURCES, Settings(tmp_path), ["vastt"])


def test_a_keyed_source_is_absent_without_its_key_and_asking_for_it_says_which(tmp_path: Path) -> None:
    keyed = {source.name: source.key for source in SOURCES if source.key_required}
    assert keyed
    assert not {source.name for source in pipeline.asked(SOURCES, Settings(tmp_path))} & keyed.keys()
    name, variable = next(iter(keyed.items()))
    with pytest.raises(BadSetting, match=f"set {variable}"):
        pipeline.asked(SOURCES, Settings(tmp_path), [name])
    with_key = Settings(tmp_path, keys={name: "secret"})
    assert name in {source.name for source in pipeline.asked(SOURCES, with_key)}
