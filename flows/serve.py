"""`pertoken serve`: one command that refreshes every six hours until it is stopped.

It uses the Prefect server of `PREFECT_API_URL`. Without one it starts a server of its own on the loopback interface,
which keeps its records in `<PERTOKEN_HOME>/prefect`.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.events.schemas.automations import AutomationCore
from prefect.runner import Runner
from prefect.schedules import Cron
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.types.entrypoint import EntrypointType

from flows import logs, settings
from flows.refresh import refresh
from flows.settings import BadSetting

SIX_HOURLY = Cron("0 */6 * * *", timezone="UTC")
NEVER_TWO_AT_ONCE = ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW)
JITTER_S = 120.0
"""So that not every installation asks at the full hour."""

AUTOMATION = Path(__file__).with_name("automation.json")
SERVER_ENVIRONMENT = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    # In memory, the slot of a refresh that was running when the server died would never be freed.
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
}
STARTUP_S = 300.0


def serve(port: int = 4200) -> None:
    """Refresh on schedule until SIGTERM or Ctrl-C: they let a refresh at work end, then pause the schedule.

    `port` is that of a server of our own.

    Raises BadSetting when no server can be reached or started.
    """
    current = settings.read(())
    if current.json_logs:
        logs.to_json()
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job starts with it ignored
    with suppress(KeyboardInterrupt), ExitStack() as running:
        if not PREFECT_API_URL.value():
            url = running.enter_context(own_server(current.home / "prefect", port))
            running.enter_context(temporary_settings({PREFECT_API_URL: url}))
        asyncio.run(_serve())


class _Runner(Runner):
    """Takes SIGTERM as Ctrl-C: the refresh at work ends, the schedule is paused. Prefect's own way drops both."""

    def handle_sigterm(self, *args: Any, **kwargs: Any) -> None:
        signal.raise_signal(signal.SIGINT)


async def _serve() -> None:
    await mark_dead_runs()
    runner = _Runner(name="six-hourly", limit=1, pause_on_shutdown=True)
    await runner.aadd_flow(
        refresh,
        name="six-hourly",
        schedule=SIX_HOURLY,
        concurrency_limit=NEVER_TWO_AT_ONCE,
        parameters={"jitter_s": JITTER_S},
        paused=False,
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    logging.getLogger("prefect.runner").info(
        "refreshing every six hours, UTC; the server is %s", PREFECT_API_URL.value()
    )
    await runner.start()


async def mark_dead_runs() -> None:
    """Have the server mark runs whose process died as crashed, as `automation.json` says; once per server."""
    automation = AutomationCore.model_validate_json(AUTOMATION.read_bytes())
    async with get_client() as client:
        if not await client.read_automations_by_name(automation.name):
            await client.create_automation(automation)


@contextmanager
def own_server(home: Path, port: int) -> Iterator[str]:
    """The address of a Prefect server on the loopback interface; one that was started here is stopped afterwards."""
    url = f"http://127.0.0.1:{port}/api"
    if _healthy(url):
        yield url
        return
    home.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, **SERVER_ENVIRONMENT, "PREFECT_HOME": str(home.absolute()), "PREFECT_API_URL": url}
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with (home / "server.log").open("ab") as log:
        # In a session of its own: Ctrl-C must reach us first, for we pause the schedule through it.
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        _wait(server, url, home / "server.log")
        yield url
    finally:
        server.terminate()
        server.wait()


def _wait(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = monotonic() + STARTUP_S
    while not _healthy(url):
        if server.poll() is not None or monotonic() > deadline:
            raise BadSetting(f"the Prefect server did not start at {url}; {log} says why")
        sleep(0.2)


def _healthy(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=5, trust_env=False).is_success
    except httpx.HTTPError:
        return False


if __name__ == "__main__":
    serve()
