"""Published tests: from the columns of a result file to what was asked of each replica, and our estimate of it.

Nothing here looks a measurement up: the estimate of a row comes from its conditions and the calibration alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from transforms.throughput.band import band_factors, near
from transforms.throughput.calibration import Calibration
from transforms.throughput.columns import Bools, Floats, Traits
from transforms.throughput.facts import Facts, join_facts, traits
from transforms.throughput.memory import TP_SIZES, Deployment, deployments, sequence_bytes
from transforms.throughput.names import engine_id, gpu_ids, kv_quant_id, model_ids, quant_id, scenario_id
from transforms.throughput.serving import Load, batch_limit, steady_state
from transforms.throughput.unlisted import models_with_unlisted

COMFORTABLE_BATCH = 64
"""A test that does not state its tensor parallelism is taken to use the smallest group with room for this batch."""
TIGHT_SHARE = 0.995
"""Memory a test may fill whose authors tuned the engine until the model just fitted."""
USUAL_SHAPE = "architecture not known: a usual shape of the stated size"
SHAPE_UNSTATED = 512
"""Prompt and output tokens assumed where a result does not state them."""
COLUMNS = ("id", "engine", "model", "quant", "kv_cache_dtype", "gpu", "n_gpus", "tp", "pp", "scenario",
           "concurrency_or_batch", "input_tokens", "output_tokens")  # fmt: skip
"""What `estimate_rows` reads; other columns are ignored."""


@dataclass(frozen=True, slots=True)
class Runs:
    """How each test was run; one element per row."""

    deployment: Deployment
    load: Load
    replicas: Floats
    batch: Floats
    """Requests in flight per replica."""
    fits: Bools
    traits: Traits


def resolve(rows: pl.DataFrame, gpus: pl.DataFrame, models: pl.DataFrame) -> pl.DataFrame:
    """Turns the columns of a result file (`COLUMNS`) into the columns of reference/benchmarks.csv, ids for spellings.

    A spelling nobody knows becomes null. Numbers that are not stated become null.
    """
    text = rows.select(pl.col(name).cast(pl.String).fill_null("").str.strip_chars() for name in COLUMNS)
    gpu = gpu_ids(text["gpu"].unique(), gpus)
    model = model_ids(text["model"].unique(), models)

    def renamed(column: str, ids: dict[str, str | None]) -> pl.Expr:
        return pl.col(column).replace_strict(ids, return_dtype=pl.String)

    def rule(column: str, of: Callable[[str], str | None]) -> pl.Expr:
        return renamed(column, {spelling: of(spelling) for spelling in text[column].unique()})

    number = {"gpu_count": "n_gpus", "tp": "tp", "pp": "pp", "concurrency": "concurrency_or_batch",
              "isl_tokens": "input_tokens", "osl_tokens": "output_tokens"}  # fmt: skip
    return text.select(
        "id",
        gpu=renamed("gpu", gpu),
        model=renamed("model", model),
        quant=rule("quant", quant_id),
        kv_quant=rule("kv_cache_dtype", kv_quant_id),
        engine=rule("engine", engine_id),
        scenario=rule("scenario", scenario_id),
        **{name: pl.col(column).cast(pl.Float64, strict=False) for name, column in number.items()},
    )


def joined_runs(
    tests: pl.DataFrame, gpus: pl.DataFrame, models: pl.DataFrame, quants: pl.DataFrame
) -> tuple[pl.DataFrame, Runs]:
    """Facts beside each test, and how it was run. tests: the columns of `resolve`."""
    blank = [pl.lit(None, pl.Float64).alias("memory_gib"), pl.lit(None, pl.String).alias("interconnect")]
    joined = _with_scenario(_with_generation(join_facts(tests.with_columns(blank), Facts.of(gpus, models, quants))))
    deployment = deployments(joined)
    count = np.maximum(_column(joined, "gpu_count", 1.0), 1.0)
    pp = _column(joined, "pp", 1.0)
    most = np.where(joined["engine"] == "trtllm", 2048.0, np.where(joined["generation"] == "2023", 256.0, 1024.0))
    load = Load(
        _column(joined, "isl_tokens", SHAPE_UNSTATED),
        np.maximum(_column(joined, "osl_tokens", SHAPE_UNSTATED), 1.0),
        np.zeros(joined.height),
        _column(joined, "tp", np.nan),
        pp,
        most,
    )
    load = replace(load, tp=_tensor_parallel(deployment, load, count))
    asked = np.maximum(_column(joined, "concurrency", np.inf), 1.0)
    replicas = np.minimum(np.maximum(np.floor(count / (load.tp * pp)), 1.0), asked)
    limit = batch_limit(deployment, load)
    batch = np.minimum(asked / replicas, np.maximum(limit, 1.0))
    fits = (limit >= 1.0) | (_short_bytes(deployment, load) <= 0.0)
    return joined, Runs(deployment, load, replicas, batch, fits, traits(joined))


def _column(frame: pl.DataFrame, name: str, default: float) -> Floats:
    return frame[name].cast(pl.Float64).fill_null(default).to_numpy().astype(np.float64)


def _with_generation(joined: pl.DataFrame) -> pl.DataFrame:
    """The software's generation is not stated in a result: a test of a model or chip is about as old as its release."""
    young_chip = pl.col("arch").str.contains("blackwell|cdna")
    return joined.with_columns(
        generation=pl.when(young_chip | (pl.col("release_date") >= "2025"))
        .then(pl.lit("current"))
        .when(pl.col("release_date") >= "2024-04")
        .then(pl.lit("2024"))
        .otherwise(pl.lit("2023"))
    )


