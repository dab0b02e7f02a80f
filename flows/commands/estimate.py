"""`pertoken estimate`: how fast a model is on a machine, every term of it, and what was measured nearby."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.settings import BadSetting
from flows.terminal import Form, Shape, known, stderr

if TYPE_CHECKING:
    from flows.commands.document import Section
    from flows.commands.market import Reference
    from flows.tables import Column

app = typer.Typer()

BATCH_ROWS = 50_000
"""Rows of a file estimated at a time."""
NEAREST = 6
TERMS = {
    "weights": "reading the weights from memory",
    "compute": "multiplying with them",
    "attention": "reading and multiplying with the cache",
    "communication": "between the GPUs of a replica",
    "overhead": "launching, sampling, scheduling",
    "total": "",
}


@app.command(
    epilog="Examples: pertoken estimate llama-3.3-70b --quant fp8 --gpu h100-sxm-80gb --gpus 2 --workload chat "
    "· pertoken estimate qwen3-32b --quant int4 --gpu rtx-4090-24gb --isl 1024 --osl 256 --concurrency 8 "
    "· pertoken estimate ours --config config.json --quant bf16 --gpu l40s-48gb --isl 500 --osl 500 "
    "· pertoken estimate --rows tests.csv --out estimates.csv"
)
def estimate(
    model: Annotated[str | None, typer.Argument(help="Our id of a model; any name with --config.")] = None,
    gpu: Annotated[str | None, typer.Option(help="Our id of a GPU, e.g. h100-sxm-80gb.")] = None,
    gpus: Annotated[int, typer.Option(min=1, max=64, help="How many of them the machine has.")] = 1,
    quant: Annotated[str | None, typer.Option(help="bf16, fp8, int4, …; the model's own when left out.")] = None,
    workload: Annotated[str | None, typer.Option(help="chat, rag, batch, …, with its limits.")] = None,
    isl: Annotated[int | None, typer.Option(min=0, help="Prompt tokens per request.")] = None,
    osl: Annotated[int | None, typer.Option(min=1, help="Answer tokens per request.")] = None,
    cached: Annotated[
        float | None, typer.Option(min=0, max=1, help="Share of the prompt that is in the prefix cache.")
    ] = None,
    ttft: Annotated[float | None, typer.Option(min=1, help="First token within this many ms.")] = None,
    tokens_per_s: Annotated[float | None, typer.Option(min=0.1, help="At least this many tokens/s per user.")] = None,
    concurrency: Annotated[
        int | None, typer.Option(min=1, help="Requests at once on the machine; as many as limits allow when left out.")
    ] = None,
    tp: Annotated[int | None, typer.Option(min=1, help="Tensor-parallel size; the best one when left out.")] = None,
    interconnect: Annotated[str | None, typer.Option(help="nvlink, xgmi or pcie; the GPU's usual link else.")] = None,
    config: Annotated[Path | None, typer.Option(help="A Hugging Face config.json of a model not listed.")] = None,
    rows: Annotated[Path | None, typer.Option(help="Instead: a CSV of test conditions, one estimate per row.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where the estimates of --rows go.")] = None,
    output: Shape = Form.table,
) -> None:
    """Tokens/s with its band and basis, every term of the roofline, what bounds it, and what was measured nearby."""
    from warehouse.reference import tables as reference_tables

    reference: Reference = reference_tables()
    if rows is not None:
        _estimate_file(rows, out, reference)
        return
    if model is None or gpu is None:
        raise BadSetting("name a MODEL and a --gpu, or a file with --rows")
    if config is not None:
        reference = _with_model(config, model, reference)
    known("model", model, reference["models"]["model"])
    known("GPU", gpu, reference["gpus"]["gpu"])
    wished = {
        "isl_tokens": isl,
        "osl_tokens": osl,
        "cached_input_fraction": cached,
        "ttft_slo_ms": ttft,
        "min_tokens_per_s_per_user": tokens_per_s,
        "concurrency": concurrency,
        "tp": tp,
        "interconnect": interconnect,
    }
    served = {"gpu": gpu, "gpu_count": gpus, "model": model, "quant": _quant(quant, model, reference)}
    _answer(served | _asked(workload, wished, reference), reference, output)


def _with_model(path: Path, model: str, reference: Reference) -> Reference:
    import polars as pl

    from flows import custom

    if model in reference["models"]["model"]:
        raise BadSetting(f"{model} is a model of the reference; give the one in {path} another name")
    row = custom.model_of_config(path, model, reference)
    return {**reference, "models": pl.concat([reference["models"], row])}


def _quant(quant: str | None, model: str, reference: Reference) -> str:
    own = reference["models"].filter(model=model)["native_quant"].item() or "bf16"
    return known("quantisation", quant or own, reference["quants"]["quant"])


def _asked(workload: str | None, wished: Mapping[str, Any], reference: Reference) -> dict[str, Any]:
    """The workload's lengths and limits, with what was asked for in their place."""
    limits: dict[str, Any] = {}
    if workload is not None:
        known("workload", workload, reference["workloads"]["workload"])
        limits = reference["workloads"].filter(workload=workload).row(0, named=True)
    asked = {name: limits.get(name) if value is None else value for name, value in wished.items()}
    if asked["isl_tokens"] is None or asked["osl_tokens"] is None:
        raise BadSetting("say how long prompts and answers are: --workload, or --isl and --osl")
    if asked["interconnect"] is not None:
        known("interconnect", asked["interconnect"], ("nvlink", "xgmi", "pcie"))
    return asked


