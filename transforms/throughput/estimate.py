"""A frame of configurations in, a frame of estimates out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from transforms.throughput.band import band_factors, near
from transforms.throughput.calibration import Calibration, Coefficients
from transforms.throughput.columns import Bools, Floats, Labels, Rows, take
from transforms.throughput.facts import Facts, join_facts, traits
from transforms.throughput.measured import with_measured
from transforms.throughput.memory import Deployment, cache_budget, deployments, sequence_bytes
from transforms.throughput.search import Plan, Wish, best_plans
from transforms.throughput.serving import Load

ENGINE = "vllm"
SEQUENCES_MAX = {"2023": 256.0, "2024": 256.0, "current": 1024.0}
"""Requests in flight an engine of a generation takes by default."""
CHUNK_ROWS = 16_384
"""Configurations worked on at a time: the arrays of one chunk stay in the processor's cache."""
IDENTITY = ("gpu", "model", "quant", "memory_gib", "interconnect", "kv_quant", "engine_generation")
"""Columns a setting hangs on."""
DEFAULTS = {
    "memory_gib": pl.Float64(),
    "interconnect": pl.String(),
    "cached_input_fraction": pl.Float64(),
    "ttft_slo_ms": pl.Float64(),
    "min_tokens_per_s_per_user": pl.Float64(),
    "concurrency": pl.Float64(),
    "kv_quant": pl.String(),
    "engine_generation": pl.String(),
    "tp": pl.Float64(),
}
"""Optional columns; null means no limit, the GPU's own memory and link, today's engine, a search over sizes."""


