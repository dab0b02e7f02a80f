"""Files that cost something to make, made once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.warehouse import samples
from tests.warehouse.lakes import Lakes, running_lakes
from warehouse.lake import Lake
from warehouse.store import Warehouse


@pytest.fixture(scope="session")
def _empty(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("empty") / "warehouse.duckdb"
    Warehouse.open(path).close()
    return path.read_bytes()


@pytest.fixture(scope="session")
def _one_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("one-run")
    samples.published_runs(folder, 1)
    return folder


@pytest.fixture
def path(tmp_path: Path, _empty: bytes) -> Path:
    """A private file with every table and no row, in a folder of its own."""
    path = tmp_path / "warehouse.duckdb"
    path.write_bytes(_empty)
    return path


@pytest.fixture
def one_run(tmp_path: Path, _one_run: Path) -> Path:
    """A data folder of one's own with one run stored and published."""
    for name in ("warehouse.duckdb", "prices.duckdb"):
        (tmp_path / name).write_bytes((_one_run / name).read_bytes())
        (tmp_path / name).chmod((_one_run / name).stat().st_mode)
    return tmp_path


@pytest.fixture(scope="session")
def published_once(_one_run: Path) -> Path:
    """A published file with one run, to be read and not changed."""
    return _one_run / "prices.duckdb"


@pytest.fixture(scope="session")
def lakes() -> Iterator[Lakes]:
    with running_lakes() as made:
        yield made


@pytest.fixture(params=["file", "lake"])
def place(request: pytest.FixtureRequest) -> Path | Lake:
    """An empty warehouse on either engine."""
    if request.param == "file":
        path: Path = request.getfixturevalue("path")
        return path
    made: Lakes = request.getfixturevalue("lakes")
    return made.empty()
