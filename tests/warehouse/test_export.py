"""What leaves the house is whole, dated, and harmless in a spreadsheet, on a page and in a terminal."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import unicodedata
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree

import polars as pl
import pyarrow.parquet as pq
import pytest

from tests.conftest import ROOT
from warehouse.export import ExportError, export, export_query, formats
from warehouse.export.formats import WRITERS, Sheet
from warehouse.export.text import csv_text, formula_safe, markdown_cell, markdown_table, plain

HOSTILE = [
    '=HYPERLINK("http://evil.example")',
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "  =1",
    "＝1",
    "\u202e=1",
    "\x00=1",
    "<script>alert(1)</script>",
    "![x](http://evil.example)",
    "a|b",
    "\x1b[31mred\x07",
    "www.evil.example",
    "x" * 10_000,
]


def test_hostile_text_runs_nowhere_in_a_spreadsheet() -> None:
    sheet = Sheet(
        "boards", pl.DataFrame({"gpu_name": HOSTILE, "=cmd": [1] * len(HOSTILE), "reasons": [[t] for t in HOSTILE]})
    )
    by_columns = WRITERS["csv"][1](sheet).decode()
    by_cells = csv_text(sheet.frame.select("gpu_name").to_dicts())
    for text in (by_columns, by_cells):
        rows = list(csv.reader(io.StringIO(text)))
        assert len(rows) == len(HOSTILE) + 1
        for cell in (cell for row in rows for cell in row):
            assert not cell.lstrip().startswith(("=", "+", "-", "@", "＝")), cell
            assert not any(unicodedata.category(character) in ("Cc", "Cf") for character in cell)


@pytest.mark.parametrize("number", ["-5", "+1.5", "-1e-9", "0.4"])
def test_numbers_stay_numbers(number: str) -> None:
    assert formula_safe(number) == number


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_one_dull_cell_on_a_page(text: str) -> None:
    cell = markdown_cell(text)
    assert len(plain(text)) <= 500
    assert not set(cell) & set("\n\r\t<>\x00\x1b\u202e")
    assert "|" not in cell.replace("\\|", "")
    assert "http://" not in cell
    assert "www." not in cell
    assert "](" not in cell.replace("\\](", "")


def test_every_control_and_direction_character_is_removed() -> None:
    unseen = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) in ("Cc", "Cf", "Cs")]
    assert plain("".join(unseen), limit=10**6).strip() == ""


def test_values_are_written_the_same_way_everywhere() -> None:
    row = {
        "price": Decimal("0.400000000"),
        "at": datetime(2026, 11, 1, 6, tzinfo=UTC),
        "ok": True,
        "none": None,
        "count": -3,
    }
    assert csv_text([row]) == "price,at,ok,none,count\n0.4,2026-11-01T06:00:00Z,true,,-3\n"
    assert WRITERS["csv"][1](Sheet("t", pl.DataFrame([row]))).decode() == csv_text([row])
    assert markdown_table([row]).splitlines()[1] == "| ---: | --- | --- | ---: | ---: |"
    assert csv_text([]) == markdown_table([]) == ""


def test_an_export_is_a_data_set_of_its_own(published_once: Path, tmp_path: Path) -> None:
    at = datetime(2026, 11, 1, 12, tzinfo=UTC)
    manifest_path = export(published_once, tmp_path / "out", formats=tuple(WRITERS), exported_at=at)
    manifest = json.loads(manifest_path.read_text())
    assert manifest["as_of"] == "2026-11-01T06:00:00Z"
    assert manifest["age_hours"] == "6.0"
    assert manifest["methodology_version"] == "1"
    documents = {"README.md", "data-dictionary.md", "LICENSE", "datapackage.json", "manifest.json"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == {f["name"] for f in manifest["files"]} | documents
    for file in manifest["files"]:
        body = (tmp_path / "out" / file["name"]).read_bytes()
        assert (len(body), hashlib.sha256(body).hexdigest()) == (file["bytes"], file["sha256"])
    rows = {file["name"]: file["rows"] for file in manifest["files"]}
    assert rows["leaderboard.csv"] == rows["leaderboard.parquet"] == 3

    out = tmp_path / "out"
    field = pq.read_schema(out / "leaderboard.parquet").field("usd_per_mtok")
    assert field.metadata[b"unit"] == b"USD/1M tokens"
    assert pq.read_schema(out / "leaderboard.parquet").metadata[b"as_of"] == b"2026-11-01T06:00:00Z"
    document = json.loads((out / "api_price_history.json").read_text())
    assert document["rows"][0]["usd_per_mtok"] == "0.4"
    assert {"name": "usd_per_mtok", "unit": "USD/1M tokens"}.items() <= {
        key: value
        for column in document["columns"]
        if column["name"] == "usd_per_mtok"
        for key, value in column.items()
    }.items()
    assert "h100-sxm-80gb" in (out / "leaderboard.md").read_text()


def test_a_data_package_describes_every_file_and_column(published_once: Path, tmp_path: Path) -> None:
    export(published_once, tmp_path, formats=("csv", "parquet"))
    package = json.loads((tmp_path / "datapackage.json").read_text())
    assert (package["licenses"][0]["path"], package["as_of"]) == ("LICENSE", "2026-11-01T06:00:00Z")
    keyed = 0
    for resource in package["resources"]:
        body = (tmp_path / resource["path"]).read_bytes()
        assert (resource["bytes"], resource["hash"]) == (len(body), f"sha256:{hashlib.sha256(body).hexdigest()}")
        if resource["format"] != "csv":
            continue
        schema = resource["schema"]
        rows = list(csv.DictReader(io.StringIO(body.decode())))
        assert [field["name"] for field in schema["fields"]] == body.decode().partition("\n")[0].split(",")
        assert all(field["unit"] and field["description"] for field in schema["fields"])
        if key := schema.get("primaryKey"):
            keyed += 1
            assert len({tuple(row[name] for name in key) for row in rows}) == len(rows)
            assert all(row[name] for row in rows for name in key)
        for field in schema["fields"]:
            READ[field["type"]]([row[field["name"]] for row in rows if row[field["name"]]])
    assert keyed > 5


READ: dict[str, Callable[[list[str]], object]] = {
    "string": list,
    "boolean": lambda cells: [("false", "true").index(cell) for cell in cells],
    "integer": lambda cells: [int(cell) for cell in cells],
    "number": lambda cells: [float(cell) for cell in cells],
    "date": lambda cells: [date.fromisoformat(cell) for cell in cells],
    "datetime": lambda cells: [datetime.strptime(cell, "%Y-%m-%dT%H:%M:%S%z") for cell in cells],
}
"""How a program reads what the package says a column is; what is of another type raises."""


def test_the_folder_says_what_it_is_to_a_person(published_once: Path, tmp_path: Path) -> None:
    export(published_once, tmp_path, formats=["csv"], exported_at=datetime(2026, 11, 1, 12, tzinfo=UTC))
    text = (tmp_path / "README.md").read_text()
    assert "As of 2026-11-01T06:00:00Z" in text
    assert "then 6.0 hours old" in text
    assert "| vast | gpu | ok |" in text
    for file in json.loads((tmp_path / "manifest.json").read_text())["files"]:
        assert markdown_cell(file["name"]) in text
    assert "| usd_per_mtok | number | USD/1M tokens |" in (tmp_path / "data-dictionary.md").read_text()
    assert (tmp_path / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def cells_of(workbook: bytes, number: int) -> list[list[str | float]]:
    """Rows of one sheet of a workbook: text and numbers, without empty cells. A formula or link fails the test."""
    with zipfile.ZipFile(io.BytesIO(workbook)) as book:
        tree = ElementTree.fromstring(book.read(f"xl/worksheets/sheet{number}.xml"))
    assert not list(tree.iter(f"{SHEET}f"))
    assert not list(tree.iter(f"{SHEET}hyperlink"))
    return [[_cell(cell) for cell in row] for row in tree.iter(f"{SHEET}row")]


def _cell(cell: ElementTree.Element) -> str | float:
    if cell.get("t") == "inlineStr":
        return "".join(part.text or "" for part in cell.iter(f"{SHEET}t"))
    return float(cell.findtext(f"{SHEET}v") or "nan")


def test_a_workbook_has_numbers_times_and_text_that_is_never_a_formula() -> None:
    at = datetime(2026, 11, 1, 6, tzinfo=UTC)
    frame = pl.DataFrame(
        {
            "gpu_name": HOSTILE,
            "=usd": [Decimal("0.4")] * len(HOSTILE),
            "at": [at] * len(HOSTILE),
            "share": [float("inf"), *[-0.5] * (len(HOSTILE) - 1)],
            "reasons": [[text, "b"] for text in HOSTILE],
        }
    )
    sheet = Sheet("boards", frame, {"gpu_name": "text"}, {"gpu_name": "As the source spells it."}, {"as_of": "now"})
    book = WRITERS["excel"][1](sheet)
    head, *rows = cells_of(book, 1)
    assert head == ["gpu_name", "=usd", "at", "share", "reasons"]
    day_number = (at - datetime(1899, 12, 30, tzinfo=UTC)).total_seconds() / 86400
    assert rows[0] == [plain(HOSTILE[0]), 0.4, pytest.approx(day_number), f"{HOSTILE[0]}; b"]  # infinity is no cell
    assert rows[1][:4] == ["+1+1", 0.4, pytest.approx(day_number), -0.5]
    assert [row[0] for row in rows] == [plain(text, 32_767) for text in HOSTILE]
    assert ["gpu_name", "As the source spells it. [text]"] in cells_of(book, 2)


def test_more_than_a_sheet_holds_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "EXCEL_ROWS", 3)
    with pytest.raises(ExportError, match="boards has 3 rows and a sheet holds 3: use parquet"):
        WRITERS["excel"][1](Sheet("boards", pl.DataFrame({"n": [1, 2, 3]})))


def test_a_query_keeps_its_units(published_once: Path, tmp_path: Path) -> None:
    export_query(
        published_once, "select gpu, usd_per_gpu_hour from marts.gpu_prices", tmp_path, name="h100", formats=["parquet"]
    )
    schema = pq.read_schema(tmp_path / "h100.parquet")
    assert schema.field("usd_per_gpu_hour").metadata[b"unit"] == b"USD/h"


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("select * from read_text('/etc/hostname')", "cannot be run"),
        ("set TimeZone = 'UTC'", "cannot be run|returns no rows"),
        ("select nothing", "cannot be run"),
        ("select {'a': 1} as nested", "nested is of type STRUCT.*cast it to text"),
        ("select [interval 1 hour] as spans", "spans is of type INTERVAL.*cast it to text"),
    ],
)
def test_a_query_that_is_none_leaves_no_file(published_once: Path, tmp_path: Path, sql: str, said: str) -> None:
    with pytest.raises(ExportError, match=said):
        export_query(published_once, sql, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_name_cannot_leave_its_folder(published_once: Path, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="cannot be part of a file name"):
        export_query(published_once, "select 1 as one", tmp_path, name="../elsewhere")
    with pytest.raises(ExportError, match="no such format: xls"):
        export(published_once, tmp_path, formats=["xls"])
    with pytest.raises(ExportError, match=r"there is no table marts\.nothing"):
        export(published_once, tmp_path, tables=["marts.nothing"])
