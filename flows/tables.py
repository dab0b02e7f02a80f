"""What a person reads: the published tables as rows of text, for a terminal or as Markdown.

Every function here asks the published file, so what is printed is what an analyst finds there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import floor, log10
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import box
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from warehouse.export.text import plain
from warehouse.published import open_published
from warehouse.queries import query

if TYPE_CHECKING:
    from flows.pipeline import SourceOutcome

Row = Mapping[str, Any]


def rows(published: Path, name: str, **values: object) -> list[dict[str, Any]]:
    """The rows of `warehouse/queries/<name>.sql`, with its $parameters bound, as dictionaries."""
    with open_published(published) as connection:
        result = connection.execute(query(name), values or None)
        columns = [column[0] for column in result.description or ()]
        return [dict(zip(columns, row, strict=True)) for row in result.fetchall()]


# --- cells -----------------------------------------------------------------------------------------------------------


def usd(value: float | None) -> str:
    """$123, $1.23, $0.123, $0.00123: cents above a dollar, three significant digits below. A missing price is a dash."""
    if value is None:
        return "–"
    value = float(value)
    if value >= 1 or value <= 0:
        return f"${value:,.0f}" if value >= 100 else f"${value:.2f}"
    return f"${value:.{2 - floor(log10(value))}f}"


def band(low: float | None, high: float | None) -> str:
    """The band behind a price: "0.40–0.91"."""
    return "" if low is None or high is None else f"{usd(low)[1:]}–{usd(high)[1:]}"


def count(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"


def age(hours: float | None) -> str:
    """ "25 min", "5 h", "128 d" """
    if hours is None:
        return "–"
    if hours < 1:
        return f"{hours * 60:.0f} min"
    return f"{hours:.0f} h" if hours < 48 else f"{hours / 24:.0f} d"


def machine(row: Row) -> str:
    """ "2x h100-sxm-80gb" """
    if row["gpu"] is None:
        return ""
    n = float(row["gpu_count"])
    return plain(f"{n:g}x {row['gpu']}" if n > 1 else str(row["gpu"]))


# --- the boards ------------------------------------------------------------------------------------------------------


def banner(published: Path) -> Panel | None:
    """Says what must not be overlooked about a file: that it is recorded, not live."""
    (row,) = rows(published, "provenance")
    if row["provenance"] == "live":
        return None
    return Panel(
        f"[bold]recorded responses, not live[/bold]: read {row['first_observed']:%Y-%m-%d} to {row['last_observed']:%Y-%m-%d}."
        "\nRun [bold]pertoken refresh[/bold] with a network for today's prices.",
        border_style="yellow",
        expand=False,
    )


def overview(published: Path, *, workload: str | None, model: str | None, quant: str | None, top: int) -> list[Any]:
    """Per workload one table: the cheapest self-hosted way of each model beside the cheapest API host of it."""
    found = rows(published, "overview", workload=workload, model=model, quant=quant, top=top)
    described = {row["workload"]: row for row in rows(published, "workloads")}
    parts: list[Any] = []
    for name, described_row in described.items():
        here = [row for row in found if row["workload"] == name]
        if here:
            parts += [_workload_line(described_row), _overview_table(here), ""]
    return parts


def _workload_line(row: Row) -> Text:
    limits = [f"{row['isl_tokens']:,} tokens in, {row['osl_tokens']:,} out"]
    if row["ttft_slo_ms"]:
        limits.append(f"first token within {row['ttft_slo_ms'] / 1000:g} s")
    if row["min_tokens_per_s_per_user"]:
        limits.append(f"at least {row['min_tokens_per_s_per_user']:g} tokens/s per user")
    limits.append(f"{row['default_utilization']:.0%} utilised")
    return Text.assemble((row["workload"], "bold"), f"  {row['purpose']}: ", "; ".join(limits))


def _overview_table(here: Sequence[Row]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("model", no_wrap=True)
    for header, justify in (
        ("self-hosted $/1M", "right"), ("band", "left"), ("on", "left"), ("from", "left"), ("$/h", "right"),
        ("tok/s", "right"), ("basis", "left"), ("API $/1M", "right"), ("at", "left"), ("age", "right"),
    ):
        table.add_column(header, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    for row in here:
        cheaper = _cheaper(row["self_usd_per_mtok"], row["api_usd_per_mtok"])
        table.add_row(
            plain(row["model"]),
            Text(usd(row["self_usd_per_mtok"]), "bold green" if cheaper == "self" else ""),
            Text(band(row["self_usd_per_mtok_low"], row["self_usd_per_mtok_high"]), "dim"),
            f"{machine(row)} {plain(row['self_quant'] or '')}",
            plain(row["self_source"] or ""),
            usd(row["usd_per_hour"]),
            count(row["output_tokens_per_s"]),
            plain(row["throughput_basis"] or ""),
            Text(usd(row["api_usd_per_mtok"]), "bold green" if cheaper == "api" else ""),
            plain(" ".join(filter(None, (row["api_provider"], row["api_quant"])))),
            age(max(filter(None, (row["self_age_hours"], row["api_age_hours"])), default=0.0)),
        )
    return table


def _cheaper(self_hosted: float | None, api: float | None) -> str | None:
    if self_hosted is None or api is None:
        return None
    return "self" if self_hosted < api else "api"


def board(found: Iterable[Row]) -> Table:
    """Ranked (or excluded) rows of boards, one line each."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for header, justify in (
        ("board", "left"), ("workload", "left"), ("#", "right"), ("model", "left"), ("quant", "left"), ("$/1M", "right"),
        ("band", "left"), ("what", "left"), ("source", "left"), ("$/h", "right"), ("tok/s", "right"), ("basis", "left"),
        ("TTFT", "right"), ("age", "right"), ("not ranked because", "left"),
    ):
        table.add_column(header, justify=justify, no_wrap=header != "not ranked because")  # type: ignore[arg-type]
    for row in found:
        table.add_row(
            row["board"], row["workload"], count(row["place"]), plain(row["model"]), plain(row["quant"] or ""),
            usd(row["usd_per_mtok"]), Text(band(row["usd_per_mtok_low"], row["usd_per_mtok_high"]), "dim"),
            machine(row) or plain(row["provider"] or ""), plain(row["source"]), usd(row["usd_per_hour"]),
            count(row["output_tokens_per_s"]), plain(row["throughput_basis"] or ""),
            f"{row['ttft_ms']:,.0f} ms" if row["ttft_ms"] else "", age(row["age_hours"]), row["exclusion_reason"] or "",
        )  # fmt: skip
    return table


