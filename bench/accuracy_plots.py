"""The plots of docs/accuracy.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import altair as alt
import polars as pl

PIXELS_PER_POINT = 1.0
SHOWN = 20
"""Rows a category needs to get a box."""
RANGE = (0.2, 5.0)
"""Of predicted over measured; what lies beyond is drawn at the end."""


def write(frame: pl.DataFrame, folder: Path) -> None:
    """frame: log_measured, log_predicted, log_error and the traits, one row per measurement. Writes PNG files."""
    folder.mkdir(parents=True, exist_ok=True)
    _scatter(frame).save(folder / "scatter.png", scale_factor=PIXELS_PER_POINT)
    for trait in ("gpu", "scenario", "quant", "batch"):
        _boxes(frame, trait).save(folder / f"{trait}.png", scale_factor=PIXELS_PER_POINT)


def _scatter(frame: pl.DataFrame) -> Any:
    points = frame.select(
        pl.col("log_measured").exp().alias("measured"), pl.col("log_predicted").exp().alias("predicted"), "scenario"
    )
    low, high = 3.0, 2e5
    scale = alt.Scale(type="log", domain=[low, high], nice=False)
    dots = (
        alt.Chart(points)
        .mark_circle(size=7, opacity=0.5, clip=True)
        .encode(
            x=alt.X("measured", scale=scale, title="measured, output tokens/s", axis=alt.Axis(gridOpacity=0.25)),
            y=alt.Y("predicted", scale=scale, title="predicted, publisher left out", axis=alt.Axis(gridOpacity=0.25)),
            color=alt.Color("scenario", title=None),
        )
    )
    guides = pl.DataFrame(
        [(x, x * factor, str(factor)) for factor in (0.5, 1.0, 2.0) for x in (low * 2, high / 2)],
        schema=["x", "y", "factor"],
        orient="row",
    )
    lines = alt.Chart(guides).mark_line(strokeWidth=0.7, color="#555", clip=True).encode(x="x", y="y", detail="factor")
    return alt.layer(dots, lines).properties(width=460, height=400)


def _boxes(frame: pl.DataFrame, trait: str) -> Any:
    shown = frame.filter(pl.len().over(trait) >= SHOWN).select(
        pl.col(trait).cast(pl.String), pl.col("log_error").exp().clip(*RANGE).alias("ratio"), order=trait
    )
    by = (
        alt.EncodingSortField(field="order", op="min")
        if trait == "batch"
        else alt.EncodingSortField(field="ratio", op="median")
    )
    return (
        alt.Chart(shown)
        .mark_boxplot(size=9, outliers={"size": 5, "opacity": 0.4})
        .encode(
            y=alt.Y(f"{trait}:N", title=None, sort=by),
            x=alt.X(
                "ratio", scale=alt.Scale(type="log", domain=RANGE), title="predicted / measured, publisher left out"
            ),
        )
        .properties(width=420)
    )