def estimate(
    configurations: pl.DataFrame,
    gpus: pl.DataFrame,
    models: pl.DataFrame,
    quants: pl.DataFrame,
    calibration: pl.DataFrame,
    benchmarks: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """What each configuration serves in the steady state, under its service level.

    configurations: gpu, gpu_count, model, quant, isl_tokens, osl_tokens, and any of `DEFAULTS`. Other columns pass.
    `concurrency` is of the whole machine; where null, the largest that memory and the service level allow is taken.
    `tp` null searches every size, with as many replicas as fill the machine.

    Returns the same rows plus fits, tp, replicas, concurrency, output_tokens_per_s with _low and _high (80 % interval),
    requests_per_hour, ttft_ms, tpot_ms, tokens_per_s_per_user, weights_gib (whole model, as served), throughput_basis,
    bound_by, engine_generation, reason.
    There is a number or a reason, never both. With `benchmarks`, a published result that matches takes the estimate's
    place (basis `measured`) and is named in the column `cited`.
    """
    rows = _with_defaults(configurations)
    setting, which = _settings(rows, Facts.of(gpus, models, quants), Calibration.of(calibration))
    starts = range(0, max(rows.height, 1), CHUNK_ROWS)
    chunks = [(rows.slice(start, CHUNK_ROWS), which[start : start + CHUNK_ROWS]) for start in starts]
    found = pl.concat(_estimated(piece, take(setting, part))[0] for piece, part in chunks)
    return found if benchmarks is None else with_measured(found, benchmarks)


def explain(
    configurations: pl.DataFrame,
    gpus: pl.DataFrame,
    models: pl.DataFrame,
    quants: pl.DataFrame,
    calibration: pl.DataFrame,
) -> pl.DataFrame:
    """As `estimate`, plus every term of the roofline.

    Weights and cache in GB (per GPU where named so), the batch per replica and its limit, and milliseconds of one
    decode step and of one prompt by cause: weights, compute, attention, communication, overhead, total.
    """
    rows = _with_defaults(configurations)
    setting, which = _settings(rows, Facts.of(gpus, models, quants), Calibration.of(calibration))
    each = take(setting, which)
    found, plan = _estimated(rows, each)
    return found.with_columns(pl.Series(name, values) for name, values in _terms(each.deployment, plan).items())


@dataclass(frozen=True, slots=True)
class Setting:
    """What does not depend on the load: worked out once per distinct GPU, model, quantisation and engine."""

    deployment: Deployment
    fit: Coefficients
    band: dict[str, Floats]
    near: Bools
    unknown: Labels
    """Which fact is missing; the empty text where none is."""
    context: Floats
    """Longest sequence the model takes, tokens."""
    sequences_max: Floats
    generation: Labels


def _with_defaults(configurations: pl.DataFrame) -> pl.DataFrame:
    missing = {name: kind for name, kind in DEFAULTS.items() if name not in configurations.columns}
    return configurations.with_columns(pl.lit(None, kind).alias(name) for name, kind in missing.items())


def _settings(rows: pl.DataFrame, facts: Facts, table: Calibration) -> tuple[Setting, Rows]:
    """The distinct settings, and which one each row has."""
    distinct = rows.select(IDENTITY).unique(maintain_order=True).with_row_index("setting")
    joined = join_facts(distinct, facts).with_columns(
        engine=pl.lit(ENGINE),
        generation=pl.col("engine_generation").fill_null("current"),
        scenario=pl.lit("fixed_concurrency"),
    )
    deployment, keys = deployments(joined), traits(joined)
    most = joined["generation"].replace_strict(
        SEQUENCES_MAX, default=min(SEQUENCES_MAX.values()), return_dtype=pl.Float64
    )
    setting = Setting(
        deployment,
        table.coefficients(table.index(keys)),
        band_factors(table, keys),
        near(table, keys),
        _unknown(deployment),
        _column(joined, "context_tokens", np.inf),
        most.to_numpy(),
        keys["generation"],
    )
    numbered = rows.select(IDENTITY).join(
        distinct, on=IDENTITY, how="left", validate="m:1", nulls_equal=True, maintain_order="left"
    )
    assert numbered.height == rows.height
    return setting, numbered["setting"].to_numpy().astype(np.intp)


def _unknown(d: Deployment) -> Labels:
    whys = ("", "the model's architecture is not known", "the GPU is not known", "the quantisation is not known")
    missing = [~(d.layers > 0), ~(d.bandwidth > 0), ~(d.fixed_bytes > 0)]
    return Labels(whys, np.select(missing, [1, 2, 3], 0))


def _estimated(rows: pl.DataFrame, setting: Setting) -> tuple[pl.DataFrame, Plan]:
    plan = best_plans(setting.deployment, setting.fit, _load(rows, setting), _wish(rows))
    reason = _reasons(setting, plan)
    answered = reason.is_null()
    other = {
        "weights_gib": pl.Series(setting.deployment.resident_bytes / 2**30),
        "bound_by": _bound_by(plan).text(),
        "throughput_basis": Labels(("estimated", "calibrated"), setting.near.astype(np.intp)).text(),
    }
    found = rows.drop("tp", "concurrency", "engine_generation").with_columns(
        reason,
        fits=pl.Series(plan.fits & setting.unknown.isin([""])),
        engine_generation=setting.generation.text(),
        **{name: pl.when(answered).then(values) for name, values in (_numbers(plan, setting.band) | other).items()},
    )
    return found, plan


def _column(frame: pl.DataFrame, name: str, default: float) -> Floats:
    return frame[name].cast(pl.Float64).fill_null(default).to_numpy().astype(np.float64)


def _load(rows: pl.DataFrame, setting: Setting) -> Load:
    ones = np.ones(rows.height)
    output = np.maximum(_column(rows, "osl_tokens", np.nan), 1.0)
    cached = _column(rows, "cached_input_fraction", 0.0)
    return Load(_column(rows, "isl_tokens", np.nan), output, cached, ones, ones, setting.sequences_max)


def _wish(rows: pl.DataFrame) -> Wish:
    return Wish(
        _column(rows, "gpu_count", 1.0),
        _column(rows, "tp", np.nan),
        _column(rows, "concurrency", np.nan),
        _column(rows, "ttft_slo_ms", np.nan) / 1e3,
        1.0 / _column(rows, "min_tokens_per_s_per_user", np.nan),
    )


def _numbers(plan: Plan, band: dict[str, Floats]) -> dict[str, pl.Series]:
    state = plan.state
    rate = state.output_tokens_per_s * plan.replicas
    whole = {"tp": plan.load.tp, "replicas": plan.replicas, "concurrency": plan.batch * plan.replicas}
    return {name: pl.Series(values).cast(pl.Int64, strict=False) for name, values in whole.items()} | {
        name: pl.Series(values)
        for name, values in {
            "output_tokens_per_s": rate,
            "output_tokens_per_s_low": rate * band["low"],
            "output_tokens_per_s_high": rate * band["high"],
            "requests_per_hour": rate / plan.load.output * 3600.0,
            "ttft_ms": state.ttft_s * 1e3,
            "tpot_ms": state.tpot_s * 1e3,
            "tokens_per_s_per_user": 1.0 / state.tpot_s,
        }.items()
    }


def _reasons(setting: Setting, plan: Plan) -> pl.Series:
    """Why a row has no estimate; null where it has one."""
    needed, ranks = plan.load.prompt + plan.load.output, plan.load.tp
    short = sequence_bytes(setting.deployment, needed, ranks) - cache_budget(setting.deployment, ranks)
    facts = pl.DataFrame(
        {
            "needed": needed,
            "context": setting.context,
            "short_gb": short / 1e9,
            "gpus": ranks,
            "first_ms": plan.state.ttft_s * 1e3,
            "speed": 1.0 / plan.state.tpot_s,
            "fits": plan.fits,
            "unknown": setting.unknown.text(),
            "holds": plan.holds,
        }
    )
    rounded = {
        name: pl.col(name).round(0).cast(pl.Int64, strict=False) for name in ("needed", "context", "gpus", "first_ms")
    }
    declined = (
        pl.when(pl.col("unknown") != "")
        .then("unknown")
        .when(pl.col("needed") > pl.col("context"))
        .then(pl.format("needs {} tokens of context, the model takes {}", rounded["needed"], rounded["context"]))
        .when(~pl.col("fits"))
        .then(pl.format("does not fit: {} GB short on each of {} GPUs", pl.col("short_gb").round(1), rounded["gpus"]))
        .when(~pl.col("holds"))
        .then(
            pl.format(
                "misses the service level even alone: first token {} ms, {} tokens/s",
                rounded["first_ms"],
                pl.col("speed").round(1),
            )
        )
    )
    return facts.select(reason=declined).to_series()


def _bound_by(plan: Plan) -> Labels:
    """The largest share of a request's time; memory where it stopped the batch, the service level where that did."""
    decode, prompt = plan.state.decode, plan.state.prompt
    share = np.maximum(plan.load.output - 1.0, 0.5) / np.maximum(plan.batch, 1.0)
    causes: NDArray[np.float64] = np.stack(
        [
            (decode.weights + decode.attention) * share + prompt.weights,
            decode.compute * share + prompt.compute + prompt.attention,
            decode.communication * share + prompt.communication,
            decode.overhead * share + prompt.overhead,
        ]
    )
    names = ("bandwidth", "compute", "interconnect", "overhead", "kv_memory", "slo")
    largest = causes.argmax(axis=0)
    full = (plan.batch >= plan.limit) & (plan.limit < plan.load.sequences_max)
    starved = full & np.isin(largest, (names.index("bandwidth"), names.index("overhead")))
    held = np.where(starved, names.index("kv_memory"), largest)
    return Labels(names, np.where(plan.slo_bound, names.index("slo"), held))


def _terms(d: Deployment, plan: Plan) -> dict[str, Floats]:
    tp = plan.load.tp
    found = {
        "weights_gb": d.resident_bytes / 1e9,
        "weights_gb_per_gpu": d.resident_bytes / tp / 1e9,
        "cache_budget_gb_per_gpu": cache_budget(d, tp) / 1e9,
        "cache_gb_per_sequence": sequence_bytes(d, plan.load.prompt + plan.load.output / 2.0, tp) / 1e9,
        "batch": plan.batch,
        "batch_limit": plan.limit,
    }
    for phase, step in (("decode", plan.state.decode), ("prefill", plan.state.prompt)):
        for name in ("weights", "compute", "attention", "communication", "overhead", "total"):
            found[f"{phase}_{name}_ms"] = getattr(step, name) * 1e3
    return found
