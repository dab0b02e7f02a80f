"""The static site: pages that open from disk and from any web server, and ask no other host for anything."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from warehouse.export import ExportError
from warehouse.export.feed import FEED, feed
from warehouse.published import open_published

NEEDED = ("altair", "jinja2", "vl_convert")
"""Packages of the extra `site`."""
REPORT = "report.html"
"""The weekly report, which the pages link to where it lies beside them."""
STATIC = Path(__file__).parent / "static"
VEGA = """
window.vegaEmbed = vegaEmbed;
"""
"""What the bundle of Vega, Vega-Lite and Vega-Embed leaves for the page."""


def site(published: Path, folder: Path, *, made_at: datetime | None = None) -> Path:
    """Writes the pages made from `published` and the feed of changes into `folder`; returns the path of the first page.

    A page is replaced at once and finds its assets, also while it is being replaced; other files of the folder stay.
    Raises ExportError where the extra `site` is not installed or nothing has been refreshed yet, WarehouseUnwritable.
    """
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise ExportError(f"the site needs {', '.join(missing)}: pip install 'pertoken[site]'")

    from warehouse.export.site import charts, contents, pages
    from warehouse.export.site import folder as folders

    with open_published(published) as connection:
        if not contents.rows(connection, "facts"):
            raise ExportError(f"{published} holds no run: run `pertoken refresh` first")
        figures = {name: _script(name, tables) for name, tables in contents.files(connection)}
        has_report = (folder / REPORT).is_file()
        written = {**pages.contexts(connection, made_at or datetime.now(UTC)), "has_report": has_report}
        changes = feed(connection, REPORT if has_report else "index.html")
    figures["charts"] = _script("charts", charts.specifications())
    figure_files = {name: folders.asset_name(_stem(name), ".js", body) for name, body in figures.items()}
    own_files = {path.name: folders.asset_name(path.stem, path.suffix, path.read_bytes()) for path in _static()}
    vega = f"{folders.ASSETS}/{_vega_name()}"
    assets: dict[str, Callable[[], bytes]] = {
        **{figure_files[name]: partial(bytes, body) for name, body in figures.items()},
        **{own_files[path.name]: path.read_bytes for path in _static()},
        vega: _vega,
    }
    html = pages.rendered(written, own_files, {**figure_files, "vega": vega})
    folders.write(folder, assets, {**html, FEED: changes})
    return folder / "index.html"


def _static() -> list[Path]:
    return sorted(path for path in STATIC.iterdir() if path.suffix in (".css", ".js"))


def _stem(name: str) -> str:
    """A file name for `api/MODEL`."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", name)


def _script(name: str, tables: object) -> bytes:
    """Pages opened from disk may not fetch, so figures come as scripts that hand themselves over."""
    text = json.dumps(tables, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return f"pertoken.receive({json.dumps(name)},{text});\n".encode()


def _vega_name() -> str:
    import vl_convert

    return f"vega.{vl_convert.get_vega_version()}-{vl_convert.get_vega_embed_version()}.js"


def _vega() -> bytes:
    import vl_convert

    return vl_convert.javascript_bundle(VEGA).encode()
