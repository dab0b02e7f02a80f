"""The site of recorded responses, served on loopback, in a real Chromium. Without one these tests are skipped."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flows import pipeline
from flows.progress import Silent
from flows.settings import Settings
from scrapers.registry import SOURCES
from warehouse.export.site import site

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FEW = ("runpod", "vultr", "vast", "openrouter", "deepinfra", "openai", "anthropic")
"""Enough sources for every page, few enough for seconds."""
COMMANDS = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="package")
def chromium() -> str:
    """Chromium as the system has it; Playwright's own is never fetched."""
    pytest.importorskip("playwright.sync_api", reason="no browser tests here: Playwright is not installed")
    command = next(filter(None, map(shutil.which, COMMANDS)), None)
    if command is None:
        pytest.skip(f"no browser here: none of {', '.join(COMMANDS)} is installed")
    return command


@pytest.fixture(scope="package")
def published(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published file of one run on recorded responses."""
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    few = [source for source in SOURCES if source.name in FEW]
    pipeline.refresh_recorded(settings, few, Silent(), lambda: datetime.now(UTC))
    return settings.recorded().published


@pytest.fixture(scope="package")
def folder(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return site(published, tmp_path_factory.mktemp("site")).parent


@pytest.fixture(scope="package")
def browser(chromium: str, folder: Path) -> Iterator[Browser]:
    """Started once all else is made: while it runs, this thread has an event loop and can start no other."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as running:
        started = running.chromium.launch(executable_path=chromium, args=list(QUIET))
        yield started
        started.close()


@pytest.fixture(scope="package")
def origin(folder: Path) -> Iterator[str]:
    """The site's address: a plain web server on loopback, for as long as the tests run."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Silent, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


class _Silent(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page that fails its test at any console message, script error, dialog, or request to another host.

    `@pytest.mark.parametrize("page", [{"width": 390}], indirect=True)` sets its width, height or color_scheme.
    """
    wish = {"width": 1280, "height": 900, "color_scheme": "light", **getattr(request, "param", {})}
    context = browser.new_context(
        viewport={"width": wish["width"], "height": wish["height"]}, color_scheme=wish["color_scheme"]
    )
    context.set_default_timeout(15_000)
    opened = context.new_page()
    faults: list[str] = []
    opened.on("console", lambda message: faults.append(f"console: {message.text}"))
    opened.on("pageerror", lambda error: faults.append(f"error: {error}"))
    opened.on("dialog", lambda dialog: faults.append(f"dialog: {dialog.message}"))
    opened.on("request", lambda asked: faults.extend(_foreign(asked.url)))
    yield opened
    context.close()
    assert not faults


def _foreign(url: str) -> list[str]:
    return [] if url.startswith(("http://127.0.0.1:", "file://", "data:", "blob:")) else [f"request: {url}"]