def _answer(asked: dict[str, Any], reference: Reference, output: Form) -> None:
    import polars as pl

    from flows.commands import document
    from transforms import throughput
    from transforms.throughput.estimate import DEFAULTS

    configuration = pl.DataFrame([asked], schema_overrides={name: DEFAULTS[name] for name in asked if name in DEFAULTS})
    facts = (reference[name] for name in ("gpus", "models", "quants", "calibration"))
    found = throughput.explain(configuration, *facts).row(0, named=True)
    nearest = throughput.nearest_measured(found, reference["benchmarks"], reference["gpus"], NEAREST).to_dicts()
    document.show(_sections(found, nearest), {**found, "nearest_measured": nearest}, output)


# --- a file of rows --------------------------------------------------------------------------------------------------


def _estimate_file(rows: Path, out: Path | None, reference: Reference) -> None:
    """Estimate a file in batches, whatever its length; the answer takes its place when it is whole."""
    from polars.exceptions import PolarsError

    if out is None:
        raise BadSetting("say where the estimates go: --out FILE.csv")
    if not rows.is_file():
        raise BadSetting(f"there is no file {rows}")
    building = out.with_name(f".{out.name}.building")
    try:
        count = _write_estimates(rows, building, reference)
        building.replace(out)
    except PolarsError as error:
        raise BadSetting(f"{rows} cannot be read as CSV with a header: {str(error).splitlines()[0]}") from error
    except OSError as error:
        raise BadSetting(f"{out} cannot be written: {error.strerror}") from error
    finally:
        building.unlink(missing_ok=True)
    stderr.print(f"wrote {out}: {count:,} rows")


def _write_estimates(rows: Path, target: Path, reference: Reference) -> int:
    import polars as pl

    from transforms.throughput import estimate_rows
    from transforms.throughput.published import COLUMNS

    count = 0
    scan = pl.scan_csv(rows, infer_schema=False)
    needed = ("id", "model", "gpu")
    if missing := [name for name in needed if name not in scan.collect_schema()]:
        raise BadSetting(f"{rows}: column {', '.join(missing)} is missing; the columns read are {', '.join(COLUMNS)}")
    facts = [reference[name] for name in ("gpus", "models", "quants", "calibration")]
    with target.open("wb") as file:
        for batch in scan.collect_batches(chunk_size=BATCH_ROWS, maintain_order=True):
            estimate_rows(batch, *facts).write_csv(file, include_header=count == 0)
            count += batch.height
    return count


# --- how it is printed -----------------------------------------------------------------------------------------------


