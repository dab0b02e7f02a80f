"""One forward step: seconds from bytes, FLOPs, messages and overhead.

Every term is the physical minimum over a fitted efficiency (`calibration.Coefficients`); nothing else is fitted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from transforms.throughput.calibration import Coefficients
from transforms.throughput.columns import Floats
from transforms.throughput.memory import Deployment

CHUNK_TOKENS = 8192.0
"""Prompt tokens one step takes in (chunked prefill)."""


@dataclass(frozen=True, slots=True)
class Step:
    """Seconds of one step, by cause. They add: in measurements, streaming weights and arithmetic do not overlap."""

    weights: Floats
    compute: Floats
    attention: Floats
    communication: Floats
    overhead: Floats
    total: Floats


def experts_touched(deployment: Deployment, tokens: Floats) -> Floats:
    """Share of the routed experts that `tokens` tokens use, each picking its k of E at random: 1 - (1 - k/E)^tokens."""
    share = np.minimum(deployment.experts_per_token / deployment.experts, 1.0 - 1e-12)
    return -np.expm1(tokens * np.log1p(-share))


def all_reduce(deployment: Deployment, fit: Coefficients, tokens: Floats, tp: Floats) -> Floats:
    """Seconds of the two all-reduces per layer: latency and 2(n-1)/n of the message over the link.

    Behind a switch every GPU reads all others at once, so that small messages take as long among eight as among two.
    """
    d = deployment
    message = tokens * d.hidden * 2.0
    latency = fit.link_latency * np.where(d.switched, 1.0, np.log2(np.maximum(tp, 2.0)))
    transfer = 2.0 * (tp - 1.0) / tp * message / (d.link_bandwidth * fit.link_efficiency)
    return np.where(tp > 1.0, 2.0 * d.layers * (latency + transfer), 0.0)


def arithmetic(deployment: Deployment, params: Floats) -> Floats:
    """Seconds of peak arithmetic per token and GPU: experts at the quantised rate, the rest at its own."""
    d = deployment
    return 2.0 * (d.expert_params / d.flops + (params - d.expert_params) / d.flops_rest)


def decode_step(deployment: Deployment, fit: Coefficients, batch: Floats, context: Floats, tp: Floats) -> Step:
    """Seconds to generate one token for each of `batch` sequences of mean length `context` (tokens).

    A matrix kernel works on whole tiles: the arithmetic of few tokens is that of a tile.
    """
    d = deployment
    expert_bytes = d.expert_bytes * experts_touched(d, batch)
    bandwidth = d.bandwidth * fit.bandwidth
    weights = (d.fixed_bytes + expert_bytes / fit.expert_bandwidth) / (tp * bandwidth)
    head = 2.0 * (d.decode_params - d.prefill_params) / d.flops_16bit
    compute = (arithmetic(d, d.prefill_params) + head) * np.hypot(batch, fit.tile) / (tp * fit.compute)
    read = (
        np.minimum(context, d.sparse_tokens) * d.kv_read_bytes_per_token
        + context * d.index_bytes_per_token
        + np.minimum(context, d.window_tokens) * d.window_bytes_per_token
    )
    cache = batch * (read / np.minimum(tp, d.kv_shards) + 2.0 * d.state_bytes / tp) / (bandwidth * fit.cache_bandwidth)
    flops = (
        np.minimum(context, d.sparse_tokens) * d.attention_flops
        + context * d.index_flops
        + np.minimum(context, d.window_tokens) * d.window_flops
    )
    attention = np.maximum(cache, batch * flops / (tp * d.flops_16bit * fit.attention_compute))
    communication = all_reduce(d, fit, batch, tp)
    overhead = fit.step + fit.layer * d.layers + fit.moe_layer * d.moe_layers + fit.sequence * batch
    total = weights + compute + attention + communication + overhead
    return Step(weights, compute, attention, communication, overhead, total)


def prefill(
    deployment: Deployment, fit: Coefficients, prompt: Floats, cached: Floats, batch: Floats, tp: Floats
) -> Step:
    """GPU seconds to take in one prompt of `prompt` tokens, of which the share `cached` is in the cache already.

    A step reads the weights once for up to CHUNK_TOKENS prompt tokens of up to `batch` requests.
    """
    d = deployment
    new = prompt * (1.0 - cached)
    compute = arithmetic(d, d.prefill_params) * new / (tp * fit.prefill_compute)
    seen = np.minimum(prompt * (1.0 + cached) / 2.0, d.sparse_tokens)
    flops = new * (
        seen * d.prefill_attention_flops
        + prompt * (1.0 + cached) / 2.0 * d.index_flops
        + np.minimum(prompt, d.window_tokens) * d.window_flops
    )
    attention = flops / (tp * d.flops_16bit * fit.prefill_attention)
    share = np.maximum(new / CHUNK_TOKENS, 1.0 / np.maximum(batch, 1.0))
    touched = d.expert_bytes * experts_touched(d, np.maximum(new, 1.0)) / fit.expert_bandwidth
    weights = (d.fixed_bytes + touched) / (tp * d.bandwidth * fit.bandwidth) * share
    communication = all_reduce(d, fit, new, tp)
    overhead = fit.request + (fit.step + fit.layer * d.layers) * share
    total = weights + compute + attention + communication + overhead
    return Step(weights, compute, attention, communication, overhead, total)
