"""What a person reads: the published tables as text, for a terminal or as Markdown.

Everything here asks the published file, so what is printed is what an analyst finds there. A table is a list of
columns; each column is a header and how to read its cell in a row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from rich import box
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from warehouse.export.figures import band as band
from warehouse.export.figures import count as count
from warehouse.export.figures import usd as usd
from warehouse.export.text import markdown_cell, plain
from warehouse.published import open_published
from warehouse.queries import answer

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from rich.console import RenderableType

    from flows.pipeline import SourceOutcome

Row = Mapping[str, Any]


def rows(published: Path, name: str, **values: object) -> list[dict[str, Any]]:
    """The rows of `warehouse/queries/<name>.sql`, with its $parameters bound, as dictionaries."""
    with open_published(published) as connection:
        return answer(connection, name, **values)


# --- cells -----------------------------------------------------------------------------------------------------------


def age(observed_at: datetime | None) -> str:
    """How long ago something was read, as of now: "25 min", "5 h", "128 d"."""
    if observed_at is None:
        return "–"
    hours = (datetime.now(UTC) - observed_at).total_seconds() / 3600
    if hours < 1:
        return f"{hours * 60:.0f} min"
    return f"{hours:.0f} h" if hours < 48 else f"{hours / 24:.0f} d"


def words(*parts: object) -> str:
    """What a source wrote, made harmless; None and empty parts left out."""
    return plain(" ".join(str(part) for part in parts if part not in (None, "")))


def machine(row: Row) -> str:
    """ "2x h100-sxm-80gb" """
    if row["gpu"] is None:
        return ""
    number = float(row["gpu_count"])
    return words(f"{number:g}x {row['gpu']}" if number > 1 else row["gpu"])


# --- tables ----------------------------------------------------------------------------------------------------------


class Column(NamedTuple):
    """One column: its header, the text of its cell, and on a terminal its side and style."""

    header: str
    cell: Callable[[Row], str]
    justify: Literal["left", "right"] = "left"
    style: Callable[[Row], str] = lambda row: ""
    wrap: bool = False


def on_terminal(columns: Sequence[Column], found: Iterable[Row], title: str | None = None) -> Table:
    """Rows as a table for a terminal."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for column in columns:
        table.add_column(column.header, justify=column.justify, no_wrap=not column.wrap, overflow="fold")
    for row in found:
        table.add_row(*(Text(column.cell(row), column.style(row)) for column in columns))
    return table


def in_markdown(columns: Sequence[Column], found: Iterable[Row]) -> str:
    """Rows as a Markdown table. No markup, HTML or link of a cell survives."""
    lines = [
        "| " + " | ".join(column.header for column in columns) + " |",
        "|" + "|".join("--:" if column.justify == "right" else "---" for column in columns) + "|",
    ]
    for row in found:
        lines.append("| " + " | ".join(markdown_cell(column.cell(row)) for column in columns) + " |")
    return "\n".join(lines) + "\n"


def _cheaper(kind: Literal["self", "api"]) -> Callable[[Row], str]:
    def style(row: Row) -> str:
        both = (row["self_usd_per_mtok"], row["api_usd_per_mtok"])
        return "bold green" if None not in both and row[f"{kind}_usd_per_mtok"] == min(both) else ""

    return style


_OUTCOME_STYLES = {"ok": "green", "partial": "yellow", "failed": "bold red"}


def _dim(row: Row) -> str:
    return "dim"


OVERVIEW = (
    Column("model", lambda row: words(row["model"])),
    Column("self-hosted $/1M", lambda row: usd(row["self_usd_per_mtok"]), "right", _cheaper("self")),
    Column("band", lambda row: band(row["self_usd_per_mtok_low"], row["self_usd_per_mtok_high"]), style=_dim),
    Column("on", lambda row: words(machine(row), row["self_quant"])),
    Column("from", lambda row: words(row["self_source"])),
    Column("$/h", lambda row: usd(row["usd_per_hour"]), "right"),
    Column("tok/s", lambda row: count(row["output_tokens_per_s"]), "right"),
    Column("basis", lambda row: words(row["throughput_basis"])),
    Column("API $/1M", lambda row: usd(row["api_usd_per_mtok"]), "right", _cheaper("api")),
    Column("at", lambda row: words(row["api_provider"], row["api_quant"])),
    Column("age", lambda row: age(_earlier(row["self_observed_at"], row["api_observed_at"])), "right"),
)

BOARD = (
    Column("board", lambda row: row["board"]),
    Column("workload", lambda row: row["workload"]),
    Column("#", lambda row: count(row["place"]), "right"),
    Column("model", lambda row: words(row["model"])),
    Column("quant", lambda row: words(row["quant"])),
    Column("$/1M", lambda row: usd(row["usd_per_mtok"]), "right"),
    Column("band", lambda row: band(row["usd_per_mtok_low"], row["usd_per_mtok_high"]), style=_dim),
    Column("what", lambda row: machine(row) or words(row["provider"])),
    Column("source", lambda row: words(row["source"])),
    Column("$/h", lambda row: usd(row["usd_per_hour"]), "right"),
    Column("tok/s", lambda row: count(row["output_tokens_per_s"]), "right"),
    Column("basis", lambda row: words(row["throughput_basis"])),
    Column("TTFT ms", lambda row: count(row["ttft_ms"]), "right"),
    Column("age", lambda row: age(row["observed_at"]), "right"),
)

