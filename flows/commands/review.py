"""`pertoken review`: what waits for a person, and what the person decides."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from flows.settings import BadSetting
from flows.terminal import Form, Shape, private_settings, stderr, stdout

if TYPE_CHECKING:
    import polars as pl

    from flows.commands.document import Section
    from warehouse.store import Warehouse

app = typer.Typer()
review = typer.Typer(
    invoke_without_command=True,
    epilog="Examples: pertoken review · pertoken review accept 3f2a91bc --reason 'their blog announces it' "
    "· pertoken review reject openai --reason 'the page had its columns swapped'",
)
app.add_typer(review, name="review")

Subject = Annotated[
    str, typer.Argument(help="The id of a price as `pertoken review` shows it, or a source for all that waits of it.")
]
Reason = Annotated[str, typer.Option(help="Why; kept with the decision.")]


@review.callback()
def waiting(context: typer.Context, output: Shape = Form.table) -> None:
    """What is held or set apart, with the evidence; `accept` and `reject` settle a price, for that value only."""
    if context.invoked_subcommand is None:
        _list(output)


@review.command(epilog="Example: pertoken review accept 3f2a91bc --reason 'announced on their blog on 3 November'")
def accept(subject: Subject, reason: Reason) -> None:
    """The price is right: it counts from the next refresh on."""
    _decide(subject, "accept", reason)


@review.command(epilog="Example: pertoken review reject 3f2a91bc --reason 'a tenth of every other reading'")
def reject(subject: Subject, reason: Reason) -> None:
    """The price is wrong: the last good one stays for as long as this one is read."""
    _decide(subject, "reject", reason)


def ticket(row: Mapping[str, Any]) -> str:
    """A short id of one price at one value: when another value is read, the id is another, too."""
    return hashlib.sha256(f"{row['price_key']}={row['usd_per_mtok']}".encode()).hexdigest()[:8]


def _list(output: Form) -> None:
    from flows import tables
    from flows.commands import document
    from warehouse.store import Warehouse

    current = private_settings()
    with Warehouse.open(current.store) as warehouse:
        prices = [{"id": ticket(row), **row} for row in _waiting(warehouse).iter_rows(named=True)]
    apart = tables.rows(current.published, "set_apart") if current.published.is_file() else []
    document.show(_sections(prices, apart), {"prices": prices, "set_apart": apart}, output)


def _decide(subject: str, verdict: Literal["accept", "reject"], reason: str) -> None:
    from transforms import quality
    from warehouse.store import Warehouse

    current = private_settings()
    if current.home.name == "recorded":
        raise BadSetting("only recorded responses are here, and they are made anew each time: no decision would last")
    with Warehouse.open(current.store) as warehouse:
        waiting = _waiting(warehouse)
        keys = {ticket(row): row["price_key"] for row in waiting.iter_rows(named=True)}
        try:
            decided = quality.decide(
                waiting,
                keys.get(subject, subject),
                verdict,
                reason=reason,
                decided_by=_login_name(),
                decided_at=datetime.now(UTC),
            )
        except ValueError as error:
            raise BadSetting(str(error)) from error
        for row in decided.iter_rows(named=True):
            warehouse.record_decision(**row)
            stdout.print(f"{verdict}ed {row['subject']} at {row['value_usd_per_mtok']:f} USD per 1M", markup=False)
    stderr.print("It counts from the next refresh on; `pertoken replay` reads what is stored again with it.")


def _waiting(warehouse: Warehouse) -> pl.DataFrame:
    """The prices of each source's newest run that no decision has settled; see `quality.waiting`."""
    from transforms import quality
    from warehouse.reference import reference

    runs = warehouse.runs()
    if runs.is_empty():
        raise BadSetting("there was no refresh yet: run `pertoken refresh`")
    prices = warehouse.current_prices(runs["run_id"][-1])
    agreement = quality.second_readings(prices, reference("provider_names"))
    return quality.waiting(prices, agreement, warehouse.decisions())


def _login_name() -> str:
    """Who the kernel says it is; an environment variable could say anybody."""
    import os
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


# --- how it is printed -----------------------------------------------------------------------------------------------


def _sections(prices: list[dict[str, Any]], apart: list[dict[str, Any]]) -> list[Section]:
    from flows.commands.document import Section
    from flows.tables import Column, age, count, usd, words

    price_columns = (
        Column("id", lambda row: row["id"], style=lambda row: "bold"),
        Column("source", lambda row: words(row["source"])),
        Column("model", lambda row: words(row["model"] or row["model_name"])),
        Column("at", lambda row: words(row["provider"])),
        Column("what", lambda row: words(row["tier"], row["component"])),
        Column("status", lambda row: row["status"], style=lambda row: "yellow" if row["status"] == "held" else "red"),
        Column("$/1M read", lambda row: usd(row["usd_per_mtok"]), "right", lambda row: "bold"),
        Column("last good", lambda row: usd(row["last_good_usd_per_mtok"]), "right"),
        Column("factor", lambda row: "–" if row["factor"] is None else f"{row['factor']:.3g}", "right"),
        Column("others say", lambda row: words(row["second"]), wrap=True),
        Column("because", lambda row: words(", ".join(row["reasons"])), wrap=True),
        Column("as read", lambda row: words(row["raw_text"]), wrap=True),
        Column("age", lambda row: age(row["observed_at"]), "right"),
    )
    apart_columns = (
        Column("kind", lambda row: words(row["kind"])),
        Column("source", lambda row: words(row["source"])),
        Column("status", lambda row: row["status"]),
        Column("rows", lambda row: count(row["n"]), "right"),
        Column("because", lambda row: words(", ".join(row["reasons"])), wrap=True),
        Column("for example", lambda row: words(row["example"]), wrap=True),
    )
    nothing = ["Nothing waits: no price is held or quarantined."] if not prices else []
    sections = [Section("Prices that wait for a decision", nothing, price_columns, prices)]
    if apart:
        sections.append(
            Section(
                "Set apart by the guards, counted; a new name or a fixed parser settles these", (), apart_columns, apart
            )
        )
    return sections
