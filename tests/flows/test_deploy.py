"""The files someone installs from: prefect.yaml, docs/deploy and `serve` agree, and refer to what exists."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from tests.conftest import ROOT

DEPLOY = ROOT / "docs" / "deploy"
UNITS = sorted(DEPLOY.glob("*.service"))
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
DEPLOYMENTS: dict[str, Any] = {
    one["name"]: one for one in yaml.safe_load((ROOT / "prefect.yaml").read_text("utf-8"))["deployments"]
}
DOCKERFILE = (DEPLOY / "Dockerfile").read_text("utf-8").replace("\\\n", " ").splitlines()


def test_serve_and_prefect_yaml_schedule_the_same() -> None:
    from prefect.settings import get_current_settings

    from flows import serve

    deployed = DEPLOYMENTS["six-hourly"]
    assert deployed["schedules"] == [{"cron": serve.SIX_HOURLY.cron, "timezone": serve.SIX_HOURLY.timezone}]
    assert deployed["parameters"]["jitter_s"] == serve.JITTER_S
    limit = serve.NEVER_TWO_AT_ONCE
    assert deployed["concurrency_limit"] == {"limit": limit.limit, "collision_strategy": limit.collision_strategy.value}

    heartbeats_every_s = get_current_settings().flows.heartbeat_frequency
    within_s = json.loads(serve.AUTOMATION.read_bytes())["trigger"]["within"]
    assert heartbeats_every_s and within_s > 2 * heartbeats_every_s, "one late heartbeat must not crash a run"


def test_the_shards_of_a_refresh_are_deployed_and_watched() -> None:
    from flows import scrape, serve

    assert f"{scrape.scrape.name}/{DEPLOYMENTS['shard']['name']}" == scrape.SHARD
    assert DEPLOYMENTS["shard"]["entrypoint"] == "flows/scrape.py:scrape"
    watched = json.loads(serve.AUTOMATION.read_bytes())["trigger"]["match_related"]["prefect.resource.name"]
    assert scrape.scrape.name in watched and "refresh" in watched


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_units_are_understood(unit: Path, tmp_path: Path) -> None:
    verify = shutil.which("systemd-analyze")
    if verify is None:
        pytest.skip("no systemd-analyze here")
    for other in UNITS:  # they name one another, and programs that are not installed here
        lines = other.read_text("utf-8").splitlines(keepends=True)
        (tmp_path / other.name).write_text(
            "".join("ExecStart=/bin/true\n" if line.startswith("ExecStart=") else line for line in lines)
        )
    said = subprocess.run([verify, "verify", tmp_path / unit.name], capture_output=True, text=True, timeout=30)
    assert (said.returncode, said.stdout + said.stderr) == (0, "")


def test_units_run_what_the_clone_has() -> None:
    scripts = {"prefect", "pertoken"}
    for unit in UNITS:
        (command,) = (line for line in unit.read_text("utf-8").splitlines() if line.startswith("ExecStart="))
        program = command.removeprefix("ExecStart=").split()[0]
        assert program.startswith("/opt/pertoken/.venv/bin/") and Path(program).name in scripts
        assert "EnvironmentFile=/etc/pertoken/pertoken.env" in unit.read_text("utf-8")


def test_the_image_runs_without_root_and_copies_what_exists() -> None:
    steps = [line.split() for line in DOCKERFILE if line and not line.startswith("#")]
    copied = [name for step in steps if step[0] == "COPY" for name in step[1:-1]]
    assert not [name for name in copied if not (ROOT / name).exists()]
    assert {"flows", "scrapers", "transforms", "warehouse", "prefect.yaml", "requirements.lock"} <= set(copied)
    order = [step[0] for step in steps]
    assert order.index("USER") < order.index("CMD") and "HEALTHCHECK" in order
    assert [step[1] for step in steps if step[0] == "USER"] == ["10001"]


def test_composed_services_are_watched_unprivileged_and_keep_no_password() -> None:
    services = COMPOSE["services"]
    lasting = {name: service for name, service in services.items() if service["restart"] != "no"}
    assert all("healthcheck" in service for service in lasting.values())
    assert all(service["user"] == "10001" for service in services.values() if service["image"] == "pertoken")
    assert (DEPLOY / services["server"]["build"]["context"] / services["server"]["build"]["dockerfile"]).is_file()
    published = [port for service in services.values() for port in service.get("ports", [])]
    assert all(port.startswith("127.0.0.1:") for port in published), "the server has no login"
    for service in services.values():
        assert {name for name in service.get("environment", {}) if "PASSWORD" in name} <= {"POSTGRES_PASSWORD_FILE"}
