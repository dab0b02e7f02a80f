"""The pages, written by templates that escape whatever they are given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warehouse.export.figures import moment, usd
from warehouse.export.site import contents
from warehouse.export.text import plain

if TYPE_CHECKING:
    import duckdb

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'"
)


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its file (and template), its name in the navigation, and the scripts and figures it begins with.

    A {} in the name of figures is the first workload, which every page shows first.
    """

    file: str
    name: str
    scripts: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()


PAGES = (
    Page("index.html", "Leaderboard", ("cost.js", "leaderboard.js"), ("prices", "board/{}")),
    Page("gpus.html", "Compare GPUs", ("cost.js", "gpus.js"), ("prices", "board/{}")),
    Page("trends.html", "Trends", ("trends.js",), ("prices", "movers")),
    Page("break-even.html", "Break-even", ("cost.js", "break-even.js"), ("prices", "break-even/{}")),
    Page("article.html", "The article, audited"),
    Page("sources.html", "Sources"),
    Page("methodology.html", "Methodology"),
)


def contexts(connection: duckdb.DuckDBPyConnection, made_at: datetime) -> Mapping[str, Any]:
    """What the templates say, asked of the published file."""
    (facts,) = contents.rows(connection, "facts")
    claims = contents.rows(connection, "claims")
    unknown = contents.rows(connection, "unknown_names")
    return {
        "made_at": made_at.astimezone(UTC),
        "facts": facts,
        "workloads": contents.rows(connection, "workloads"),
        "models": contents.rows(connection, "models"),
        "assumptions": {row["assumption"]: row for row in contents.rows(connection, "assumptions")},
        "claims": claims,
        "article_tables": _by(contents.rows(connection, "article_rows"), "article_table"),
        "article_throughput": _by(contents.rows(connection, "article_throughput"), "figure"),
        "verdicts": Counter(claim["verdict"] for claim in claims),
        "sources": contents.rows(connection, "sources"),
        "set_apart": contents.rows(connection, "set_apart"),
        "unknown_names": unknown,
        "unknown_total": unknown[0]["total"] if unknown else 0,
        "drawn_gpus": contents.asked(connection, "drawn_gpus")["gpu"].to_list(),
        "drawn_models": contents.asked(connection, "drawn_models")["model"].to_list(),
    }


def _by(rows: list[dict[str, Any]], name: str) -> dict[str, list[dict[str, Any]]]:
    """Rows by a column, in their order."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(row[name], []).append(row)
    return groups


def rendered(
    context: Mapping[str, Any], own_files: Mapping[str, str], figure_files: Mapping[str, str]
) -> dict[str, str]:
    """File name -> HTML of every page."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "plain": _plain,
        "when": _when,
        "day": _day,
        "count": _count,
        "figure": _figure,
        "usd": usd,
        "moment": moment,
    }
    return {
        page.file: environment.get_template(page.file).render(
            context,
            page=page,
            pages=PAGES,
            own=own_files,
            figures=figure_files,
            policy=CONTENT_SECURITY_POLICY,
        )
        for page in PAGES
    }


def _plain(text: str | None) -> str:
    return "" if text is None else plain(text, 300)


def _when(at: datetime | None) -> str:
    return "never" if at is None else f"{at.astimezone(UTC):%-d %B %Y, %H:%M} UTC"


def _day(at: datetime) -> str:
    return f"{at.astimezone(UTC):%-d %B %Y}"


def _count(number: int) -> str:
    return f"{number:,}"


def _figure(number: float) -> str:
    """A number as a person writes it: 0.95, 2, 1155."""
    return f"{number:,.6g}" if abs(number) < 10_000 else f"{number:,.0f}"
