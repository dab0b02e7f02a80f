"""`pertoken plan`: the cheapest fleets for a load, beside what the APIs would charge for it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.settings import BadSetting
from flows.terminal import File, Form, Shape, frame, known, published_file, published_reference, stdout

if TYPE_CHECKING:
    import polars as pl

    from flows.commands.document import Section
    from flows.commands.market import Reference
    from flows.custom import OwnPrice
    from transforms.plan import Plan

app = typer.Typer()

OWN_WORKLOAD = "own"
SUFFIXES = {"": 1.0, "k": 1e3, "m": 1e6, "b": 1e9, "g": 1e9, "t": 1e12}


@app.command(
    epilog="Examples: pertoken plan llama-3.3-70b --workload chat --tokens-per-day 100M "
    "· pertoken plan qwen3-32b --isl 3000 --osl 400 --ttft 1500 --tokens-per-s 30 --tokens-per-day 2B --peak-factor 4 "
    "· pertoken plan our-70b --custom ours.toml --workload support --tokens-per-day 50M --people --format md"
)
def plan(
    models: Annotated[list[str], typer.Argument(metavar="MODEL...", help="Our ids; each may serve the load.")],
    tokens_per_day: Annotated[str, typer.Option(help="Tokens in and out per day: 500000, 100M, 2B.")],
    workload: Annotated[str | None, typer.Option(help="chat (when left out), rag, batch, … or your own.")] = None,
    isl: Annotated[
        int | None, typer.Option(min=0, help="Prompt tokens per request, instead of the workload's.")
    ] = None,
    osl: Annotated[int | None, typer.Option(min=1, help="Answer tokens per request.")] = None,
    cached: Annotated[
        float | None, typer.Option(min=0, max=1, help="Share of the prompt that is in the prefix cache.")
    ] = None,
    ttft: Annotated[float | None, typer.Option(min=1, help="First token within this many ms.")] = None,
    tokens_per_s: Annotated[float | None, typer.Option(min=0.1, help="At least this many tokens/s per user.")] = None,
    peak_factor: Annotated[float | None, typer.Option(help="Peak over mean load.")] = None,
    availability: Annotated[
        float | None, typer.Option(min=0.5, max=0.999999, help="Share of the time the peak can be served.")
    ] = None,
    busy_hours: Annotated[float, typer.Option(help="Hours a day in which the load comes; idle in the rest.")] = 24.0,
    quant: Annotated[list[str] | None, typer.Option(help="Only fleets in this quantisation (repeatable).")] = None,
    spot: Annotated[bool, typer.Option("--spot", help="Machines that can be taken away are allowed.")] = False,
    community: Annotated[bool, typer.Option("--community", help="Unverified hosts are allowed.")] = False,
    people: Annotated[bool, typer.Option("--people", help="Add what setup and upkeep by people cost.")] = False,
    custom: Annotated[
        list[Path] | None, typer.Option(help="Own workloads, models and GPU prices: a TOML or CSV file (repeatable).")
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="Rows per table.")] = 10,
    output: Shape = Form.table,
    file: File = None,
) -> None:
    """The cheapest fleets of whole machines that hold a load within its limits, beside the bills at APIs."""
    from transforms import plan as plans
    from transforms.assumptions import Assumptions
    from warehouse.reference import tables as reference_tables

    published = published_file(file)
    limits = {
        "isl_tokens": isl,
        "osl_tokens": osl,
        "cached_input_fraction": cached,
        "ttft_slo_ms": ttft,
        "min_tokens_per_s_per_user": tokens_per_s,
    }
    own = bool(custom) or any(value is not None for value in limits.values())
    known_facts = reference_tables() if own else published_reference(published, "models", "workloads", "assumptions")
    prices, reference = _added(custom or [], known_facts)
    for name in models:
        known("model", name, reference["models"]["model"])
    asked, reference = _workload(workload, limits, reference)
    if own:
        board = _board(published, reference, prices, models, asked)
    else:
        board = _published(published, reference, models, asked)
    demand = plans.Demand(
        models=tuple(models),
        workload=asked,
        tokens_per_day=tokens(tokens_per_day),
        peak_factor=peak_factor,
        availability_target=availability,
        busy_hours_per_day=busy_hours,
        boards=("trusted", *(["community"] if community else []), *(["interruptible"] if spot else [])),
        people=("setup", "upkeep") if people else (),
        longest_list=top,
    )
    assumptions = Assumptions.of(reference["assumptions"])
    try:
        found = plans.plan(_in_quants(board, quant), reference["models"], demand, assumptions)
    except ValueError as error:
        raise BadSetting(str(error)) from error
    _show(found, published, output)


def tokens(text: str) -> float:
    """ "100M" -> 1e8. Raises BadSetting."""
    match = re.fullmatch(r"(\d+(?:[._]\d+)*)\s*([kmbgt]?)", text.strip().lower())
    try:
        return float(match[1]) * SUFFIXES[match[2]]  # type: ignore[index]
    except (TypeError, ValueError):
        raise BadSetting(f"--tokens-per-day is {text!r}; it takes a number, e.g. 500000, 100M or 2B") from None


def _added(paths: list[Path], reference: Reference) -> tuple[list[OwnPrice], Reference]:
    """Own GPU prices, and the reference with the user's rows in it."""
    if not paths:
        return [], reference
    from flows import custom

    added = custom.read(paths, reference)
    return list(added.prices), added.beside(reference)


