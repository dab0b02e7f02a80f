"""The deployment of prefect.yaml, for real: a server, a worker, a schedule that fires, a file that is published."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import duckdb
import pytest

from tests.conftest import ROOT
from tests.flows.conftest import PrefectServer
from tests.loopback.server import Site
from tests.loopback.sites import routes

pytestmark = pytest.mark.server
DEADLINE_S = 180.0
EVERY_S = 10


@pytest.fixture
def environment(prefect_server: PrefectServer, tmp_path: Path) -> Iterator[dict[str, str]]:
    """What the operator of a worker sets, with every source's origin on the loopback interface."""
    with ExitStack() as sites:
        origins = {name: sites.enter_context(Site(served)).origin for name, served in routes(None, date.max).items()}
        yield {
            **os.environ,
            "PREFECT_API_URL": prefect_server.url,
            "PERTOKEN_HOME": str(tmp_path / "data"),
            "PERTOKEN_METRICS": str(tmp_path / "pertoken.prom"),
            **{f"PERTOKEN_ORIGIN_{name.upper()}": origin for name, origin in origins.items()},
            **{f"PERTOKEN_PACE_{name.upper()}": "60000" for name in origins},
        }


def test_a_scheduled_run_fires_and_publishes(
    prefect_server: PrefectServer, environment: Mapping[str, str], tmp_path: Path
) -> None:
    _prefect(environment, "work-pool", "create", "local", "--type", "process", "--overwrite")
    _prefect(environment, "automation", "create", "--from-file", "flows/automation.json")
    _prefect(environment, "--no-prompt", "deploy", "--all")
    deployment = prefect_server.ask("GET", "/deployments/name/refresh/six-hourly").json()
    (six_hourly,) = deployment["schedules"]
    assert six_hourly["schedule"] == {"cron": "0 */6 * * *", "timezone": "UTC", "day_or": True} and six_hourly["active"]

    with _worker(environment, tmp_path / "worker.log"), _every(prefect_server, deployment["id"], EVERY_S):
        run = _first_to_end(prefect_server, deployment["id"])

    assert run["auto_scheduled"]
    assert run["state"]["type"] == "COMPLETED", run["state"]["message"]
    assert run["state"]["name"] == "Completed", run["state"]["message"]
    with duckdb.connect(str(tmp_path / "data" / "prices.duckdb"), read_only=True) as published:
        query = "select distinct board, provenance from marts.leaderboard where place is not null"
        boards = set(published.execute(query).fetchall())
    assert boards >= {("trusted", "live"), ("api", "live"), ("combined", "live")}
    assert "pertoken_run_finished_timestamp_seconds" in (tmp_path / "pertoken.prom").read_text()


def _prefect(environment: Mapping[str, str], *arguments: str) -> None:
    """One command of docs/operations.md."""
    command = [sys.executable, "-m", "prefect", *arguments]
    done = subprocess.run(
        command, env=environment, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def _worker(environment: Mapping[str, str], log: Path) -> Iterator[None]:
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "local", "--name", "one"]
    with log.open("wb") as out:
        worker = subprocess.Popen(command, env=environment, cwd=log.parent, stdout=out, stderr=out)
        try:
            yield
        finally:
            worker.terminate()
            try:
                worker.wait(30)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()


@contextmanager
def _every(server: PrefectServer, deployment: str, seconds: int) -> Iterator[None]:
    """A second schedule that fires soon and starts at once; it goes away before the worker does."""
    soon = {"schedule": {"interval": seconds}, "active": True, "parameters": {"jitter_s": 0}}
    (made,) = server.ask("POST", f"/deployments/{deployment}/schedules", [soon]).json()
    try:
        yield
    finally:
        server.ask("DELETE", f"/deployments/{deployment}/schedules/{made['id']}")


def _first_to_end(server: PrefectServer, deployment: str) -> dict[str, Any]:
    """The first run of a deployment that is over and was not cancelled because another one was at work."""
    wanted = {
        "sort": "EXPECTED_START_TIME_ASC",
        "flow_runs": {
            "deployment_id": {"any_": [deployment]},
            "state": {"type": {"any_": ["COMPLETED", "FAILED", "CRASHED"]}},
        },
    }
    deadline = monotonic() + DEADLINE_S
    while monotonic() < deadline:
        ended: list[dict[str, Any]] = server.ask("POST", "/flow_runs/filter", wanted).json()
        if ended:
            return ended[0]
        sleep(0.5)
    raise AssertionError(f"no scheduled run ended within {DEADLINE_S:.0f} s")
