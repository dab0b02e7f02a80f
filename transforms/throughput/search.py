"""The best way to serve on a machine: tensor-parallel size, replicas and batch, under memory and a service level."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from transforms.throughput.calibration import Coefficients
from transforms.throughput.columns import Bools, Floats, Rows, take
from transforms.throughput.memory import TP_SIZES, Deployment, valid_tp
from transforms.throughput.serving import Load, SteadyState, batch_limit, steady_state

BISECTIONS = 7
"""Halvings of the range of log2(batch): 10 octaves over 2^7 is 6 % of a batch."""


@dataclass(frozen=True, slots=True)
class Wish:
    """One element per configuration; NaN where nothing is asked."""

    gpu_count: Floats
    tp: Floats
    concurrency: Floats
    ttft_limit_s: Floats
    tpot_limit_s: Floats


@dataclass(frozen=True, slots=True)
class Plan:
    """The chosen way to serve each configuration; `fits` false where weights and one sequence fit nowhere."""

    load: Load
    replicas: Floats
    batch: Floats
    limit: Floats
    fits: Bools
    holds: Bools
    """The service level holds, if only for one request at a time."""
    slo_bound: Bools
    state: SteadyState


def best_plans(deployment: Deployment, fit: Coefficients, load: Load, wish: Wish) -> Plan:
    """Tries every tensor-parallel size that divides the heads, fills the machine with replicas, takes the fastest.

    GPUs beyond replicas x tp stay idle, and so do replicas beyond the requests asked for. Among equals the smaller size
    wins: less depends on the link.
    """
    configurations, sizes = _candidates(deployment, wish)
    d, c, w = take(deployment, configurations), take(fit, configurations), take(wish, configurations)
    tried = replace(take(load, configurations), tp=sizes)
    asked = np.where(np.isnan(w.concurrency), np.inf, np.maximum(w.concurrency, 1.0))
    replicas = np.minimum(np.floor(w.gpu_count / sizes), asked)
    limit = batch_limit(d, tried)
    batch, holds = _largest_batch(d, c, tried, w, np.minimum(limit, asked / replicas))
    state = steady_state(d, c, tried, np.maximum(batch, 1.0))
    rate = np.where((limit >= 1.0) & holds, state.output_tokens_per_s * replicas, np.where(limit >= 1.0, -1.0, -2.0))
    order = np.lexsort((sizes, -rate, configurations))
    first = np.unique(configurations[order], return_index=True)[1]
    best = order[first]
    limited = ~np.isnan(w.tpot_limit_s) | ~np.isnan(w.ttft_limit_s)
    slo_bound = limited & (batch < np.floor(np.minimum(limit, asked / replicas)))
    return take(Plan(tried, replicas, batch, limit, limit >= 1.0, holds, slo_bound, state), best)


def _candidates(deployment: Deployment, wish: Wish) -> tuple[Rows, Floats]:
    """(configuration, size) pairs to try; a configuration none suits keeps size 1, so that it gets a reason."""
    sizes = np.array(TP_SIZES, dtype=np.float64)[:, None]
    allowed = (sizes <= wish.gpu_count) & np.stack([valid_tp(deployment, np.full_like(wish.tp, s)) for s in TP_SIZES])
    asked = ~np.isnan(wish.tp)
    allowed &= ~asked | (sizes == wish.tp)
    allowed[0] |= ~allowed.any(axis=0)
    which, configurations = np.nonzero(allowed)
    return configurations, sizes[which, 0]


def _largest_batch(d: Deployment, c: Coefficients, load: Load, wish: Wish, most: Floats) -> tuple[Floats, Bools]:
    """The largest batch up to `most` that holds the service level; latency rises with it."""
    top = np.maximum(most, 1.0)
    ttft_limit = np.where(np.isnan(wish.ttft_limit_s), np.inf, wish.ttft_limit_s)
    tpot_limit = np.where(np.isnan(wish.tpot_limit_s), np.inf, wish.tpot_limit_s)

    def holds_at(batch: Floats, rows: Rows) -> Bools:
        state = steady_state(take(d, rows), take(c, rows), take(load, rows), batch)
        held: Bools = (state.ttft_s <= ttft_limit[rows]) & (state.tpot_s <= tpot_limit[rows])
        return held

    everything = np.arange(len(top))
    at_top = holds_at(top, everything)
    holds = at_top.copy()
    batch = top.copy()
    searched = np.nonzero(~at_top)[0]
    if len(searched):
        one = holds_at(np.ones(len(searched)), searched)
        holds[searched] = one
        batch[searched] = 1.0
        searched = searched[one]
        low, high = np.zeros(len(searched)), np.log2(top[searched])
        d, c, load = take(d, searched), take(c, searched), take(load, searched)
        ttft_limit, tpot_limit = ttft_limit[searched], tpot_limit[searched]
        rows = np.arange(len(searched))
        for _ in range(BISECTIONS):
            middle = (low + high) / 2.0
            held = holds_at(np.exp2(middle), rows)
            low, high = np.where(held, middle, low), np.where(held, high, middle)
        batch[searched] = np.maximum(np.floor(np.exp2(low)), 1.0)
    return batch, holds
