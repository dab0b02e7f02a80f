"""The only reader of environment variables.

| variable | meaning | default |
|---|---|---|
| `PERTOKEN_HOME` | folder of `warehouse.duckdb` (private) and `prices.duckdb` (published) | `./data` |
| `PERTOKEN_WAREHOUSE` | a lake: `ducklake:postgres:` and a connection string, see docs/scale.md | the private file |
| `PERTOKEN_LAKE_FILES` | folder or s3:// address of a lake's files, one for all workers | `lake` in the home |
| `PERTOKEN_ORIGIN_<NAME>` | scheme://host:port asked instead of a source's real site; paths stay the real ones | |
| `PERTOKEN_PACE_<NAME>` | requests per minute to a source | the source's own limit |
| `PERTOKEN_SITE` | folder the static site is written to after each refresh | no site |
| `PERTOKEN_METRICS` | file that the figures of each run are written to for Prometheus | none |
| `PERTOKEN_LOG` | `text`, or `json`: one object a line instead of progress bars | `text` |
| `PERTOKEN_NOTIFY` | where alerts go: Apprise URLs, separated by spaces; they hold secrets | none |
| `PERTOKEN_CONTACT` | address that the User-Agent carries, so that a site's owner can ask who asks | none |
| `VAST_API_KEY` and the like | a source's optional key, named in its module | |

`<NAME>` is the source's name in upper case with underscores: `VAST`, `OPENAI`, `HF_ROUTER`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scrapers.contract import Source
from warehouse.lake import PREFIX, Lake


class BadSetting(Exception):
    """A setting that cannot be used: which variable, what it holds, what it should hold."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Where things lie and whom to ask. `keys` maps a source's name to its API key."""

    home: Path
    origins: Mapping[str, str] = field(default_factory=dict)
    paces: Mapping[str, float] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    site: Path | None = None
    metrics: Path | None = None
    json_logs: bool = False
    contact: str | None = None
    notify: tuple[str, ...] = field(default=(), repr=False)
    lake: Lake | None = None

    @property
    def warehouse(self) -> Path:
        """The private file, used where no lake is."""
        return self.home / "warehouse.duckdb"

    @property
    def store(self) -> Path | Lake:
        """What `Warehouse.open` takes."""
        return self.lake or self.warehouse

    @property
    def published(self) -> Path:
        return self.home / "prices.duckdb"

    def recorded(self) -> Settings:
        """The same settings for the recorded responses: a folder of their own, never mixed with live data."""
        return Settings(home=self.home / "recorded")


def variable_suffix(source_name: str) -> str:
    """`hf-router` -> `HF_ROUTER`."""
    return re.sub(r"[^A-Z0-9]+", "_", source_name.upper())


def read(sources: Sequence[Source], environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings for `sources` from the environment; raises BadSetting naming the variable."""
    origins, paces, keys = {}, {}, {}
    for source in sources:
        suffix = variable_suffix(source.name)
        if origin := environment.get(f"PERTOKEN_ORIGIN_{suffix}"):
            origins[source.name] = _origin(f"PERTOKEN_ORIGIN_{suffix}", origin)
        if pace := environment.get(f"PERTOKEN_PACE_{suffix}"):
            paces[source.name] = _pace(f"PERTOKEN_PACE_{suffix}", pace)
        if source.key and (key := environment.get(source.key)):
            keys[source.name] = key
    site, metrics = environment.get("PERTOKEN_SITE"), environment.get("PERTOKEN_METRICS")
    home = Path(environment.get("PERTOKEN_HOME", "data"))
    return Settings(
        home=home,
        origins=origins,
        paces=paces,
        keys=keys,
        site=Path(site) if site else None,
        metrics=Path(metrics) if metrics else None,
        json_logs=_json_logs(environment.get("PERTOKEN_LOG") or "text"),
        contact=environment.get("PERTOKEN_CONTACT") or None,
        notify=tuple(environment.get("PERTOKEN_NOTIFY", "").split()),
        lake=_lake(environment, home),
    )


def _json_logs(wanted: str) -> bool:
    if wanted not in ("text", "json"):
        raise BadSetting(f"PERTOKEN_LOG is {wanted!r}; it takes text or json")
    return wanted == "json"


def _lake(environment: Mapping[str, str], home: Path) -> Lake | None:
    text = environment.get("PERTOKEN_WAREHOUSE")
    if not text:
        return None
    catalog = text.removeprefix(PREFIX)
    if catalog == text or not catalog.strip():  # the text may hold a password: it is not shown
        raise BadSetting(f"PERTOKEN_WAREHOUSE takes {PREFIX} and a connection string, e.g. {PREFIX}dbname=pertoken")
    return Lake(catalog, environment.get("PERTOKEN_LAKE_FILES") or str(home / "lake"))


def _origin(variable: str, text: str) -> str:
    origin = text.rstrip("/")
    if not re.fullmatch(r"https?://(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+)(:\d{1,5})?", origin):
        raise BadSetting(
            f"{variable} is {text!r}; it takes scheme://host:port without a path, e.g. http://127.0.0.1:9000"
        )
    return origin


def _pace(variable: str, text: str) -> float:
    try:
        pace = float(text)
    except ValueError:
        pace = 0.0
    if not 0 < pace < 1e6:
        raise BadSetting(f"{variable} is {text!r}; it takes requests per minute, a number above 0, e.g. 10")
    return pace
