"""docs/notebook.py runs from its first cell to its last on a published file, and its answers are the file's."""

from __future__ import annotations

import runpy
import shutil
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.warehouse import week


def test_the_notebook_answers_from_the_file(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import vl_convert

    (tmp_path / "data").mkdir()
    shutil.copy(week.file("benign", tmp_path_factory), tmp_path / "data" / "prices.duckdb")
    monkeypatch.chdir(tmp_path)
    left = runpy.run_path(str(ROOT / "docs" / "notebook.py"))

    assert left["largest"].rows() == [("h100-sxm-80gb", 2.0, 1.5, 2, -0.25)]
    # $0.60 at 30 % load against $1.00: from 18 % on.
    assert left["break_even"].rows() == [("host-b", 1.0, pytest.approx(0.18))]
    assert left["curve"].filter(load=0.3)["usd_per_mtok"].to_list() == [pytest.approx(0.6)]
    assert left["spread"].rows() == [("llama-3.3-70b", 1, 0.3, 0.3, 1.0)]
    for chart in ("gpu_chart", "load_chart", "host_chart"):
        assert vl_convert.vegalite_to_svg(left[chart].to_dict()).startswith("<svg")
