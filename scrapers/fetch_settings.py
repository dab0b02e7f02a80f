"""How to ask: pace, patience, keys and addresses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path


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
