"""One run, its sources asked by several Prefect workers that store in one lake."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import duckdb
import httpx
import pytest

from flows import settings
from flows.settings import BadSetting
from flows.stages import raw
from scrapers.registry import SOURCES
from tests.conftest import ROOT
from tests.flows.conftest import PrefectServer
from tests.flows.test_refresh import run
from tests.loopback.server import Answer, Ask, Handler, Routes, Site
from tests.loopback.sites import routes
from tests.warehouse.lakes import running_lakes
from warehouse.lake import Lake
from warehouse.store import Warehouse

AT = datetime(2026, 11, 25, 6, tzinfo=UTC)
ASKED = ["vast", "openai", "vultr", "deepseek"]
"""Dealt to two shards: vast and vultr, openai and deepseek."""
SLOW = "deepseek"
DEADLINE_S = 240.0


@pytest.fixture(scope="module")
def lake() -> Iterator[Lake]:
    with running_lakes() as lakes:
        yield lakes.empty()


@pytest.fixture(scope="module")
def deployed(prefect_server: PrefectServer) -> PrefectServer:
    """A server that knows the pool and the deployment of the shards."""
    for command in (
        ["work-pool", "create", "local", "--type", "process", "--overwrite"],
        ["--no-prompt", "deploy", "--name", "shard"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "prefect", *command],
            env={**os.environ, "PREFECT_API_URL": prefect_server.url},
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    return prefect_server


@pytest.fixture
def settled_in_the_lake(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What each worker's environment says."""
    monkeypatch.setenv("PERTOKEN_HOME", str(tmp_path))
    monkeypatch.setenv("PERTOKEN_WAREHOUSE", f"ducklake:postgres:{lake.catalog}")
    monkeypatch.setenv("PERTOKEN_LAKE_FILES", lake.files)


class Halting:
    """The routes of a site that keeps its first visitor waiting until it is told to go on."""

    def __init__(self, served: Routes) -> None:
        self.routes = {path: self._behind(handler) for path, handler in served.items()}
        self.is_asked, self.may_go_on = threading.Event(), threading.Event()

    def _behind(self, handler: Handler) -> Handler:
        def answer(ask: Ask) -> Answer:
            if not self.is_asked.is_set():
                self.is_asked.set()
                self.may_go_on.wait(DEADLINE_S)
            return handler(ask)

        return answer


@pytest.mark.server
@pytest.mark.usefixtures("settled_in_the_lake")
def test_a_worker_killed_in_mid_shard_costs_the_run_nothing(
    deployed: PrefectServer, lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = routes(None, date.max)
    halting = Halting(recorded[SLOW])
    with ExitStack() as running:
        for name in ASKED:
            site = running.enter_context(Site(halting.routes if name == SLOW else recorded[name]))
            monkeypatch.setenv(f"PERTOKEN_ORIGIN_{name.upper()}", site.origin)
            monkeypatch.setenv(f"PERTOKEN_PACE_{name.upper()}", "60000")
        workers = [running.enter_context(_worker(deployed.url, tmp_path / name)) for name in ("one", "two")]
        killing = running.enter_context(ThreadPoolExecutor(1)).submit(_kill_who_asks, deployed, SLOW, halting, workers)
        state = run(source_names=ASKED, shards=2)
        killing.result(DEADLINE_S)

    assert (state.name, state.message) == ("Completed", "4 of 4 sources whole")
    with Warehouse.open(lake) as warehouse:
        ((run_id,),) = warehouse.runs().select("run_id").rows()
        assert sorted(warehouse.fetches(run_id)["source"]) == sorted(ASKED)
        for name in ASKED:
            captures = warehouse.captures(run_id, name)
            assert captures and len({(raw.method, raw.url, raw.request_json) for raw in captures}) == len(captures)
        offers = warehouse.rows("core.gpu_offers", run_id)
    assert offers.height and not offers.select("source", "price_kind", "offer_id").is_duplicated().any()
    with duckdb.connect(str(tmp_path / "prices.duckdb"), read_only=True) as published:
        listed = published.execute("select distinct source from core.api_prices order by 1").fetchall()
        assert listed == [("deepseek",), ("openai",)]
        assert published.execute("select count(*) from core.gpu_offers").fetchall() == [(offers.height,)]
    names = [one["name"] for one in deployed.ask("POST", "/task_runs/filter", {}).json()]
    assert {"shard 1", "shard 2"} <= set(names)


@contextmanager
def _worker(server: str, home: Path) -> Iterator[subprocess.Popen[bytes]]:
    home.mkdir()
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "local", "--name", home.name]
    with (home / "log").open("wb") as log:
        worker = subprocess.Popen(
            command, env={**os.environ, "PREFECT_API_URL": server}, cwd=home, stdout=log, stderr=log
        )
        try:
            yield worker
        finally:
            worker.kill()
            worker.wait()