def _sections(found: Mapping[str, Any], nearest: list[dict[str, Any]]) -> list[Section]:
    from flows.commands.document import Section
    from flows.tables import Column, words

    what = words(f"{found['model']} {found['quant']} on {found['gpu_count']} x {found['gpu']}")
    measured = Section("Measured nearest to it", [] if nearest else ["Nothing was."], _measured_columns(), nearest)
    if found["reason"] is not None:
        return [Section(f"{what}: no estimate", [words(found["reason"])]), measured]
    rate = (
        f"{what}: {found['output_tokens_per_s']:,.0f} output tokens/s "
        f"({found['output_tokens_per_s_low']:,.0f}–{found['output_tokens_per_s_high']:,.0f}), "
        f"{found['throughput_basis']}"
    )
    terms = [
        {"term": term, "what": what, **{phase: found[f"{phase}_{term}_ms"] for phase in ("decode", "prefill")}}
        for term, what in TERMS.items()
    ]
    term_columns = (
        Column("term", lambda row: row["term"], style=lambda row: "bold" if row["term"] == "total" else ""),
        Column("one decode step, ms", lambda row: f"{row['decode']:,.3f}", "right"),
        Column("one prompt, ms", lambda row: f"{row['prefill']:,.3f}", "right"),
        Column("", lambda row: row["what"]),
    )
    return [
        Section(rate, _state_lines(found)),
        Section("Memory", _memory_lines(found)),
        Section("The roofline, term by term", (), term_columns, terms),
        measured,
    ]


def _state_lines(found: Mapping[str, Any]) -> list[str]:
    return [
        f"{found['requests_per_hour']:,.0f} requests an hour of {found['isl_tokens']:,} tokens in and "
        f"{found['osl_tokens']:,} out; {found['concurrency']} at once on {found['replicas']} replica(s) of "
        f"tensor-parallel {found['tp']}.",
        *_latency_lines(found),
        f"Bound by {BOUNDS.get(found['bound_by'], found['bound_by'])}. "
        f"The band is an 80 % interval; the engine is of the {found['engine_generation']} generation.",
    ]


def _latency_lines(found: Mapping[str, Any]) -> list[str]:
    first = f"First token after {found['ttft_ms']:,.0f} ms"
    if found["osl_tokens"] < 2:
        return [f"{first}, which is the whole answer."]
    return [
        f"{first}, then one every {found['tpot_ms']:,.1f} ms: "
        f"{found['tokens_per_s_per_user']:,.1f} tokens/s for each user.",
        f"The decode step below takes {found['decode_total_ms']:,.1f} ms of these; the rest goes to the prompts of "
        "others and to what engines lose beside these terms.",
    ]


BOUNDS = {
    "bandwidth": "memory bandwidth",
    "compute": "compute",
    "interconnect": "the link between the GPUs",
    "overhead": "the engine's overhead per step",
    "kv_memory": "memory for the cache: a larger batch would be faster and does not fit",
    "slo": "the service level: a larger batch would be faster and too slow for each user",
}


def _memory_lines(found: Mapping[str, Any]) -> list[str]:
    return [
        f"Weights {found['weights_gb']:,.1f} GB, {found['weights_gb_per_gpu']:,.1f} GB on each GPU of a replica; "
        f"{found['cache_budget_gb_per_gpu']:,.1f} GB left for the cache.",
        f"A sequence half way through its answer takes {found['cache_gb_per_sequence'] * 1000:,.1f} MB on each GPU: "
        f"{found['batch_limit']:,.0f} fit, {found['batch']:,.0f} run on each replica.",
    ]


def _measured_columns() -> tuple[Column, ...]:
    from flows.tables import Column, count, machine, words
    from warehouse.export.text import plain

    return (
        Column("model", lambda row: words(row["model"], row["quant"])),
        Column("on", machine),
        Column("engine", lambda row: words(row["engine"], row["engine_version"])),
        Column("in/out", lambda row: f"{count(row['isl_tokens'])}/{count(row['osl_tokens'])}", "right"),
        Column("at once", lambda row: count(row["concurrency"]), "right"),
        Column("tokens/s", lambda row: count(row["output_tokens_per_s"]), "right", lambda row: "bold"),
        Column("grade", lambda row: words(row["grade"])),
        Column("source", lambda row: plain(row["source"], limit=60)),
    )
