"""Frames as the small JSON the page reads: columns instead of rows, each text once, numbers to six figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from warehouse.export.text import plain

FIGURES = 6
"""Significant figures of a number on the page."""
LONGEST_CELL = 160
"""Characters of one cell on the page."""


def packed(frame: pl.DataFrame) -> Mapping[str, Any]:
    """{"rows": n, "columns": {name: [values]}}; a text column is {"words": [each text once], "at": [its index]}.

    Every text is made plain: no control or direction characters, cut to LONGEST_CELL. Null stays null.
    """
    return {"rows": frame.height, "columns": {column.name: _column(column) for column in frame}}


def _column(column: pl.Series) -> Any:
    if column.dtype == pl.String:
        words = column.drop_nulls().unique(maintain_order=True)
        place = {word: number for number, word in enumerate(words)}
        return {
            "words": [plain(word, LONGEST_CELL) for word in words],
            "at": column.replace_strict(place, default=None, return_dtype=pl.Int64).to_list() if place else [],
        }
    if column.dtype.is_float():
        finite = column.set(~column.is_finite().fill_null(True), None)
        return finite.round_sig_figs(FIGURES).to_list()
    return column.to_list()
