"""Continuous batching in the steady state: requests of one shape, a constant number in flight per replica."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from transforms.throughput.calibration import Coefficients
from transforms.throughput.columns import Floats
from transforms.throughput.memory import Deployment, cache_budget, sequence_bytes
from transforms.throughput.roofline import Step, decode_step, prefill

FIRST_TOKEN_QUEUE = 0.08
"""Share of the running requests whose prefill a new one waits for."""


@dataclass(frozen=True, slots=True)
class Load:
    """What one replica is asked to do; one element per configuration."""

    prompt: Floats
    output: Floats
    cached: Floats
    """Share of the prompt that is in the prefix cache, 0..1."""
    tp: Floats
    pp: Floats
    sequences_max: Floats
    """Limit of the engine on requests in flight (vLLM `max_num_seqs`)."""


@dataclass(frozen=True, slots=True)
class SteadyState:
    """One replica at a batch size."""

    output_tokens_per_s: Floats
    ttft_s: Floats
    tpot_s: Floats
    decode: Step
    prompt: Step


def batch_limit(deployment: Deployment, load: Load) -> Floats:
    """Requests in flight that memory and the engine allow, on average half way through; 0 where none fits."""
    budget = cache_budget(deployment, load.tp * load.pp)
    whole = sequence_bytes(deployment, load.prompt + load.output, load.tp) / load.pp
    half = sequence_bytes(deployment, load.prompt + load.output / 2.0, load.tp) / load.pp
    fit = np.where(budget >= whole, np.floor(budget / np.maximum(half, 1.0)), 0.0)
    return np.minimum(fit, load.sequences_max)


def steady_state(deployment: Deployment, fit: Coefficients, load: Load, batch: Floats) -> SteadyState:
    """GPU time of a request is its prefill plus its share of the decode steps; its latency follows from Little's law.

    batch: requests in flight per replica. Pipeline stages each work on 1/pp of the batch.
    """
    stage_batch = np.maximum(batch / load.pp, 1.0)
    decode = decode_step(deployment, fit, stage_batch, load.prompt + load.output / 2.0, load.tp)
    prompt = prefill(deployment, fit, load.prompt, load.cached, batch, load.tp)
    steps = np.maximum(load.output - 1.0, 0.5)
    request = (prompt.total / load.pp + steps * decode.total / batch) / fit.level
    rate = 1.0 / request
    latency = batch * request
    first = (prompt.total * np.maximum(1.0, FIRST_TOKEN_QUEUE * batch) + decode.total) / fit.level
    ttft = np.minimum(first, 0.95 * latency)
    tpot = (latency - ttft) / steps
    return SteadyState(load.output * rate, ttft, tpot, decode, prompt)
