"""A day and a half of refreshes on a market whose sites break at random. bench/soak.py does a month."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.soak import ASKED, Soak, soak

REFRESHES = 6


@pytest.fixture(scope="module")
def soaked(tmp_path_factory: pytest.TempPathFactory) -> Soak:
    home: Path = tmp_path_factory.mktemp("soak")
    return soak(home, REFRESHES, seed=3, faulty=0.35)


def test_every_fault_is_told_and_no_good_source_is_called_broken(soaked: Soak) -> None:
    assert soaked.faults.total() >= 5
    assert soaked.untold == []


def test_no_row_stands_twice(soaked: Soak) -> None:
    assert soaked.doubled == {}
    assert soaked.rows["core.runs"] == REFRESHES
    assert soaked.rows["core.source_runs"] == REFRESHES * len(ASKED)


def test_neither_handles_nor_threads_nor_memory_grow(soaked: Soak) -> None:
    warm, last = soaked.vitals[1], soaked.vitals[-1]
    assert last.handles <= warm.handles
    assert last.threads <= warm.threads
    assert last.resident_bytes <= 1.2 * warm.resident_bytes