def _with_scenario(joined: pl.DataFrame) -> pl.DataFrame:
    alone = (pl.col("scenario") == "fixed_concurrency") & (pl.col("concurrency") == 1)
    saturated = (pl.col("scenario") == "offline_max") & pl.col("concurrency").is_null()
    return joined.with_columns(
        scenario=pl.when(alone).then(pl.lit("bs1")).when(saturated).then(pl.lit("saturated")).otherwise("scenario"),
        concurrency=pl.when(pl.col("scenario") == "bs1")
        .then(pl.col("concurrency").fill_null(1.0))
        .otherwise("concurrency"),
    )


def _tensor_parallel(deployment: Deployment, load: Load, count: Floats) -> Floats:
    """What the test states, else the smallest size with a comfortable batch, else every GPU (at most eight)."""
    chosen = np.where(np.isnan(load.tp), np.minimum(count, 8.0), load.tp)
    for size in sorted(TP_SIZES, reverse=True):
        tried = np.full_like(chosen, float(size))
        room = batch_limit(deployment, replace(load, tp=tried)) >= COMFORTABLE_BATCH
        chosen = np.where(np.isnan(load.tp) & room & (count >= size) & (count % size == 0), tried, chosen)
    return chosen


def _short_bytes(deployment: Deployment, load: Load) -> Floats:
    """Bytes each GPU lacks for the weights and one sequence when nearly all memory is given to them."""
    whole = sequence_bytes(deployment, load.prompt + load.output, load.tp) / load.pp
    return deployment.resident_bytes / (load.tp * load.pp) + whole - TIGHT_SHARE * deployment.memory_bytes


def _missing() -> pl.Expr:
    return (
        pl.when(pl.col("gpu").is_null())
        .then(pl.lit("unknown gpu"))
        .when(pl.col("model").is_null())
        .then(pl.lit("unknown model"))
        .when(pl.col("layers").is_null())
        .then(pl.lit("architecture not known"))
        .when(pl.col("quant").is_null())
        .then(pl.lit("unknown quantisation"))
    )


def estimate_rows(
    rows: pl.DataFrame, gpus: pl.DataFrame, models: pl.DataFrame, quants: pl.DataFrame, calibration: pl.DataFrame
) -> pl.DataFrame:
    """Estimates the results of a benchmark file from their conditions.

    rows: `COLUMNS` (missing ones count as unstated). Returns one row per input row, in order: id, output_tok_s with low
    and high (80 % interval), ttft_ms, tpot_ms, fits, basis (calibrated|estimated), reason. Declined rows are empty but
    for id, fits and reason.
    """
    stated = rows.with_columns(pl.lit(None, pl.String).alias(name) for name in COLUMNS if name not in rows.columns)
    known = models_with_unlisted(models, stated["model"].cast(pl.String).unique().drop_nulls())
    tests = resolve(stated, gpus, known)
    joined, runs = joined_runs(tests, gpus, known, quants)
    table = Calibration.of(calibration)
    fit = table.coefficients(table.index(runs.traits))
    state = steady_state(runs.deployment, fit, runs.load, runs.batch)
    fits, missing = pl.Series(runs.fits), _missing()
    short = _short_bytes(runs.deployment, runs.load) / 1e9
    found = joined.select(
        "id",
        "model",
        fits=pl.lit(fits) & missing.is_null(),
        reason=pl.when(missing.is_null() & ~fits)
        .then(pl.format("does not fit: {} GB short on each GPU", pl.lit(pl.Series(np.round(short, 1)))))
        .otherwise(missing),
        output_tok_s=pl.Series(state.output_tokens_per_s * runs.replicas),
        ttft_ms=pl.Series(state.ttft_s * 1e3),
        tpot_ms=pl.Series(state.tpot_s * 1e3),
        basis=pl.when(pl.Series(near(table, runs.traits))).then(pl.lit("calibrated")).otherwise(pl.lit("estimated")),
    )
    band = band_factors(table, runs.traits)
    banded = found.with_columns((pl.col("output_tok_s") * pl.Series(factor)).alias(end) for end, factor in band.items())
    numbers = ("output_tok_s", "low", "high", "ttft_ms", "tpot_ms", "basis")
    answered = pl.col("reason").is_null()
    generic = answered & pl.col("model").str.starts_with("unlisted-")
    return banded.with_columns(pl.when(answered).then(name).alias(name) for name in numbers).select(
        "id", "output_tok_s", "low", "high", "ttft_ms", "tpot_ms", "fits",
        pl.when(generic).then(pl.lit("estimated")).otherwise("basis").alias("basis"),
        pl.when(generic).then(pl.lit(USUAL_SHAPE)).otherwise("reason").alias("reason"),
    )  # fmt: skip
