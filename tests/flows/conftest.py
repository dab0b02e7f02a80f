"""One Prefect server for all tests of the flow, on the loopback interface, started once and stopped at the end."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import stamina

QUICK = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "3",
    "PREFECT_SERVER_SERVICES_SCHEDULER_RECENT_DEPLOYMENTS_LOOP_SECONDS": "1",
    "PREFECT_WORKER_QUERY_SECONDS": "1",
    "PREFECT_WORKER_PREFETCH_SECONDS": "1",
    "PREFECT_LOGGING_TO_API_BATCH_INTERVAL": "0.5",
}
"""Nothing here changes what runs, only how long it is waited for."""


@dataclass(frozen=True, slots=True)
class PrefectServer:
    """Where it answers and what it keeps."""

    url: str
    home: Path
    api: httpx.Client

    def ask(self, method: str, path: str, json: Any = None) -> httpx.Response:
        """One call of its API; again while its database is busy, which it says with a 503."""
        for attempt in stamina.retry_context(on=httpx.HTTPStatusError, attempts=8, timeout=60):
            with attempt:
                return self.api.request(method, path, json=json).raise_for_status()
        raise AssertionError("stamina returns or raises")


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """A real server, as `pertoken serve` starts it. This process is its client, too."""
    home = tmp_path_factory.mktemp("prefect")
    with pytest.MonkeyPatch.context() as environment:
        for name, value in {**QUICK, "PREFECT_HOME": str(home / "client")}.items():
            environment.setenv(name, value)
        from prefect.logging.handlers import APILogHandler
        from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

        from flows.serve import own_server

        with (
            own_server(home / "server", _free_port()) as url,
            temporary_settings({PREFECT_API_URL: url, PREFECT_HOME: home / "client"}),
            httpx.Client(base_url=url, trust_env=False, timeout=60) as api,
        ):
            yield PrefectServer(url, home / "server", api)
            APILogHandler().flush()  # else it tries at exit, when the server is gone


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