def _kill_who_asks(
    server: PrefectServer, source: str, halting: Halting, workers: list[subprocess.Popen[bytes]]
) -> None:
    """Once a source is asked, kill the worker that does, and the process of its shard.

    Then says of the shard what flows/automation.json says after 400 s of silence; tests have no time to wait for it.
    """
    assert halting.is_asked.wait(DEADLINE_S), "no worker took the shard"
    running = {"flow_runs": {"state": {"type": {"any_": ["RUNNING"]}}}, "flows": {"name": {"any_": ["scrape"]}}}
    try:
        (shard,) = (
            one
            for one in server.ask("POST", "/flow_runs/filter", running).json()
            if source in one["parameters"]["source_names"]
        )
        process = int(shard["infrastructure_pid"].split(":")[-1])
        (worker,) = (worker for worker in workers if worker.pid in _ancestors(process))
        for pid in (worker.pid, process):
            os.kill(pid, signal.SIGKILL)
        worker.wait()
        crashed = {"state": {"type": "CRASHED", "message": "its process died without a word"}, "force": True}
        server.ask("POST", f"/flow_runs/{shard['id']}/set_state", crashed)
    finally:
        halting.may_go_on.set()


def _ancestors(pid: int) -> list[int]:
    found = []
    while pid > 1:
        pid = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
        found.append(pid)
    return found


@pytest.mark.server
@pytest.mark.usefixtures("deployed", "settled_in_the_lake")
def test_shards_that_nobody_takes_are_named() -> None:
    state = run(source_names=["openai", "vultr"], shards=2, shard_minutes=0.02)

    assert state.type.value == "FAILED", "nothing answered"
    assert "0 of 2 sources whole" in state.message
    assert "openai failed (openai: no worker asked it: shard 1 was" in state.message, state.message


async def test_a_server_that_stumbles_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    from prefect.states import Completed, Running

    from flows import scrape

    answers: list[Any] = [Running(), httpx.ReadTimeout("busy"), Running(), Completed()]

    class Client:
        async def read_flow_run(self, shard: UUID) -> SimpleNamespace:
            answer = answers.pop(0)
            if isinstance(answer, httpx.HTTPError):
                raise answer
            return SimpleNamespace(state=answer)

    monkeypatch.setattr(scrape, "POLL_S", 0)
    client: Any = Client()
    assert (await scrape._last_state(client, UUID(int=0), 1)).is_completed() and not answers
    answers[:] = [Running()] * 1000
    monkeypatch.setattr(scrape, "POLL_S", 0.05)
    assert (await scrape._last_state(client, UUID(int=0), 0.002)).is_running()


def test_what_was_stored_once_is_not_stored_again(lake: Lake) -> None:
    (openai,) = (source for source in SOURCES if source.name == "openai")
    with Warehouse.open(lake) as warehouse:
        run_id = raw.start(warehouse, AT, "live")
        for why in ("first", "second"):
            raw.keep(warehouse, run_id, raw.unfetched(openai, "not_asked", why), AT)
        assert not raw.unanswered(warehouse, run_id, [openai])
        assert warehouse.fetches(run_id)["error"].str.contains("first").to_list() == [True]


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
