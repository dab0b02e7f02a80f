"""`pertoken explain`: how one number of a board came about."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.settings import BadSetting
from flows.terminal import Board, File, Form, Model, Shape, frame, known, published_file, published_reference, show

if TYPE_CHECKING:
    from flows.commands.document import Section
    from flows.tables import Column
    from transforms.ranking import Explanation

app = typer.Typer()

LONGEST_LIST = 25


@app.command(
    epilog='Examples: pertoken explain "chat llama-3.3-70b fp8 vast 2x h100-sxm-80gb" '
    "· pertoken explain chat llama-3.3-70b deepinfra "
    "· pertoken explain --board trusted --workload chat --model llama-3.3-70b --place 1"
)
def explain(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ROW...",
            help="Words that name the row, as the boards print them, in any order: workload, model, quantisation, "
            "source or host, GPU, count (2x). The cheapest row that all of them name is explained.",
        ),
    ] = None,
    board: Annotated[Board | None, typer.Option(help="The board it stands on.")] = None,
    workload: Annotated[str | None, typer.Option(help="chat, rag, batch, …")] = None,
    model: Model = None,
    place: Annotated[int | None, typer.Option(min=1, help="Its place there.")] = None,
    output: Shape = Form.table,
    file: File = None,
) -> None:
    """How a row of the boards came about: offers, throughput, utilisation, every assumption, and the SQL to see it."""
    from flows import tables
    from flows.commands import document

    published = published_file(file)
    place_word = f"#{place}" if place else None
    asked = [word.lower() for text in words or [] for word in text.split()]
    asked += [word for word in (workload, model, place_word) if word]
    if not asked:
        raise BadSetting("name a row, e.g. `pertoken explain chat llama-3.3-70b`")
    rows = _rows(published, asked, board)
    found = _explanation(published, rows[0])
    if output is Form.table:
        show([tables.banner(published)])
    document.show(_sections(published, found, len(rows)), _facts(found), output)


def _rows(published: Path, asked: list[str], board: Board | None) -> list[dict[str, Any]]:
    """The rows that every word names, the cheapest first. Raises BadSetting."""
    from flows.tables import rows

    # The combined board repeats rows of others: it is meant only where its own places are.
    chosen = board or (Board.combined if any(word.startswith("#") for word in asked) else None)
    found = rows(published, "board_rows_named", words=asked, board=chosen, top=1000)
    found = [row for row in found if chosen is Board.combined or row["board"] != Board.combined]
    if not found:
        vocabulary = {row["word"] for row in rows(published, "words_of_boards")}
        for word in asked:
            if not word.startswith("#"):
                known("word on the boards", word, vocabulary)
        raise BadSetting(
            f"no row of {chosen or 'any board'} is named by all of {', '.join(asked)}; "
            "leave one out, or ask `pertoken estimate` whether that configuration serves the model at all"
        )
    return found


def _explanation(published: Path, row: dict[str, Any]) -> Explanation:
    from transforms import ranking
    from transforms.assumptions import Assumptions

    of_gpu = {"source": row["source"], "gpu": row["gpu"]}
    served = {name: row[name] for name in ("gpu", "gpu_count", "model", "quant", "workload")}
    return ranking.explain(
        row,
        gpu_prices=frame(published, "board_prices", **of_gpu),
        gpu_offers=frame(published, "newest_offers", **of_gpu),
        api_prices=frame(published, "newest_api_prices", source=row["source"], models=[row["model"]]),
        estimates=frame(published, "estimates_behind_row", **served),
        assumptions=Assumptions.of(published_reference(published, "assumptions")["assumptions"]),
    )


# --- how it is printed -----------------------------------------------------------------------------------------------


def statement(name: str, parameters: Mapping[str, Any]) -> str:
    """The text of a query with its parameters written in, to be read and pasted; what is run here binds them."""
    import re

    from warehouse.queries import query

    def literal(value: Any) -> str:
        if value is None:
            return "null"
        return str(value) if isinstance(value, (int, float)) else "'" + str(value).replace("'", "''") + "'"

    lines = [line for line in query(name).splitlines() if not line.startswith("--")]
    return re.sub(r"\$(\w+)", lambda match: literal(parameters[match[1]]), "\n".join(lines))


def _facts(found: Explanation) -> dict[str, Any]:
    return {
        "row": found.row,
        "steps": found.steps,
        "price": found.price,
        "offers": found.offers.to_dicts(),
        "estimate": found.estimate,
        "assumptions": found.assumptions,
        "sql": statement(found.query, found.parameters),
    }


def _sections(published: Path, found: Explanation, matching: int) -> list[Section]:
    from flows.commands.document import Section

    row = found.row
    others = f"{matching - 1:,} other rows are named by these words; this is the cheapest." if matching > 1 else ""
    more = found.offers.height - LONGEST_LIST
    shown = f"The first {LONGEST_LIST} of {found.offers.height}." if more > 0 else ""
    return [
        Section(_title(row), [line for line in (_standing(row), others) if line]),
        Section("The arithmetic", [f"{number}. {step}" for number, step in enumerate(found.steps, start=1)]),
        *([Section("The throughput", _estimate_lines(row, found.estimate))] if found.estimate else []),
        Section(
            "The offers behind the price" if found.price else "The prices behind it",
            [shown] if shown else [],
            _offer_columns() if found.price else _price_columns(),
            found.offers.head(LONGEST_LIST).to_dicts(),
        ),
        Section("Assumed", [], _assumption_columns(), _assumed(published, found.assumptions)),
        Section("The SQL to see it, for pertoken sql", statement(found.query, found.parameters).splitlines()),
    ]


def _title(row: Mapping[str, Any]) -> str:
    from flows.tables import band, machine, usd, words

    what = words(machine(row), "at", row["source"]) if row["gpu"] else words(row["provider"], "via", row["source"])
    price = usd(row["usd_per_mtok"])
    around = band(row["usd_per_mtok_low"], row["usd_per_mtok_high"]) if row["kind"] == "self_hosted" else ""
    return f"{row['workload']} on {row['model']} {row['quant']}, {what}: {price} per 1M tokens" + (
        f" ({around})" if around else ""
    )


def _standing(row: Mapping[str, Any]) -> str:
    from flows.tables import words

    seen = f"{row['provenance']}, read {row['observed_at']:%Y-%m-%d %H:%M} UTC ({row['freshness']})"
    if row["place"] is None:
        return f"Not ranked on the {row['board']} board: {words(row['exclusion_reason'])}; {seen}."
    return f"Place {row['place']} of its model on the {row['board']} board; {seen}."


def _estimate_lines(row: Mapping[str, Any], estimate: Mapping[str, Any]) -> list[str]:
    from flows.tables import words

    wanted = f"--gpu {row['gpu']} --gpus {row['gpu_count']} --quant {row['quant']} --workload {row['workload']}"
    return [
        f"{row['gpu_count']} x {row['gpu']} of {estimate['memory_gib']:.1f} GiB, {estimate['interconnect']}; "
        f"{estimate['weights_gib']:.1f} GiB of weights; tensor-parallel {estimate['tp']}, "
        f"{estimate['replicas']} replica(s), {estimate['concurrency']} requests at once.",
        f"First token after {estimate['ttft_ms']:,.0f} ms, then {estimate['tokens_per_s_per_user']:.1f} tokens/s "
        f"for each user; {row['cached_input_fraction']:.0%} of the prompt from the cache.",
        f"Basis: {estimate['throughput_basis']}, for an engine of the {estimate['engine_generation']} generation. "
        f"Bound by: {estimate['bound_by']}.",
        words(f"Every term of it: pertoken estimate {row['model']} {wanted}"),
    ]


def _offer_columns() -> tuple[Column, ...]:
    from flows.tables import Column, age, count, usd, words

    return (
        Column("offer", lambda row: words(row["offer_id"])),
        Column("machine", lambda row: words(row["machine_id"])),
        Column("GPUs", lambda row: f"{row['gpu_count']:g}", "right"),
        Column("GiB", lambda row: "–" if row["memory_gib"] is None else f"{row['memory_gib']:.1f}", "right"),
        Column("$/h", lambda row: usd(row["usd_per_hour"]), "right"),
        Column("$/GPU/h", lambda row: usd(row["usd_per_gpu_hour"]), "right"),
        Column("host is", lambda row: words(row["verification"])),
        Column("reliable", lambda row: "–" if row["reliability"] is None else f"{row['reliability']:.1%}", "right"),
        Column("units", lambda row: count(row["available_units"]), "right"),
        Column("age", lambda row: age(row["observed_at"]), "right"),
        Column("does not count because", lambda row: words(row["exclusion_reason"]), wrap=True),
    )


def _price_columns() -> tuple[Column, ...]:
    from flows.tables import Column, age, count, usd, words

    return (
        Column("component", lambda row: words(row["component"])),
        Column("tier", lambda row: words(row["tier"])),
        Column("$/1M", lambda row: usd(row["usd_per_mtok"]), "right"),
        Column("prompts from", lambda row: count(row["context_min_tokens"]), "right"),
        Column("to", lambda row: count(row["context_max_tokens"]), "right"),
        Column("hours", lambda row: words(row["time_band"], row["band_rule"])),
        Column("status", lambda row: words(row["status"], *(row["reasons"] or []))),
        Column("as read", lambda row: words(row["raw_text"]), wrap=True),
        Column("age", lambda row: age(row["observed_at"]), "right"),
    )


def _assumption_columns() -> tuple[Column, ...]:
    from flows.tables import Column, words

    return (
        Column("assumption", lambda row: words(row["assumption"])),
        Column("value", lambda row: f"{row['value']:g}", "right"),
        Column("unit", lambda row: words(row["unit"])),
        Column("what it decides", lambda row: words(row["note"]), wrap=True),
    )


def _assumed(published: Path, used: Mapping[str, float]) -> list[dict[str, Any]]:
    table = published_reference(published, "assumptions")["assumptions"]
    described = {row["assumption"]: row for row in table.iter_rows(named=True)}
    return [described[name] for name in used]
