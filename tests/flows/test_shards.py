"""One run, its sources asked and stored by several workers at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows import pipeline, settings
from flows.progress import Silent
from flows.settings import BadSetting, Settings
from scrapers.registry import SOURCES
from tests.flows.market import Clock, market
from tests.warehouse.lakes import running_lakes
from warehouse.lake import Lake
from warehouse.store import Warehouse

AT = datetime(2026, 11, 25, 6, tzinfo=UTC)
SHARDS = (["openai", "anthropic"], ["vultr", "deepseek"])


@pytest.fixture
def lake() -> Iterator[Lake]:
    with running_lakes() as lakes:
        yield lakes.empty()


def scrape(current: Settings, names: list[str], run_id: str) -> None:
    sources = pipeline.asked(SOURCES, current, names)
    asyncio.run(pipeline.scrape(current, sources, run_id, Silent(), Clock(AT)))


def test_shards_of_a_run_are_stored_at_once_and_once(tmp_path: Path, lake: Lake) -> None:
    with market(tmp_path, {}) as asked:
        current = replace(asked, lake=lake)
        with Warehouse.open(lake) as warehouse:
            run_id = pipeline.start(warehouse, AT, "live")
        with ThreadPoolExecutor(2) as workers:
            list(workers.map(lambda names: scrape(current, names, run_id), SHARDS))
        scrape(current, SHARDS[0], run_id)
    with Warehouse.open(lake) as warehouse:
        stored = sorted(warehouse.fetches(run_id)["source"])
    assert stored == sorted(name for names in SHARDS for name in names)


def test_the_private_file_has_no_room_for_two_writers(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="set PERTOKEN_WAREHOUSE"):
        scrape(Settings(home=tmp_path), ["openai"], "run")


def test_a_lake_is_chosen_in_the_environment_and_its_password_not_shown(tmp_path: Path) -> None:
    catalog = "dbname=prices password=hunter2"
    home = {"PERTOKEN_HOME": str(tmp_path)}
    chosen = settings.read(SOURCES, {**home, "PERTOKEN_WAREHOUSE": f"ducklake:postgres:{catalog}"})
    assert chosen.store == Lake(catalog, str(tmp_path / "lake"))
    assert chosen.recorded().store == tmp_path / "recorded" / "warehouse.duckdb"
    assert "hunter2" not in repr(chosen)
    with pytest.raises(BadSetting, match="PERTOKEN_WAREHOUSE takes") as refused:
        settings.read(SOURCES, {"PERTOKEN_WAREHOUSE": f"postgres:{catalog}"})
    assert "hunter2" not in str(refused.value)
