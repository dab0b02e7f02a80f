"""The charts as Vega-Lite, without their rows: the page puts those in as the data set "rows"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from warehouse.export.figures import MONEY, MONEY_LABEL, SUMS

if TYPE_CHECKING:
    import altair as alt

PERCENT = "~%"
SHARES = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1]
"""Ticks of a logarithmic axis of loads."""


def specifications() -> dict[str, dict[str, Any]]:
    """Name -> Vega-Lite specification."""
    charts = {
        "gpu_history": gpu_history(),
        "api_history": api_history(),
        "break_even": break_even(),
        "gpu_prices": gpu_prices(),
        "speed_and_price": speed_and_price(),
    }
    return {name: chart.properties(width="container").to_dict() for name, chart in charts.items()}


def gpu_history() -> alt.LayerChart | alt.FacetChart:
    """Price per GPU-hour over time. Rows: at, series, usd, low, high, machines, rule, dot (its size, square pixels)."""
    import altair as alt

    base = alt.Chart(alt.NamedData("rows")).encode(x=_time(), color=_series("series"))
    band = base.mark_area(opacity=0.13).encode(
        y=alt.Y("low:Q").title("USD per GPU-hour").axis(labelExpr=MONEY_LABEL), y2="high:Q"
    )
    point = base.mark_point(filled=True).encode(
        y="usd:Q",
        size=alt.Size("dot:Q").scale(None).legend(None),
        opacity=alt.condition("datum.rule === 'thin'", alt.value(0.3), alt.value(1)),
        tooltip=[
            alt.Tooltip("series:N", title="Series"),
            alt.Tooltip("at:T", title="When (UTC)", format="%d %b %Y %H:%M"),
            alt.Tooltip("usd:Q", title="USD per GPU-hour", format=MONEY),
            alt.Tooltip("low:Q", title="Band from", format=MONEY),
            alt.Tooltip("high:Q", title="Band to", format=MONEY),
            alt.Tooltip("machines:Q", title="Machines"),
            alt.Tooltip("rule:N", title="Rule"),
        ],
    )
    return alt.layer(band, base.mark_line(strokeWidth=1.75).encode(y="usd:Q"), point).properties(height=340)


def api_history() -> alt.LayerChart | alt.FacetChart:
    """A model's API prices as steps. Rows: at, series, usd, low, high (lowest and median host)."""
    import altair as alt

    base = alt.Chart(alt.NamedData("rows")).encode(x=_time())
    band = base.mark_area(opacity=0.13, interpolate="step-after", color="#6b7280").encode(
        y=alt.Y("low:Q").title("USD per 1M tokens").axis(labelExpr=MONEY_LABEL), y2="high:Q"
    )
    line = base.mark_line(interpolate="step-after", strokeWidth=2, point={"filled": True, "size": 36}).encode(
        y="usd:Q",
        color=_series("series"),
        tooltip=[
            alt.Tooltip("series:N", title="Host"),
            alt.Tooltip("at:T", title="Since (UTC)", format="%d %b %Y %H:%M"),
            alt.Tooltip("usd:Q", title="USD per 1M tokens", format=MONEY),
        ],
    )
    return alt.layer(band, line).properties(height=340)


