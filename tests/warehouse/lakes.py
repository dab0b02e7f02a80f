"""A PostgreSQL server of our own on loopback, and lakes in it. Skips where it or the extra `lake` is absent."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from warehouse.errors import LakeUnavailable
from warehouse.lake import Lake, extension
from warehouse.store import Warehouse

NOBODY = 65534
_numbers = count(1)


class Lakes:
    """Makes empty lakes as copies of one that has every table."""

    def __init__(self, binaries: Path, address: str, files: Path) -> None:
        self._psql = [
            str(binaries / "psql"),
            "--no-psqlrc",
            "--quiet",
            "--set=ON_ERROR_STOP=1",
            f"{address} dbname=postgres",
        ]
        self._binaries = binaries
        self._address = address
        self._files = files
        self.new = self._created("blank")
        Warehouse.open(self.new).close()

    def _created(self, database: str, template: str = "template0") -> Lake:
        subprocess.run([*self._psql, "-c", f"create database {database} template {template}"], check=True)
        return Lake(f"{self._address} dbname={database}", str(self._files))

    def blank(self) -> Lake:
        """A lake without any table, which the first to open it makes."""
        return self._created(f"bare_{next(_numbers)}")

    def empty(self) -> Lake:
        """A lake with every table and no row. The folder of files is shared: their names never meet."""
        return self._created(f"lake_{next(_numbers)}", "blank")

    def take_away(self, lake: Lake) -> None:
        """From here on the catalog lets nobody in, and throws out who is."""
        name = lake.catalog.split("dbname=")[1].split()[0]
        out = f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'"
        shut = f"alter database {name} allow_connections false"
        subprocess.run([*self._psql, "-c", shut, "-c", out], check=True, stdout=subprocess.DEVNULL)

    def dumped(self, lake: Lake) -> bytes:
        """What pg_dump writes of a catalog."""
        dumping: list[str | Path] = [self._binaries / "pg_dump", lake.catalog]
        return subprocess.run(dumping, check=True, stdout=subprocess.PIPE).stdout

    def restored(self, dump: bytes) -> Lake:
        """A lake whose catalog is made from a dump; its files are to lie where they lay."""
        lake = self._created(f"restored_{next(_numbers)}")
        reading = [*self._psql[:-1], lake.catalog]
        subprocess.run(reading, check=True, input=dump, stdout=subprocess.DEVNULL)
        return lake


@contextmanager
def running_lakes() -> Iterator[Lakes]:
    """Starts the server, and stops it with all that it held."""
    try:
        extension("ducklake")
        extension("postgres_scanner")
    except LakeUnavailable as error:
        pytest.skip(str(error))
    binaries = _binaries()
    folder = Path(tempfile.mkdtemp(prefix="pertoken-lake-"))
    folder.chmod(0o755)
    try:
        (folder / "files").mkdir()
        with _server(binaries, folder) as port:
            yield Lakes(binaries, f"host=127.0.0.1 port={port} user=pertoken", folder / "files")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _binaries() -> Path:
    """The newest PostgreSQL whose server can be started, as Debian lays them out or on the path."""
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / "initdb").is_file() and (folder / "psql").is_file():
            return folder
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    pytest.skip("there is no PostgreSQL server here: install the package postgresql")


@contextmanager
def _server(binaries: Path, folder: Path) -> Iterator[int]:
    """PostgreSQL refuses to run as root, so root lends it to nobody."""
    place, port = folder / "catalog", _free_port()
    place.mkdir()
    who: dict[str, Any] = {}
    if os.geteuid() == 0:
        os.chown(place, NOBODY, NOBODY)
        who = {"user": NOBODY, "group": NOBODY}
    making: list[str | Path] = [
        binaries / "initdb",
        "-D",
        place,
        "-U",
        "pertoken",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--no-locale",
        "--no-sync",
    ]
    subprocess.run(making, check=True, stdout=subprocess.DEVNULL, cwd=folder, **who)
    settings = ["listen_addresses=127.0.0.1", "fsync=off", "max_connections=60", "shared_buffers=32MB"]
    options = [f"--port={port}", f"--unix_socket_directories={place}", *(f"-c{setting}" for setting in settings)]
    control: list[str | Path] = [binaries / "pg_ctl", "-D", place, "-w", "-l", place / "log"]
    subprocess.run(
        [*control, "-o", " ".join(options), "start"], check=True, stdout=subprocess.DEVNULL, cwd=folder, **who
    )
    try:
        yield port
    finally:
        with suppress(subprocess.CalledProcessError):
            subprocess.run(
                [*control, "-m", "immediate", "stop"], check=True, stdout=subprocess.DEVNULL, cwd=folder, **who
            )


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])
