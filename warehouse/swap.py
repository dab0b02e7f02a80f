"""A file appears whole or not at all, and survives a power cut once it is there."""

from __future__ import annotations

import os
from pathlib import Path


def swap_in(building: Path, target: Path) -> None:
    """Makes a closed file durable and renames it over `target`, which must lie in the same folder."""
    with building.open("rb") as file:
        os.fsync(file.fileno())
    building.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write_whole(path: Path, body: bytes) -> None:
    """Writes a file that appears whole or not at all; the folder must be there. Raises OSError."""
    building = building_beside(path)
    try:
        building.write_bytes(body)
        swap_in(building, path)
    finally:
        building.unlink(missing_ok=True)


def building_beside(target: Path) -> Path:
    """A hidden name in the same folder for the file being built; the pid keeps two builders apart."""
    return target.with_name(f".{target.name}.building.{os.getpid()}")


def sweep(target: Path) -> None:
    """Removes what a killed builder of `target` left, with its logs."""
    for leftover in target.parent.glob(f".{target.name}.building.*"):
        leftover.unlink(missing_ok=True)
