"""A frame of configurations in, a frame of estimates out."""

from __future__ import annotations

import numpy as np
import polars as pl

from transforms.throughput.calibration import Calibration
from transforms.throughput.facts import join_facts, traits
from transforms.throughput.memory import Deployment, Floats, cache_budget, deployments, sequence_bytes
from transforms.throughput.search import Plan, Wish, best_plans
from transforms.throughput.serving import Load

ENGINE = "vllm"
SEQUENCES_MAX = {"2023": 256.0, "2024": 256.0, "current": 1024.0}
"""Requests in flight an engine takes by default."""
CHUNK_ROWS = 16_384
"""Configurations worked on at a time: the arrays of one chunk stay in the processor's cache."""
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
"""Optional columns; a missing one is null everywhere: no limit, the GPU's own memory and link, today's engine, a search."""


def estimate(
    configurations: pl.DataFrame,
    gpus: pl.DataFrame,
    models: pl.DataFrame,
    quants: pl.DataFrame,
    calibration: pl.DataFrame,
) -> pl.DataFrame:
    """What each configuration serves in the steady state, under its service level.

    configurations: gpu, gpu_count, model, quant, isl_tokens, osl_tokens, and any of `DEFAULTS`. Other columns pass.
    `concurrency` is of the whole machine; where null, the largest that memory and the service level allow is taken.
    `tp` null searches every size, with as many replicas as fill the machine.

    Returns the same rows plus fits, tp, replicas, concurrency, output_tokens_per_s with _low and _high (80 % interval),
    requests_per_hour, ttft_ms, tpot_ms, tokens_per_s_per_user, weights_gib (whole model, as served), throughput_basis (calibrated|estimated), bound_by,
    engine_generation, reason. No number without a reason: both never null at once.
    """
    blank = [pl.lit(None, kind).alias(name) for name, kind in DEFAULTS.items() if name not in configurations.columns]
    rows = configurations.with_columns(blank)
    pieces = [
        _estimate_chunk(rows.slice(start, CHUNK_ROWS), gpus, models, quants, Calibration.of(calibration))
        for start in range(0, max(rows.height, 1), CHUNK_ROWS)
    ]
    return pl.concat(pieces)


def explain(
    configurations: pl.DataFrame,
    gpus: pl.DataFrame,
    models: pl.DataFrame,
    quants: pl.DataFrame,
    calibration: pl.DataFrame,
) -> pl.DataFrame:
    """As `estimate`, plus every term of the roofline: milliseconds of a decode step and of one prompt, GB and limits."""
    rows = configurations.with_columns(
        [pl.lit(None, kind).alias(name) for name, kind in DEFAULTS.items() if name not in configurations.columns]
    )
    return _estimate_chunk(rows, gpus, models, quants, Calibration.of(calibration), terms=_terms)


def _estimate_chunk(rows, gpus, models, quants, calibration, terms=None):  # type: ignore[no-untyped-def]
    joined = join_facts(rows, gpus, models, quants).with_columns(
        engine=pl.lit(ENGINE),
        generation=pl.col("engine_generation").fill_null("current"),
        scenario=pl.lit("fixed_concurrency"),
    )
    deployment = deployments(joined)
    fit = calibration.coefficients(calibration.index(traits(joined)))
    plan = best_plans(deployment, fit, _load(joined), _wish(joined))
    known = (
        ~np.isnan(deployment.layers)
        & (deployment.layers > 0)
        & (deployment.bandwidth > 0)
        & (deployment.fixed_bytes > 0)
    )
    return _result(rows, joined, deployment, plan, known, terms)


def _column(joined: pl.DataFrame, name: str, default: float) -> Floats:
    return joined[name].cast(pl.Float64).fill_null(default).to_numpy().astype(np.float64)


def _load(joined: pl.DataFrame) -> Load:
    ones = np.ones(joined.height)
    limit = joined["generation"].replace_strict(SEQUENCES_MAX, default=256.0, return_dtype=pl.Float64).to_numpy()
    return Load(
        _column(joined, "isl_tokens", np.nan),
        np.maximum(_column(joined, "osl_tokens", np.nan), 1.0),
        _column(joined, "cached_input_fraction", 0.0),
        ones,
        ones,
        limit,
    )


