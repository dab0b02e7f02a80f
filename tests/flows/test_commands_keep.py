"""A price that waits for a person from the guard to the board, and the commands that keep the data folder."""

from __future__ import annotations

import json
import os
import pwd
import shutil
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner, Result

from flows.cli import app
from flows.commands import review
from flows.settings import BadSetting
from tests.flows.market import market, refresh
from tests.loopback.server import Answer, Ask, Handler, Routes
from tests.loopback.sites import routes
from warehouse.published import open_published
from warehouse.store import Warehouse

FIRST = datetime(2026, 8, 22, 6, tzinfo=UTC)
ANTHROPIC = routes(None, date(2026, 8, 21))["anthropic"]
DEARER = (b"| Claude Sonnet 5 | $2 / MTok |", b"| Claude Sonnet 5 | $5 / MTok |")


def pertoken(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def _with(served: Routes, old: bytes, new: bytes) -> Routes:
    def other(handler: Handler) -> Handler:
        def answered(ask: Ask) -> Answer:
            told = handler(ask)
            return Answer(told.body.replace(old, new), told.status, told.content_type, told.headers)

        return answered

    return {path: other(handler) for path, handler in served.items()}


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs of one source, the second with a price well above the first."""
    folder = tmp_path_factory.mktemp("two-runs")
    for hours, served in ((0, ANTHROPIC), (6, _with(ANTHROPIC, *DEARER))):
        with market(folder, {"anthropic": served}) as settings:
            refresh(settings, FIRST + timedelta(hours=hours), "anthropic")
    return folder


@pytest.fixture
def home(two_runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that folder, named by the environment."""
    monkeypatch.setenv("PERTOKEN_HOME", str(tmp_path))
    shutil.copytree(two_runs, tmp_path, dirs_exist_ok=True)
    return tmp_path


def price(home: Path) -> list[tuple[float, str]]:
    with open_published(home / "prices.duckdb") as connection:
        return connection.execute(
            """select usd_per_mtok::double, status from core.api_prices
               where model = 'claude-sonnet-5' and tier = 'standard' and component = 'input' and source = 'anthropic'
                 and run_id = (select max(run_id) from core.runs) order by usd_per_mtok"""
        ).fetchall()


def test_a_held_price_counts_once_a_person_accepts_it(home: Path) -> None:
    assert price(home) == [(2, "ok"), (5, "held")]
    (waiting,) = [
        row
        for row in json.loads(pertoken("review", "--format", "json").output)["prices"]
        if row["model"] == "claude-sonnet-5" and (row["tier"], row["component"]) == ("standard", "input")
    ]
    assert (waiting["status"], waiting["factor"]) == ("held", 2.5)
    assert "$5" in waiting["raw_text"]
    assert waiting["id"] in pertoken("review").output

    refused = pertoken("review", "accept", waiting["id"], "--reason", " ")
    assert "needs a reason" in str(refused.exception)
    accepted = pertoken("review", "accept", waiting["id"], "--reason", "announced")
    assert accepted.exit_code == 0 and "accepted anthropic|anthropic|claude sonnet 5" in accepted.output
    with Warehouse.open(home / "warehouse.duckdb") as warehouse:
        (decision,) = warehouse.decisions().iter_rows(named=True)
    assert (decision["verdict"], decision["reason"], float(decision["value_usd_per_mtok"])) == (
        "accept",
        "announced",
        5,
    )
    assert decision["decided_by"] == pwd.getpwuid(os.getuid()).pw_name
    assert waiting["id"] not in pertoken("review").output
    again = pertoken("review", "reject", waiting["id"], "--reason", "no")
    assert isinstance(again.exception, BadSetting) and "Nothing waits for review" in str(again.exception)

    with market(home, {"anthropic": _with(ANTHROPIC, *DEARER)}) as settings:
        refresh(settings, FIRST + timedelta(hours=12), "anthropic")
    assert price(home) == [(5, "ok")]


def test_an_id_stands_for_one_value_only() -> None:
    read = {"price_key": "a|b|c|||standard|0|all|input", "usd_per_mtok": Decimal("5.000000000")}
    assert review.ticket(read) == review.ticket(dict(read))
    assert review.ticket(read) != review.ticket(read | {"usd_per_mtok": Decimal("6.000000000")})
    assert review.ticket(read) != review.ticket(read | {"price_key": "a|b|c|||batch|0|all|input"})


def test_backup_vacuum_and_doctor(home: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("backup")
    copy = elsewhere / "copy.duckdb"
    assert pertoken("backup", str(copy)).exit_code == 0
    with duckdb.connect(copy, read_only=True) as connection:
        assert connection.execute("select count(*) from core.runs").fetchall() == [(2,)]
    for wrong in (elsewhere, home / "warehouse.duckdb"):
        assert isinstance(pertoken("backup", str(wrong)).exception, BadSetting)

    assert pertoken("vacuum", "--raw-before", "2030-01-01").exit_code == 0
    with Warehouse.open(home / "warehouse.duckdb") as warehouse:
        assert warehouse.runs().height == 2
        assert all(not warehouse.captured_sources(run) for run in warehouse.runs()["run_id"])

    found = json.loads(pertoken("doctor", "--format", "json").output)
    about = {row["about"] for row in found}
    assert {"disk", "lock", "schema", "clock", "keys", "sources", "packages", "published file"} <= about


def test_doctor_fails_on_trouble(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "prices.duckdb").chmod(0o644)
    (home / "prices.duckdb").write_bytes(b"not a database")
    sick = pertoken("doctor", "--format", "csv")
    assert sick.exit_code == 1 and "the next refresh makes it anew" in sick.output
    monkeypatch.setenv("PERTOKEN_PACE_VAST", "fast")
    sick = pertoken("doctor", "--format", "json")
    faults = [row["what"] for row in json.loads(sick.output) if row["severity"] == "fault"]
    assert sick.exit_code == 1 and any("PERTOKEN_PACE_VAST" in what for what in faults)


def test_commands_on_an_empty_folder_say_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERTOKEN_HOME", str(tmp_path))
    for arguments in (["review"], ["vacuum"], ["backup", "x.duckdb"], ["audit"], ["explain", "chat"]):
        assert "run `pertoken refresh`" in str(pertoken(*arguments).exception), arguments
    assert pertoken("doctor").exit_code == 0
    assert list(tmp_path.iterdir()) == []
