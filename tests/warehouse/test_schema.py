"""Every table says what it holds, in which unit; an older file is brought up to date without losing a row."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import polars as pl
import pytest

from tests.warehouse import samples
from warehouse.dictionary import as_markdown
from warehouse.errors import SchemaMismatch
from warehouse.schema import bring_up_to_date, declared_sql, frame_schema
from warehouse.store import Warehouse

DICTIONARY = Path(__file__).parents[2] / "docs" / "data-dictionary.md"

SUFFIX_UNITS = {
    "_usd_per_hour": "USD/h",
    "usd_per_gpu_hour": "USD/h",
    "usd_per_mtok": "USD/1M tokens",
    "_usd_per_mtok": "USD/1M tokens",
    "usd_per_1k_requests": "USD/1k requests",
    "tokens_per_s": "tokens/s",
    "tokens_per_s_per_user": "tokens/s",
    "memory_gib": "GiB",
    "_gib": "GiB",
    "_gb": "GB",
    "_gb_per_s": "GB/s",
    "_ms": "ms",
    "_at": "UTC",
    "_hours": "h",
    "_w": "W",
    "_usd_per_gb": "USD/GB",
    "_usd_per_gb_month": "USD/GB/month",
    "sha256": "sha256",
    "_bytes": "bytes",
    "_tokens": "tokens",
}


@pytest.fixture(scope="module")
def declared() -> list[tuple[str, str, str, str]]:
    with duckdb.connect(":memory:") as connection:
        connection.execute(declared_sql())
        return connection.execute(
            "select schema_name || '.' || table_name, column_name, data_type, comment "
            "from duckdb_columns() where not internal"
        ).fetchall()


def test_every_column_has_a_comment_that_ends_in_its_unit(declared: list[tuple[str, str, str, str]]) -> None:
    assert len(declared) > 400
    assert [
        (table, column) for table, column, _, comment in declared if not re.search(r"[.…] \[[^\]]+\]$", comment or "")
    ] == []


def test_every_table_view_and_macro_has_a_comment_and_every_table_its_key() -> None:
    with duckdb.connect(":memory:") as connection:
        connection.execute(declared_sql())
        tables = connection.execute("select table_name, comment from duckdb_tables() where not internal").fetchall()
        others = connection.execute(
            "select view_name, comment from duckdb_views() where not internal "
            "union all select function_name, comment from duckdb_functions() where not internal"
        ).fetchall()
    assert [name for name, comment in tables if not re.search(r"Key: ", comment or "")] == []
    assert [name for name, comment in others if not comment] == []


def test_a_unit_in_a_name_is_the_unit_of_the_column(declared: list[tuple[str, str, str, str]]) -> None:
    wrong = []
    for table, column, _, comment in declared:
        units = [
            unit for suffix, unit in SUFFIX_UNITS.items() if column == suffix.lstrip("_") or column.endswith(suffix)
        ]
        if units and f"[{units[-1]}]" not in comment and "window_hours" not in column:
            wrong.append((table, column, comment))
    assert wrong == []


def test_times_know_their_zone_and_prices_are_exact(declared: list[tuple[str, str, str, str]]) -> None:
    assert [(t, c) for t, c, kind, _ in declared if c.endswith("_at") and kind != "TIMESTAMP WITH TIME ZONE"] == []
    assert frame_schema("core.api_prices")["usd_per_mtok"] == pl.Decimal(18, 9)
    assert frame_schema("core.gpu_offers")["observed_at"] == pl.Datetime("us", "UTC")


def test_the_data_dictionary_in_the_docs_is_current() -> None:
    assert DICTIONARY.read_text("utf-8") == as_markdown(), "run: python -m warehouse.dictionary"


def test_a_column_added_to_the_schema_is_added_to_an_older_file(path: Path) -> None:
    with Warehouse.open(path) as warehouse:
        samples.whole_run(warehouse, 0)
        warehouse.connection.execute("alter table core.gpu_offers drop column ram_gib")
        warehouse.connection.execute("drop table marts.claims_audit")
        warehouse.connection.execute("update bookkeeping.schema_version set fingerprint = 'older'")
    with Warehouse.open(path) as warehouse:
        samples.whole_run(warehouse, 1)
        assert warehouse.rows("core.gpu_offers", samples.run_id(0))["ram_gib"].to_list() == [None]
        assert warehouse.connection.table("marts.claims_audit").pl().is_empty()
        versions = warehouse.connection.execute("select count(*) from bookkeeping.schema_version").fetchall()
    assert versions == [(2,)]


def test_migrations_run_once_in_order_and_a_newer_file_is_refused(path: Path, tmp_path: Path) -> None:
    second, third = tmp_path / "0002_rename.sql", tmp_path / "0003_fill.sql"
    second.write_text("alter table core.gpu_offers rename column memory to memory_gib;")
    third.write_text("update core.gpu_offers set memory_gib = memory_gib / 1024;")
    scripts = {2: second, 3: third}
    with Warehouse.open(path) as warehouse:
        samples.whole_run(warehouse, 0)
        connection = warehouse.connection
        connection.execute("alter table core.gpu_offers rename column memory_gib to memory")
        connection.execute("update core.gpu_offers set memory = 81510")
        for _ in range(2):
            bring_up_to_date(connection, scripts)
            assert warehouse.rows("core.gpu_offers", samples.run_id(0))["memory_gib"].to_list() == [81510 / 1024]
        with pytest.raises(SchemaMismatch, match="the file has schema version 3, this software knows 1"):
            bring_up_to_date(connection)


def test_a_migration_that_fails_leaves_the_file_as_it_was(path: Path, tmp_path: Path) -> None:
    broken = tmp_path / "0002_broken.sql"
    broken.write_text("update core.gpu_offers set memory_gib = 0; select * from nowhere;")
    with Warehouse.open(path) as warehouse:
        samples.whole_run(warehouse, 0)
        with pytest.raises(duckdb.CatalogException):
            bring_up_to_date(warehouse.connection, {2: broken})
        assert warehouse.rows("core.gpu_offers", samples.run_id(0))["memory_gib"].to_list() == [79.6]


def test_a_changed_type_needs_a_migration(path: Path) -> None:
    with Warehouse.open(path) as warehouse:
        warehouse.connection.execute("alter table core.gpu_offers alter column vcpus type bigint")
        warehouse.connection.execute("update bookkeeping.schema_version set fingerprint = 'older'")
    with pytest.raises(SchemaMismatch, match=r"core\.gpu_offers\.vcpus is BIGINT in the file and DOUBLE in the schema"):
        Warehouse.open(path)
