"""A folder of pages that is whole at every moment.

Assets are named by their content and lie there before a page asks for them; each page is replaced at once. Assets of
the build before stay, for readers who have one of its pages open; older ones go.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from warehouse.errors import WarehouseUnwritable
from warehouse.swap import building_beside

ASSETS = "assets"
KEPT = "builds.json"
"""Lists the assets of this build and of the one before."""


def asset_name(stem: str, end: str, body: bytes) -> str:
    """`app`, `.js` and the bytes -> `assets/app.1a2b3c4d5e.js`."""
    return f"{ASSETS}/{stem}.{hashlib.sha256(body).hexdigest()[:10]}{end}"


def write(folder: Path, assets: Mapping[str, Callable[[], bytes]], pages: Mapping[str, str]) -> None:
    """Writes the assets that are not there, then all pages, then removes assets that no recent build names.

    Raises WarehouseUnwritable.
    """
    try:
        (folder / ASSETS).mkdir(parents=True, exist_ok=True)
        for name, body in assets.items():
            if not (folder / name).exists():
                _put(folder / name, body())
        _settle(folder / ASSETS)
        for name, text in pages.items():
            _put(folder / name, text.encode())
        _settle(folder)
        _forget_old(folder, sorted(assets))
    except OSError as error:
        raise WarehouseUnwritable(f"cannot write the site in {folder}: {error.strerror}") from error


def _put(path: Path, body: bytes) -> None:
    building = building_beside(path)
    try:
        with building.open("wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        building.replace(path)
    finally:
        building.unlink(missing_ok=True)


def _settle(folder: Path) -> None:
    """Makes the names in a folder survive a power cut, before a page asks for them."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _forget_old(folder: Path, current: list[str]) -> None:
    record = folder / ASSETS / KEPT
    before: list[list[str]] = json.loads(record.read_bytes()) if record.is_file() else []
    if before[:1] == [current]:
        return
    builds = [current, *before[:1]]
    gone = {name for build in before for name in build} - {name for build in builds for name in build}
    _put(record, json.dumps(builds).encode())
    for name in gone:
        (folder / name).unlink(missing_ok=True)
