"""The charts of the report as SVG, drawn without a browser or a network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from warehouse.export.figures import MONEY_LABEL, SUMS
from warehouse.export.report.document import Row

if TYPE_CHECKING:
    import altair as alt

RENT, BUY, FALL, RISE, QUIET = "#0b7a6b", "#3d56b8", "#0b7a6b", "#b4552d", "#8a919b"
WIDTH = 620
LABELS = 260
"""Pixels for a name at the axis; longer ones are cut."""


def gpu_trend(rows: Sequence[Row]) -> str:
    """Price per GPU-hour over time, one line per GPU. Rows: as_of, gpu, usd_per_gpu_hour."""
    import altair as alt

    lines = (
        alt.Chart(_values(rows, "as_of", "gpu", "usd_per_gpu_hour"))
        .mark_line(interpolate="step-after", point={"filled": True, "size": 22}, strokeWidth=2)
        .encode(
            x=alt.X("as_of:T").title(None).axis(format="%d %b", tickCount=8, labelOverlap=True).scale(type="utc"),
            y=alt.Y("usd_per_gpu_hour:Q")
            .title("USD per GPU-hour")
            .axis(labelExpr=MONEY_LABEL, values=SUMS)
            .scale(type="log", nice=False),
            color=alt.Color("gpu:N").title(None).legend(orient="bottom", columns=3, labelLimit=LABELS),
        )
    )
    return _svg(lines.properties(height=300))


def rent_or_buy(rows: Sequence[Row]) -> str:
    """The price of each model both ways, with bands. Rows: model, way, usd_per_mtok, usd_per_mtok_low, ….._high."""
    import altair as alt

    names = ("model", "way", "usd_per_mtok", "usd_per_mtok_low", "usd_per_mtok_high")
    base = alt.Chart(_values(rows, *names)).encode(
        y=alt.Y("model:N").title(None).sort(None).axis(labelLimit=LABELS),
        yOffset=alt.YOffset("way:N"),
        color=alt.Color("way:N").title(None).scale(domain=["rented", "API"], range=[RENT, BUY]).legend(orient="top"),
    )
    across = alt.X("usd_per_mtok:Q").title("USD per 1M tokens").axis(labelExpr=MONEY_LABEL, values=SUMS)
    across = across.scale(type="log", nice=False)
    bands = base.mark_rule(strokeWidth=3, opacity=0.35).encode(
        x=alt.X("usd_per_mtok_low:Q").title("USD per 1M tokens"), x2="usd_per_mtok_high:Q"
    )
    points = base.mark_point(filled=True, size=70, opacity=1).encode(x=across)
    return _svg((bands + points).properties(height=alt.Step(13)))


def moves(rows: Sequence[Row]) -> str:
    """By how much prices moved, as bars either way. Rows: what, change (a fraction)."""
    import altair as alt

    bars = (
        alt.Chart(_values(rows, "what", "change"))
        .mark_bar(height={"band": 0.7})
        .encode(
            x=alt.X("change:Q").title("Change").axis(format="+.0%", tickCount=8).stack(None),
            y=alt.Y("what:N").title(None).sort(None).axis(labelLimit=LABELS),
            color=alt.condition("datum.change < 0", alt.value(FALL), alt.value(RISE)),
        )
    )
    return _svg(bars.properties(height=alt.Step(19)))


def loads(rows: Sequence[Row]) -> str:
    """From which load renting wins, then and now. Rows: what, old_load, new_load (fractions; 1 is full load)."""
    import altair as alt

    base = alt.Chart(_values(rows, "what", "old_load", "new_load")).encode(
        y=alt.Y("what:N").title(None).sort(None).axis(labelLimit=LABELS)
    )
    title = "Break-even load (hollow: before)"
    across = alt.X("new_load:Q").title(title).axis(format=".0%", tickCount=6)
    lines = base.mark_rule(strokeWidth=2, color=QUIET).encode(x=alt.X("old_load:Q").title(title), x2="new_load:Q")
    before = base.mark_point(size=60, color=QUIET, filled=False).encode(x=alt.X("old_load:Q").title(title))
    after = base.mark_point(size=70, filled=True, color=RENT, opacity=1).encode(x=across)
    edge = alt.Chart({"values": [{"full": 1}]}).mark_rule(strokeDash=[4, 4], color=RISE)
    full = edge.encode(x=alt.X("full:Q").title(title))
    return _svg((full + lines + before + after).properties(height=alt.Step(19)))


def _values(rows: Sequence[Row], *names: str) -> dict[str, Any]:
    return {"values": [{key: _json(row[key]) for key in names} for row in rows]}


def _json(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


def _svg(chart: alt.Chart | alt.LayerChart) -> str:
    import vl_convert

    quiet = {"gridColor": "#e8e5dd", "domainColor": "#b9b5ab", "tickColor": "#b9b5ab", "labelColor": "#3b4148"}
    drawn = (
        chart.properties(width=WIDTH, background="white", padding=12)
        .configure(font="Helvetica, Arial, sans-serif")
        .configure_axis(**quiet, labelFontSize=11, titleFontSize=11, titleFontWeight="normal", titleColor="#59626c")
        .configure_view(stroke=None)
        .configure_legend(labelFontSize=11, columnPadding=18)
    )
    svg: str = vl_convert.vegalite_to_svg(drawn.to_dict())
    return svg
