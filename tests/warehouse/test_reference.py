"""A wrong fact is refused with the place to correct it."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from warehouse.errors import InvalidReference
from warehouse.reference import FOLDER, names, reference, tables


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for path in FOLDER.glob("*.csv"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def test_the_facts_we_ship_are_valid() -> None:
    found = tables()
    assert sorted(found) == names()
    assert {f"{name}.csv" for name in found} == {path.name for path in FOLDER.glob("*.csv")}
    assert found["gpus"].schema["memory_gib"] == pl.Float64
    assert found["models"].schema["release_date"] == pl.Date
    assert all(found[name].height for name in ("gpus", "gpu_names", "models", "model_names", "quants", "workloads"))


@pytest.mark.parametrize(
    ("table", "lines", "said"),
    [
        (
            "quant_names",
            "source,quant_name,quant,note\n*,bf16,bf16,\n*,BF16,fp8,\n",
            r"lines 2, 3 have the same source, quant_",
        ),
        ("quant_names", "source,quant_name,quant,note\n*,bf16,bf16\n", r"line 2: 3 cells under 4 column names"),
        (
            "quant_names",
            "source,quant_name,quant,note,extra\n*,bf16,bf16,,1\n",
            r"declare extra in warehouse/schema/reference\.sql",
        ),
        ("quant_names", "source,quant_name,note\n*,bf16,\n", r"column quant is missing"),
        ("quant_names", 'source,quant_name,quant,note\n*,"bf\n16",bf16,\n', r"line 3: .* line break in a cell"),
        ("quant_names", "source,quant_name,quant,note\n*,b\udcff,bf16,\n", r"save it as UTF-8"),
        (
            "assumptions",
            "assumption,value,unit,note,source\nx,1.5.0,,,\n",
            r"line 2: value is '1\.5\.0', it must be Float64",
        ),
    ],
)
def test_a_wrong_row_is_named_with_its_line(folder: Path, table: str, lines: str, said: str) -> None:
    (folder / f"{table}.csv").write_bytes(lines.encode("utf-8", "surrogateescape"))
    with pytest.raises(InvalidReference, match=said):
        reference(table, folder)


def test_a_link_to_nothing_is_named_with_its_line(folder: Path) -> None:
    (folder / "quant_names.csv").write_text("source,quant_name,quant,note\n*,bf16,bf16,\n*,bf17,bf17,\n")
    with pytest.raises(InvalidReference, match=r"quant_names\.csv, line 3: quant 'bf17' is not in quants\.csv"):
        tables(folder)


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "gpus.csv").unlink()
    with pytest.raises(InvalidReference, match=r"gpus\.csv is missing"):
        reference("gpus", folder)


def test_an_empty_cell_is_nothing_and_a_quoted_one_is_empty_text(folder: Path) -> None:
    (folder / "quant_names.csv").write_text('source,quant_name,quant,note\n*,bf16,bf16,\n*,fp8,fp8,""\n')
    assert reference("quant_names", folder)["note"].to_list() == [None, ""]