def break_even() -> alt.LayerChart | alt.FacetChart:
    """USD per 1M tokens against utilisation, APIs across. Rows: kind curve|api, utilization, usd, low, high."""
    import altair as alt

    rows = alt.Chart(alt.NamedData("rows"))
    across = alt.X("utilization:Q").title("Utilisation").axis(format=PERCENT, values=SHARES)
    across = across.scale(type="log", domain=[SHARES[0], 1], nice=False)
    upright = (
        alt.Y("usd:Q").title("USD per 1M tokens").axis(labelExpr=MONEY_LABEL, values=SUMS).scale(type="log", nice=False)
    )
    curve = rows.transform_filter("datum.kind === 'curve'")
    band = curve.mark_area(opacity=0.15, clip=True).encode(
        x=across, y=alt.Y("low:Q"), y2="high:Q", color=_series("name")
    )
    line = curve.mark_line(strokeWidth=2.5).encode(
        x=across,
        y=upright,
        color=_series("name"),
        tooltip=[
            alt.Tooltip("name:N", title="Rented"),
            alt.Tooltip("utilization:Q", title="Utilisation", format=PERCENT),
            alt.Tooltip("usd:Q", title="USD per 1M tokens", format=MONEY),
        ],
    )
    api = rows.transform_filter("datum.kind === 'api'")
    rule = api.mark_rule(strokeWidth=1.5, strokeDash=[5, 4]).encode(
        y=upright,
        color=_series("name"),
        tooltip=[alt.Tooltip("name:N", title="API"), alt.Tooltip("usd:Q", title="USD per 1M tokens", format=MONEY)],
    )
    meets = api.transform_filter("isValid(datum.meets)")
    point = meets.mark_point(filled=True, size=90, clip=True).encode(
        x=alt.X("meets:Q"),
        y=upright,
        color=_series("name"),
        tooltip=[
            alt.Tooltip("name:N", title="Equals"),
            alt.Tooltip("meets:Q", title="Break-even utilisation", format=".1%"),
        ],
    )
    return alt.layer(band, line, rule, point).properties(height=380)


def gpu_prices() -> alt.Chart:
    """Price per GPU-hour of every GPU at every provider. Rows: gpu, board, source, usd, machines, size.

    Its height is the page's to say: it goes with the number of GPUs.
    """
    import altair as alt

    chart: alt.Chart = (
        alt.Chart(alt.NamedData("rows"))
        .mark_point(filled=True, opacity=0.75)
        .encode(
            x=alt.X("usd:Q")
            .title("USD per GPU-hour")
            .axis(labelExpr=MONEY_LABEL, values=SUMS, orient="top")
            .scale(type="log", nice=False),
            y=alt.Y("gpu:N").title(None).sort(field="usd", op="min", order="ascending"),
            color=_series("source").title("Provider"),
            shape=alt.Shape("board:N").title("Board"),
            size=alt.Size("machines:Q").legend(None).scale(type="sqrt", range=[36, 260]),
            tooltip=[
                alt.Tooltip("gpu:N", title="GPU"),
                alt.Tooltip("size:N", title="Machine"),
                alt.Tooltip("source:N", title="Provider"),
                alt.Tooltip("board:N", title="Board"),
                alt.Tooltip("usd:Q", title="USD per GPU-hour", format=MONEY),
                alt.Tooltip("machines:Q", title="Machines"),
            ],
        )
    )
    return chart


def speed_and_price() -> alt.LayerChart | alt.FacetChart:
    """Speed per user against price, the front drawn. Rows: usd, speed, name, source, front true|false.

    The styles "front" and "others" are the page's, which knows whether it is light or dark.
    """
    import altair as alt

    rows = alt.Chart(alt.NamedData("rows"))
    across = alt.X("usd:Q").title("USD per 1M tokens").axis(labelExpr=MONEY_LABEL, values=SUMS)
    across = across.scale(type="log", nice=False)
    upright = alt.Y("speed:Q").title("Tokens per second for one user").scale(zero=False)
    tooltip = [
        alt.Tooltip("name:N", title="Configuration"),
        alt.Tooltip("usd:Q", title="USD per 1M tokens", format=MONEY),
        alt.Tooltip("speed:Q", title="Tokens/s per user", format=".1f"),
    ]
    others = rows.transform_filter("!datum.front").mark_point(filled=True, size=34, style="others")
    front = rows.transform_filter("datum.front")
    line = front.mark_line(interpolate="step-after", strokeWidth=1.5, style="front")
    point = front.mark_point(filled=True, size=90, style="front")
    return alt.layer(
        others.encode(x=across, y=upright, tooltip=tooltip),
        line.encode(x=across, y=upright),
        point.encode(x=across, y=upright, tooltip=tooltip),
    ).properties(height=360)


def _time() -> alt.X:
    import altair as alt

    return (
        alt.X("at:T")
        .title(None)
        .scale(alt.Scale(type="utc"))
        .axis(tickCount=6, format="%d %b", labelOverlap="greedy", labelSeparation=8)
    )


def _series(field: str) -> alt.Color:
    import altair as alt

    return alt.Color(f"{field}:N").title(None).legend(symbolLimit=24)
