"""The commands that keep a data folder, where the warehouse is a lake."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from flows.cli import app
from flows.settings import BadSetting
from tests.warehouse import samples
from tests.warehouse.lakes import Lakes, running_lakes
from warehouse.lake import Lake
from warehouse.publish import publish
from warehouse.store import Warehouse

PASSWORD = "hunter2"


@pytest.fixture(scope="module")
def lakes() -> Iterator[Lakes]:
    with running_lakes() as made:
        yield made


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PERTOKEN_HOME", str(tmp_path))
    return tmp_path


def settle(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERTOKEN_WAREHOUSE", f"ducklake:postgres:{lake.catalog} password={PASSWORD}")
    monkeypatch.setenv("PERTOKEN_LAKE_FILES", lake.files)


def pertoken(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def doctor() -> tuple[int, dict[str, tuple[str, str]]]:
    """Exit code, and what it said about each thing; the gravest where it said more."""
    looked = pertoken("doctor", "--format", "json")
    assert PASSWORD not in looked.output
    grave = ["ok", "warning", "fault"]
    rows = sorted(json.loads(looked.output), key=lambda row: grave.index(row["severity"]))
    return looked.exit_code, {row["about"]: (row["severity"], row["what"]) for row in rows}


def test_doctor_and_vacuum_on_a_lake(lakes: Lakes, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = lakes.empty()
    settle(lake, monkeypatch)
    with Warehouse.open(lake) as warehouse:
        samples.load_small_reference(warehouse)
        for number in range(3):
            samples.whole_run(warehouse, number)
        publish(warehouse, home / "prices.duckdb")
        (run, *_) = warehouse.runs()["run_id"]
        assert warehouse.captures(run, "vast")

    code, found = doctor()
    assert found["lake"][0] == found["schema"][0] == found["disk"][0] == "ok", found
    assert "its catalog answers" in found["lake"][1] and found["published file"][0] == "ok"
    assert not {"lock", "private file"} & set(found)
    assert code == (1 if "fault" in {severity for severity, _ in found.values()} else 0)

    tidied = pertoken("vacuum", "--keep-days", "0", "--raw-before", "2100-01-01")
    assert tidied.exit_code == 0 and PASSWORD not in tidied.output
    with Warehouse.open(lake) as warehouse:
        assert warehouse.runs().height == 3 and not warehouse.captures(run, "vast")
        ((snapshots,),) = warehouse.connection.execute("select count(*) from lake.snapshots()").fetchall()
        assert snapshots <= 2, "all but the newest are forgotten"
    refused = pertoken("backup", str(home / "copy.duckdb"))
    assert isinstance(refused.exception, BadSetting) and "pg_dump" in str(refused.exception)


def test_doctor_tells_what_ails_a_lake(lakes: Lakes, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settle(lakes.blank(), monkeypatch)
    code, found = doctor()
    assert (code, found["lake"][0]) == (0, "warning") and "no tables yet" in found["lake"][1]

    lake = lakes.empty()
    settle(lake, monkeypatch)
    with Warehouse.open(lake) as warehouse:
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        facts = {"provenance": "live", "methodology_version": "1", "software_version": "1"}
        warehouse.begin_run("tomorrow", started_at=tomorrow, **facts)  # type: ignore[arg-type]
        warehouse.connection.execute("update bookkeeping.schema_version set version = 99")
    code, found = doctor()
    assert code == 1 and "upgrade it" in found["schema"][1] and "set the clock" in found["clock"][1]

    for catalog, what in (
        ("host=127.0.0.1 port=1 user=nobody dbname=none", "is its catalog up"),
        ("host=127.0.0.1 dbname=none password=x hunter2", "cannot read its connection string"),
    ):
        settle(Lake(catalog, lake.files), monkeypatch)
        code, found = doctor()
        assert (code, found["lake"][0]) == (1, "fault") and what in found["lake"][1]
