"""Ask a source everything it has to say, politely and suspiciously. Nothing else in the project opens a socket.

`fetch` answers for one source, `fetch_all` for many at once; neither raises for anything a site may do.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from scrapers.contract import Capture, Source
from scrapers.walk import Fetched, FetchError, OnProgress, ignore_progress, walk

if TYPE_CHECKING:
    from scrapers.visit import Hosts

__all__ = ["FetchError", "FetchSettings", "Fetched", "OnProgress", "fetch", "fetch_all"]


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchSettings:
    """How to ask. The mappings are by source name; what they do not name keeps the source's own value."""

    origins: Mapping[str, str] = field(default_factory=dict)
    """scheme://host:port asked instead of the real site. Only such an origin may have an address that is not public."""
    paces: Mapping[str, float] = field(default_factory=dict)
    """Requests per minute."""
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    project_url: str | None = None
    """Where a site's owner finds out who asks; part of the User-Agent."""
    now: Callable[[], datetime] = utc_now
    attempts: int = 4
    backoff_s: float = 1.0
    """First wait before trying again; doubles, with jitter, up to `backoff_max_s`."""
    backoff_max_s: float = 30.0
    rate_limit_s: float = 60.0
    """The wait after a 429 that names none, at the source's own pace; an overridden pace scales it."""
    retry_after_max_s: float = 180.0
    """A site that wants a longer wait is asked again in the next run, not earlier than it said."""
    connect_timeout_s: float = 10.0
    read_timeout_s: float = 30.0
    """Longest silence."""
    write_timeout_s: float = 10.0
    response_timeout_s: float = 120.0
    """From connecting to the last byte of one answer."""
    source_deadline_s: float = 3600.0
    ca_file: Path | None = None
    """Certificates to trust instead of the bundled ones."""
    resolve: Callable[[str, int], Awaitable[Sequence[str]]] | None = None
    """(host, port) -> addresses; None asks the operating system."""

    @property
    def user_agent(self) -> str:
        return f"pertoken/{_version()}" + (f" (+{self.project_url})" if self.project_url else "")


@cache
def _version() -> str:
    return version("pertoken")


async def fetch(
    source: Source,
    settings: FetchSettings,
    earlier: Mapping[str, Capture] | None = None,
    on_progress: OnProgress = ignore_progress,
) -> Fetched:
    """All answers of one source, in the order asked.

    `earlier` maps the url of a GET to its last capture: the site is asked for changes only, and an unchanged page
    becomes a capture with the earlier body and a fresh `fetched_at`. What goes wrong stands in `Fetched.error`.
    """
    return await _fetch(source, settings, earlier or {}, on_progress, _no_hosts_yet())


async def fetch_all(
    sources: Sequence[Source],
    settings: FetchSettings,
    earlier: Mapping[str, Capture] | None = None,
    on_progress: OnProgress = ignore_progress,
) -> AsyncIterator[Fetched]:
    """Every source at once, as each is done; one that fails costs the others nothing.

    A source whose required key is not set is left out.
    """
    hosts = _no_hosts_yet()
    present = [source for source in sources if not source.key_required or settings.keys.get(source.name)]
    tasks = [asyncio.create_task(_fetch(s, settings, earlier or {}, on_progress, hosts)) for s in present]
    try:
        for done in asyncio.as_completed(tasks):
            yield await done
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _fetch(
    source: Source, settings: FetchSettings, earlier: Mapping[str, Capture], on_progress: OnProgress, hosts: Hosts
) -> Fetched:
    from scrapers.visit import Visit

    try:
        async with Visit(source, settings, earlier, on_progress, hosts) as visit:
            fetched = await walk(source, visit, settings.source_deadline_s)
    except FetchError as error:
        return Fetched(source.name, (), error)
    except Exception as error:
        return Fetched(source.name, (), FetchError(source.name, "module", f"{type(error).__name__}", source.origin))
    on_progress(source.name, len(fetched.captures), 0, 0.0, "done")
    return fetched


def _no_hosts_yet() -> Hosts:
    from scrapers.visit import Hosts

    return Hosts()
