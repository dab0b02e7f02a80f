"""The flow on a real Prefect server: its states, artifacts and secrets. What it does is tested with the pipeline."""

from __future__ import annotations

import asyncio
import gc
import gzip
import json
import warnings
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from time import sleep
from typing import Any

import pytest
from pydantic import SecretStr

from scrapers.contract import Source
from scrapers.fetch import Fetched, FetchError
from tests.flows.conftest import PrefectServer
from tests.loopback.server import Routes, Site, as_json
from tests.loopback.sites import routes
from warehouse.store import Warehouse

pytestmark = [pytest.mark.server, pytest.mark.usefixtures("prefect_server")]
KEY, KEY_IN_BLOCK = "planted-5f1c9a-environment", "planted-77e0d2-block"
KINDS = ("flow_runs", "task_runs", "artifacts", "events", "variables")
YESTERDAY = b"yesterday's file"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PERTOKEN_HOME", str(tmp_path))
    monkeypatch.delenv("PERTOKEN_METRICS", raising=False)
    return tmp_path


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Put a site in the place of a source's real one."""
    with ExitStack() as sites:

        def serve(source: str, answers: Routes) -> Site:
            site = sites.enter_context(Site(answers))
            monkeypatch.setenv(f"PERTOKEN_ORIGIN_{source.upper()}", site.origin)
            monkeypatch.setenv(f"PERTOKEN_PACE_{source.upper()}", "60000")
            return site

        yield serve


def run(**parameters: Any) -> Any:
    """The state one run of the flow ends in."""
    from flows.refresh import refresh

    async def once() -> Any:
        return await refresh(**parameters, return_state=True)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # Prefect leaves its sockets to the garbage collector
        state = asyncio.run(once())
        gc.collect()
    return state


def test_a_broken_source_is_named_and_no_key_is_told(
    home: Path, serve: Any, prefect_server: PrefectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two keys, one in the environment and one in a secret block, reach their sites; one site sends its key back."""
    from prefect.blocks.system import Secret

    recorded = routes(None, date.max)
    Secret(value=SecretStr(KEY_IN_BLOCK)).save("lambda-api-key")
    monkeypatch.setenv("VAST_API_KEY", KEY)
    monkeypatch.setenv("PERTOKEN_METRICS", str(home / "pertoken.prom"))
    vast, _ = serve("vast", recorded["vast"]), serve("openai", recorded["openai"])
    mirror = serve("lambda", {"*": lambda ask: as_json({"regions_with_capacity_available": dict(ask.headers)})})

    try:
        state = run(source_names=["vast", "openai", "lambda"])
    finally:
        Secret.delete("lambda-api-key")  # the server is shared: later runs must not find the key

    assert (state.type.value, state.name) == ("COMPLETED", "PartiallyCompleted")
    assert "2 of 3 sources whole; lambda failed" in state.message
    assert KEY in str(vast.asked[0].headers) and KEY_IN_BLOCK in str(mirror.asked[0].headers)

    artifacts = prefect_server.ask("POST", "/artifacts/latest/filter", {}).json()
    shown = {artifact["key"]: artifact["data"] for artifact in artifacts}
    outcomes = {row["source"]: row["outcome"] for row in json.loads(shown["sources"])}
    assert outcomes == {"vast": "ok", "openai": "ok", "lambda": "failed"}
    assert "## chat" in shown["boards"]
    assert 'pertoken_source_records{kind="gpu",source="lambda"} 0.0' in (home / "pertoken.prom").read_text()
    said = _said(prefect_server) | {"captures": _captures(home), "state": state.message.encode()}
    said |= {str(file): file.read_bytes() for folder in (home, prefect_server.home) for file in _files(folder)}
    assert b"***" in said["captures"]
    assert [name for name, text in said.items() for key in (KEY, KEY_IN_BLOCK) if key.encode() in text] == []


def _said(server: PrefectServer) -> dict[str, bytes]:
    """What the server tells of logs, runs and deployments, once the last line of the run has come in."""
    for _ in range(100):
        if b"Finished in state PartiallyCompleted" in (logs := server.ask("POST", "/logs/filter", {}).content):
            return {"logs": logs} | {kind: server.ask("POST", f"/{kind}/filter", {}).content for kind in KINDS}
        sleep(0.1)
    raise AssertionError("the log of the run did not reach the server")


def _captures(home: Path) -> bytes:
    with Warehouse.open(home / "warehouse.duckdb") as warehouse:
        bodies = warehouse.connection.execute("select body from raw.captures").fetchall()
    return b"\n".join(gzip.decompress(body) for (body,) in bodies)


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_what_is_shown_can_not_cost_the_run(home: Path, serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def no_artifacts(*arguments: object, **named: object) -> None:
        raise ConnectionError("the server is away")

    monkeypatch.setattr("flows.refresh.acreate_table_artifact", no_artifacts)
    monkeypatch.setenv("PERTOKEN_METRICS", str(home / "no such folder" / "pertoken.prom"))
    serve("openai", routes(None, date.max)["openai"])

    state = run(source_names=["openai"])

    assert (state.name, state.message) == ("Completed", "1 of 1 sources whole")
    assert (home / "prices.duckdb").is_file()


def test_nothing_answered_leaves_the_published_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And only what may pass is asked a second time: not a site that turned us away, nor a fault of our own."""
    (home / "prices.duckdb").write_bytes(YESTERDAY)
    faults = {"vultr": "refused", "openai": "denied", "cloudrift": "rate_limited", "runpod": None}
    asked: list[str] = []

    async def fetch(sources: Sequence[Source], *_: object) -> AsyncIterator[Fetched]:
        (source,) = sources
        asked.append(source.name)
        if (fault := faults[source.name]) is None:
            raise LookupError("a fault of our own")
        yield Fetched(source.name, (), FetchError(source.name, fault, "nothing", source.origin))  # type: ignore[arg-type]

    from flows.scrape import fetch_source

    monkeypatch.setattr("flows.pipeline.fetch", fetch)
    monkeypatch.setattr(fetch_source, "retry_delay_seconds", 0)

    state = run(source_names=list(faults))

    assert state.type.value == "FAILED"
    assert "nothing was published" in state.message and "0 of 4 sources whole" in state.message
    assert "a fault of our own" in state.message
    assert (home / "prices.duckdb").read_bytes() == YESTERDAY
    assert sorted(asked) == ["cloudrift", "openai", "runpod", "vultr", "vultr"]


def test_two_refreshes_never_overlap(home: Path) -> None:
    with Warehouse.open(home / "warehouse.duckdb"):
        state = run(source_names=["vultr"])
    assert state.type.value == "CANCELLED" and "another refresh is running" in state.message


def test_a_missed_slot_is_skipped_where_that_is_wanted(home: Path) -> None:
    state = run(skip_after_minutes=-1)
    assert (state.type.value, state.name) == ("COMPLETED", "Skipped")
    assert not list(home.iterdir())
