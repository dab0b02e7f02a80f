"""What is loaded, what a sequence keeps, what fits, and over how many GPUs a replica may be spread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from transforms.throughput.columns import Bools, Floats

GIB = 2.0**30
USABLE_SHARE = 0.92
"""Share of the memory the driver reports that an engine takes. vLLM's default is 0.90 to 0.92 by version."""
RESERVE_BYTES = 1e9
"""CUDA context and graphs, per GPU."""
ACTIVATION_BYTES_PER_HIDDEN = 65_536.0
"""Activations of a chunk of prefill: 8,192 tokens, four values of 2 bytes alive per hidden unit."""
TP_SIZES = (1, 2, 4, 8)


@dataclass(frozen=True, slots=True)
class Deployment:
    """A model in a quantisation on a kind of GPU; bytes and counts of one replica, an element per configuration."""

    layers: Floats
    moe_layers: Floats
    hidden: Floats
    heads: Floats
    kv_heads: Floats
    experts: Floats
    experts_per_token: Floats
    fixed_bytes: Floats
    """Weights that every step reads: all but the routed experts and the input embedding."""
    expert_bytes: Floats
    resident_bytes: Floats
    """Weights that must be in memory: the above, the input embedding, a vision tower."""
    decode_params: Floats
    """Parameters a generated token is multiplied with, the output head included."""
    prefill_params: Floats
    expert_params: Floats
    """Of these, the routed experts'."""
    kv_bytes_per_token: Floats
    kv_read_bytes_per_token: Floats
    index_bytes_per_token: Floats
    window_bytes_per_token: Floats
    window_tokens: Floats
    state_bytes: Floats
    sparse_tokens: Floats
    """Context tokens whose cache a step reads at most; infinite where attention is dense."""
    kv_shards: Floats
    """Ways the cache can be split over GPUs: the KV heads; 1 for a latent cache."""
    attention_flops: Floats
    """FLOPs per (new token, context token) of a decode step, summed over the layers with growing cache."""
    prefill_attention_flops: Floats
    window_flops: Floats
    index_flops: Floats
    memory_bytes: Floats
    bandwidth: Floats
    flops: Floats
    """At the type the hardware really computes in, dense, FLOP/s."""
    flops_rest: Floats
    """Of what is not a routed expert."""
    flops_16bit: Floats
    link_bandwidth: Floats
    """Of the link that is really there, one direction, per GPU, bytes/s."""
    switched: Bools
    """Every GPU reaches every other one at once: NVLink and xGMI, not PCIe."""


def deployments(rows: pl.DataFrame) -> Deployment:
    """Works out bytes and FLOPs from joined facts.

    rows: the columns of gpus, models and quants side by side (`facts.join_facts`).
    """

    def number(name: str, default: float = 0.0) -> Floats:
        return rows[name].cast(pl.Float64).fill_null(default).to_numpy().astype(np.float64)

    embedding = number("embedding_params_b") * 1e9
    tied = number("tied_embeddings") > 0
    experts = number("expert_params_b") * 1e9
    is_moe = number("experts") > 1
    fixed = np.maximum(
        number("total_params_b") * 1e9
        - number("offloaded_params_b") * 1e9
        - experts
        - embedding * np.where(tied, 1, 2),
        0,
    )
    rest_bytes = np.where(is_moe, number("rest_bytes_per_param"), number("weight_bytes_per_param"))
    head_bytes = embedding * number("head_bytes_per_param")
    fixed_bytes = fixed * rest_bytes + head_bytes
    expert_bytes = experts * number("weight_bytes_per_param")
    active = number("active_params_b") * 1e9 - np.where(tied, 0, embedding)
    kv = number("kv_bytes")
    sparse = number("sparse_topk_tokens")
    return Deployment(
        layers=number("layers"),
        moe_layers=number("moe_layers"),
        hidden=number("hidden"),
        heads=number("heads"),
        kv_heads=number("kv_heads"),
        experts=np.maximum(number("experts"), 1),
        experts_per_token=number("topk"),
        fixed_bytes=fixed_bytes,
        expert_bytes=expert_bytes,
        resident_bytes=fixed_bytes + expert_bytes + np.where(tied, 0, head_bytes) + number("vision_params_b") * 1e9 * 2,
        decode_params=active,
        prefill_params=active - embedding,
        expert_params=experts * number("topk") / np.maximum(number("experts"), 1),
        kv_bytes_per_token=number("kv_elems_per_token") * kv + number("index_elems_per_token") * kv,
        kv_read_bytes_per_token=number("kv_read_elems_per_token") * kv,
        index_bytes_per_token=number("index_elems_per_token") * kv,
        window_bytes_per_token=number("kv_window_elems_per_token") * kv,
        window_tokens=number("window_tokens"),
        state_bytes=number("state_bytes_per_seq"),
        sparse_tokens=np.where(sparse > 0, sparse, np.inf),
        kv_shards=np.maximum(number("kv_shards"), 1),
        attention_flops=number("attn_flops_per_pair_decode"),
        prefill_attention_flops=number("attn_flops_per_pair_prefill"),
        window_flops=number("window_flops_per_pair"),
        index_flops=number("index_flops_per_pair"),
        memory_bytes=number("memory_gib") * GIB,
        bandwidth=number("bandwidth_gb_per_s", np.nan) * 1e9,
        flops=number("compute_tflops", np.nan) * 1e12,
        flops_rest=number("rest_tflops", np.nan) * 1e12,
        flops_16bit=number("fp16_tflops", np.nan) * 1e12,
        link_bandwidth=number("link_gb_per_s_used", np.nan) * 1e9,
        switched=(rows["link_kind"] != "pcie").fill_null(False).to_numpy(),
    )


def sequence_bytes(deployment: Deployment, tokens: Floats, tp: Floats) -> Floats:
    """Bytes a sequence of `tokens` keeps on each GPU of a replica."""
    d = deployment
    shards = np.minimum(tp, d.kv_shards)
    growing = tokens * d.kv_bytes_per_token + np.minimum(tokens, d.window_tokens) * d.window_bytes_per_token
    return growing / shards + d.state_bytes / tp


def cache_budget(deployment: Deployment, ranks: Floats, usable_share: float = USABLE_SHARE) -> Floats:
    """Bytes each GPU has left for caches; negative where the weights alone do not fit.

    ranks: GPUs the weights are spread over (tensor times pipeline parallel).
    """
    d = deployment
    reserve = RESERVE_BYTES + ACTIVATION_BYTES_PER_HIDDEN * d.hidden
    return usable_share * d.memory_bytes - d.resident_bytes / ranks - reserve


def valid_tp(deployment: Deployment, tp: Floats) -> Bools:
    """Attention heads divide evenly; KV heads divide evenly or are repeated evenly."""
    d = deployment
    kv = np.maximum(d.kv_heads, 1)
    even: Bools = (d.heads % tp == 0) & ((kv % tp == 0) | (tp % kv == 0))
    return even