EXCLUDED = (
    *(column for column in BOARD if column.header not in ("#", "band", "basis", "TTFT ms")),
    Column("not ranked because", lambda row: words(row["exclusion_reason"]), wrap=True),
)

SOURCES = (
    Column("source", lambda row: words(row["source"])),
    Column("kind", lambda row: row["kind"]),
    Column("outcome", lambda row: row["outcome"], style=lambda row: _OUTCOME_STYLES[row["outcome"]]),
    Column(
        "last success", lambda row: f"{row['last_success_at']:%Y-%m-%d %H:%M}Z" if row["last_success_at"] else "never"
    ),
    Column("age", lambda row: age(row["last_success_at"]), "right"),
    Column("rows", lambda row: count(row["records"]), "right"),
    Column("ok", lambda row: count(row["ok"]), "right"),
    Column("held", lambda row: count(row["held"]), "right"),
    Column("quarantined", lambda row: count(row["quarantined"]), "right"),
    Column("unknown names", lambda row: count(row["unknown_names"]), "right"),
    Column("what is wrong", lambda row: words(row["error"] or ("truncated" if row["truncated"] else "")), wrap=True),
)
UNKNOWN_NAMES = (
    Column("source", lambda row: words(row["source"])),
    Column("kind", lambda row: row["kind"]),
    Column("name", lambda row: words(row["name"])),
    Column("detail", lambda row: words(row["detail"])),
    Column("rows", lambda row: count(row["rows"]), "right"),
)


def _earlier(*moments: datetime | None) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)


# --- what is printed -------------------------------------------------------------------------------------------------


def banner(published: Path) -> Panel | None:
    """Says what must not be overlooked about a file: that it is recorded, not live."""
    with open_published(published) as connection:
        return _banner(connection)


def _banner(connection: DuckDBPyConnection) -> Panel | None:
    (row,) = answer(connection, "provenance")
    if row["provenance"] == "live":
        return None
    days = " to ".join(dict.fromkeys(f"{row[end]:%Y-%m-%d}" for end in ("first_observed", "last_observed")))
    return Panel(
        f"[bold]recorded responses of {days}, not live[/bold]\n"
        "Run [bold]pertoken refresh[/bold] with a network for today's prices.",
        border_style="yellow",
        expand=False,
    )


def overview(
    published: Path, *, workload: str | None, model: str | None, quant: str | None, top: int
) -> list[RenderableType]:
    """Per workload one table: the cheapest self-hosted way of each model beside the cheapest API host of it.

    What must not be overlooked stands above and below, where there is something.
    """
    with open_published(published) as connection:
        warning = [panel] if (panel := _banner(connection)) else []
        found = _by_workload(connection, workload=workload, model=model, quant=quant, top=top)
    parts = [part for described, here in found for part in (_workload_line(described), on_terminal(OVERVIEW, here))]
    return [*warning, *parts, *warning]


def overview_markdown(published: Path, top: int = 5) -> str:
    """The overview as Markdown."""
    with open_published(published) as connection:
        parts = _by_workload(connection, workload=None, model=None, quant=None, top=top)
    return "\n".join(f"## {described['workload']}\n\n{in_markdown(OVERVIEW, here)}" for described, here in parts)


def _by_workload(connection: DuckDBPyConnection, **filters: object) -> list[tuple[Row, list[dict[str, Any]]]]:
    found = answer(connection, "overview", **filters)
    described = answer(connection, "workloads")
    parts = [(one, [row for row in found if row["workload"] == one["workload"]]) for one in described]
    return [(one, here) for one, here in parts if here]


def _workload_line(row: Row) -> Text:
    limits = [f"{row['isl_tokens']:,} tokens in, {row['osl_tokens']:,} out"]
    if row["ttft_slo_ms"]:
        limits.append(f"first token within {row['ttft_slo_ms'] / 1000:g} s")
    if row["min_tokens_per_s_per_user"]:
        limits.append(f"at least {row['min_tokens_per_s_per_user']:g} tokens/s per user")
    limits.append(f"{row['default_utilization']:.0%} utilised")
    return Text.assemble((row["workload"], "bold"), f"  {row['purpose']}: ", "; ".join(limits))


def source_row(outcome: SourceOutcome) -> dict[str, Any]:
    """One line of the table of sources that a scheduled run shows."""
    return {
        "source": outcome.source,
        "outcome": outcome.outcome,
        "rows": outcome.records,
        "held": outcome.held,
        "quarantined": outcome.quarantined,
        "unknown names": outcome.unknown_names,
        "seconds": round(outcome.seconds, 1),
        "error": outcome.error or "",
    }