def _wish(joined: pl.DataFrame) -> Wish:
    return Wish(
        _column(joined, "gpu_count", 1.0),
        _column(joined, "tp", np.nan),
        _column(joined, "concurrency", np.nan),
        _column(joined, "ttft_slo_ms", np.nan) / 1e3,
        1.0 / _column(joined, "min_tokens_per_s_per_user", np.nan),
    )


def _result(rows, joined, d: Deployment, plan: Plan, known, terms):  # type: ignore[no-untyped-def]
    state = plan.state
    rate = state.output_tokens_per_s * plan.replicas
    reason = _reasons(joined, d, plan, known)
    numbers = {
        "tp": plan.load.tp,
        "replicas": plan.replicas,
        "concurrency": plan.batch * plan.replicas,
        "output_tokens_per_s": rate,
        "output_tokens_per_s_low": rate * 0.68,
        "output_tokens_per_s_high": rate * 1.45,
        "requests_per_hour": rate / plan.load.output * 3600.0,
        "ttft_ms": state.ttft_s * 1e3,
        "tpot_ms": state.tpot_s * 1e3,
        "tokens_per_s_per_user": 1.0 / np.maximum(state.tpot_s, 1e-9),
        "weights_gib": d.resident_bytes / 2**30,
    }
    if terms is not None:
        numbers |= terms(d, plan)
    answered = pl.col("reason").is_null()
    whole = ("tp", "replicas", "concurrency")
    return (
        rows.drop("tp", "concurrency", "engine_generation", strict=False)
        .with_columns(
            fits=pl.Series(known & plan.fits),
            reason=pl.Series(reason, dtype=pl.String),
            bound_by=pl.Series(_bound_by(plan), dtype=pl.String),
            throughput_basis=pl.lit("calibrated"),
            engine_generation=joined["generation"],
            **{name: pl.Series(values) for name, values in numbers.items()},
        )
        .with_columns(
            pl.when(answered).then(pl.col(name).cast(pl.Int64) if name in whole else pl.col(name)).alias(name)
            for name in (*numbers, "bound_by", "throughput_basis")
        )
    )


def _reasons(joined: pl.DataFrame, d: Deployment, plan: Plan, known) -> list[str | None]:  # type: ignore[no-untyped-def]
    """Null where there is an estimate. Only the declined rows are written out, so this stays off the hot path."""
    context = _column(joined, "context_tokens", np.inf)
    needed = plan.load.prompt + plan.load.output
    declined = ~known | ~plan.fits | ~plan.holds | (needed > context)
    reasons: list[str | None] = [None] * joined.height
    spread = plan.load.tp
    missing = sequence_bytes(d, needed, spread) - cache_budget(d, spread)
    for row in np.nonzero(declined)[0]:
        if not known[row]:
            reasons[row] = "unknown gpu, model architecture or quantisation"
        elif needed[row] > context[row]:
            reasons[row] = f"needs {needed[row]:,.0f} tokens of context, the model takes {context[row]:,.0f}"
        elif not plan.fits[row]:
            reasons[row] = f"does not fit: {missing[row] / 1e9:.1f} GB short on each of {spread[row]:.0f} GPUs"
        else:
            state = plan.state
            reasons[row] = (
                f"misses the service level even alone: first token {state.ttft_s[row] * 1e3:,.0f} ms, "
                f"{1 / state.tpot_s[row]:,.0f} tokens/s"
            )
    return reasons


def _bound_by(plan: Plan) -> list[str]:
    """The largest share of a request's time; memory where a larger batch would have helped, the service level where it stopped."""
    decode, prompt = plan.state.decode, plan.state.prompt
    share = np.maximum(plan.load.output - 1.0, 0.5) / np.maximum(plan.batch, 1.0)
    causes = np.stack(
        [
            (decode.weights + decode.attention) * share + prompt.weights,
            decode.compute * share + prompt.compute + prompt.attention,
            decode.communication * share + prompt.communication,
            decode.overhead * share + prompt.overhead,
        ]
    )
    names = np.array(["bandwidth", "compute", "interconnect", "overhead"], dtype=object)[causes.argmax(axis=0)]
    full = (plan.batch >= plan.limit) & (plan.limit < plan.load.sequences_max)
    names = np.where(full & ((names == "bandwidth") | (names == "overhead")), "kv_memory", names)
    bound: list[str] = np.where(plan.slo_bound, "slo", names).tolist()
    return bound


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