def _workload(name: str | None, wished: dict[str, float | None], reference: Reference) -> tuple[str, Reference]:
    """The workload asked for; with limits of one's own it becomes a further one, made from the one named."""
    import msgspec
    import polars as pl

    from flows import custom

    limits = {key: value for key, value in wished.items() if value is not None}
    if not limits:
        return known("workload", name or "chat", reference["workloads"].filter(on_board="yes")["workload"]), reference
    if name is None:
        if not {"isl_tokens", "osl_tokens"} <= limits.keys():
            raise BadSetting("--isl and --osl go together, or change the limits of a --workload")
        row = custom.workload_rows(
            {OWN_WORKLOAD: msgspec.convert(limits, custom.OwnWorkload)}, reference["workloads"].schema
        )
    else:
        known("workload", name, reference["workloads"]["workload"])
        changed = {key: pl.lit(value) for key, value in limits.items()}
        row = reference["workloads"].filter(workload=name).with_columns(workload=pl.lit(OWN_WORKLOAD), **changed)
        row = row.cast(reference["workloads"].schema)
    return OWN_WORKLOAD, {**reference, "workloads": pl.concat([reference["workloads"], row])}


def _board(
    published: Path, reference: Reference, prices: list[OwnPrice], models: list[str], workload: str
) -> pl.DataFrame:
    from flows.commands import market

    return market.board(published, reference, prices, models, workload)


def _published(published: Path, reference: Reference, models: list[str], workload: str) -> pl.DataFrame:
    bought = [*models, *reference["models"].filter(frontier="yes")["model"]]
    return frame(published, "board_rows", boards=None, workload=workload, models=bought)


def _in_quants(board: pl.DataFrame, quants: list[str] | None) -> pl.DataFrame:
    import polars as pl

    if not quants:
        return board
    for name in quants:
        known("quantisation among the fleets", name, board.filter(kind="self_hosted")["quant"])
    return board.filter((pl.col("kind") == "api") | pl.col("quant").is_in(quants))


# --- how it is printed -----------------------------------------------------------------------------------------------


def _show(found: Plan, published: Path, output: Form) -> None:
    import sys

    from flows import tables
    from flows.commands import document
    from transforms import plan_document

    if output is Form.md:
        sys.stdout.write(plan_document.as_markdown(found))
        return
    if output is Form.table and (warning := tables.banner(published)):
        stdout.print(warning)
    document.show(_sections(found), plan_document.as_json(found), output)


def _sections(found: Plan) -> list[Section]:
    from flows.commands.document import Section
    from flows.tables import Column, count, machine, usd, words
    from transforms.plan_document import advice

    fleets = (
        Column("fleet", lambda row: words(f"{row['machines']} ×", machine(row)), style=lambda row: "bold"),
        Column("model", lambda row: words(row["model"])),
        Column("quant", lambda row: words(row["quant"])),
        Column("from", lambda row: words(row["source"])),
        Column("board", lambda row: row["board"]),
        Column("$/month", lambda row: usd(row["usd_per_month"]), "right", lambda row: "bold green"),
        Column("band", lambda row: f"{count(row['usd_per_month_low'])}–{count(row['usd_per_month_high'])}"),
        Column("GPUs alone", lambda row: usd(row["usd_per_month_bare"]), "right"),
        Column("people", lambda row: usd(row["usd_per_month_people"]), "right"),
        Column("$/1M", lambda row: usd(row["usd_per_mtok"]), "right"),
        Column("used", lambda row: f"{row['utilization']:.0%}", "right"),
        Column("spares", lambda row: count(row["machines"] - row["machines_serving"]), "right"),
        Column("on offer", lambda row: count(row["machines_offered"]), "right"),
        Column("TTFT ms", lambda row: count(row["ttft_ms"]), "right"),
        Column("basis", lambda row: words(row["throughput_basis"])),
    )
    bills = (
        Column("model", lambda row: words(row["model"])),
        Column("host", lambda row: words(row["provider"])),
        Column("quant", lambda row: words(row["quant"])),
        Column("tier", lambda row: words(row["tier"])),
        Column("$/month", lambda row: usd(row["usd_per_month"]), "right", lambda row: "bold green"),
        Column("$/1M", lambda row: usd(row["usd_per_mtok"]), "right"),
        Column("promotion", lambda row: "yes" if row["promo"] else ""),
    )
    demand, load = found.demand, found.load
    heading = f"{demand.tokens_per_day:,.0f} tokens a day of {demand.workload} on {', '.join(demand.models)}"
    requests = (
        f"{load['requests_per_hour_mean']:,.0f} requests of {load['tokens_per_request']:,.0f} tokens an hour "
        f"on average, {load['requests_per_hour_peak']:,.0f} at peak."
    )
    assumed = [f"{name} {value:g}" for name, value in found.assumptions.items()]
    longest = demand.longest_list
    same, frontier = (found.api_bills.filter(comparison=name).head(longest) for name in ("same model", "frontier"))
    return [
        Section(heading, [requests]),
        Section("Fleets", (), fleets, found.fleets.to_dicts()),
        Section("The same load at APIs", (), bills, same.to_dicts()),
        Section("The same load at frontier models", (), bills, frontier.to_dicts()),
        Section("Notes", [*found.notes, *advice(found.scale_to_zero)]),
        Section("Assumed", [", ".join(assumed)]),
    ]
