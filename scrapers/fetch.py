"""Ask a source everything it has to say, politely and suspiciously. Nothing else in the project opens a socket.

`fetch` answers for one source, `fetch_all` for many at once; neither raises for anything a site may do.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING

from scrapers.contract import Capture, Source
from scrapers.fetch_settings import FetchSettings
from scrapers.walk import Fetched, FetchError, OnProgress, ignore_progress, walk

if TYPE_CHECKING:
    from scrapers.visit import Hosts

__all__ = ["FetchError", "FetchSettings", "Fetched", "OnProgress", "fetch", "fetch_all"]


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