def sources(published: Path) -> Table:
    """How each source fared."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for header in ("source", "kind", "outcome", "last success", "age", "rows", "ok", "held", "quarantined", "unknown names", "what is wrong"):
        table.add_column(header, justify="right" if header in ("age", "rows", "ok", "held", "quarantined") else "left")
    for row in rows(published, "sources"):
        last = row["last_success_at"]
        table.add_row(
            plain(row["source"]), row["kind"],
            Text(row["outcome"], {"ok": "green", "partial": "yellow"}.get(row["outcome"], "bold red")),
            f"{last:%Y-%m-%d %H:%M}Z" if last else "never", age(row["age_hours"]), count(row["records"]),
            count(row["ok"]), count(row["held"]), count(row["quarantined"]), count(row["unknown_names"]),
            plain(row["error"] or ("truncated" if row["truncated"] else "")),
        )  # fmt: skip
    return table


# --- for the scheduled run -------------------------------------------------------------------------------------------


def source_row(outcome: SourceOutcome) -> dict[str, Any]:
    """One line of the table of sources that a scheduled run shows."""
    return {
        "source": outcome.source, "outcome": outcome.outcome, "rows": outcome.records, "held": outcome.held,
        "quarantined": outcome.quarantined, "unknown names": outcome.unknown_names,
        "seconds": round(outcome.seconds, 1), "error": outcome.error or "",
    }  # fmt: skip


def overview_markdown(published: Path, top: int = 5) -> str:
    """The overview as Markdown tables."""
    found = rows(published, "overview", workload=None, model=None, quant=None, top=top)
    lines: list[str] = []
    for described in rows(published, "workloads"):
        here = [row for row in found if row["workload"] == described["workload"]]
        if not here:
            continue
        lines += [
            f"## {described['workload']}", "",
            "| model | self-hosted $/1M | band | on | from | tok/s | API $/1M | at |", "|---|--:|---|---|---|--:|--:|---|",
        ]  # fmt: skip
        for row in here:
            cells = (
                row["model"], usd(row["self_usd_per_mtok"]), band(row["self_usd_per_mtok_low"], row["self_usd_per_mtok_high"]),
                machine(row), row["self_source"], count(row["output_tokens_per_s"]), usd(row["api_usd_per_mtok"]), row["api_provider"],
            )  # fmt: skip
            lines.append("| " + " | ".join(plain(str(cell or "")).replace("|", "\\|") for cell in cells) + " |")
        lines.append("")
    return "\n".join(lines)
