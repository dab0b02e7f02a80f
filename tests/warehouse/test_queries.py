"""Every query of docs/queries.md runs on a published file, and none comes back empty for want of a right name."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest

from tests.warehouse import samples
from warehouse.published import open_published

DOCUMENT = Path(__file__).parents[2] / "docs" / "queries.md"
BLOCKS = re.findall(
    r"^### (\d+\. [^\n]+)\n(?:(?!###|```)[^\n]*\n)*```sql( needs-history)?\n(.+?)```",
    DOCUMENT.read_text("utf-8"),
    re.M | re.S,
)

EMPTY_IN_SAMPLES = {"4", "5", "13", "22", "23", "25", "26"}
"""The samples hold one host, one ranked row a board, no article and nothing quarantined."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    samples.published_two_months(folder)
    return folder


def test_there_are_enough_and_they_are_numbered() -> None:
    assert [int(title.split(".")[0]) for title, _, _ in BLOCKS] == list(range(1, len(BLOCKS) + 1))
    assert len(BLOCKS) >= 15


@pytest.mark.parametrize(("title", "needs_history", "sql"), BLOCKS, ids=[title for title, _, _ in BLOCKS])
def test_a_documented_query_runs(data: Path, title: str, needs_history: str, sql: str) -> None:
    if needs_history:
        with duckdb.connect(data / "prices.duckdb", read_only=True) as connection:
            found = connection.execute(sql.replace("data/history", str(data / "history"))).fetchall()
    else:
        with open_published(data / "prices.duckdb") as connection:
            found = connection.execute(sql).fetchall()
    assert bool(found) == (title.split(".")[0] not in EMPTY_IN_SAMPLES)
