"""Models the reference does not list: from a Hugging Face config.json, or a usual shape from the size in a name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import polars as pl

from transforms.throughput.names import model_ids


class UnknownArchitecture(ValueError):
    """The configuration describes layers whose cache or cost we have no formula for."""


UNREADABLE = ("mamba_num_heads", "mamba_d_state", "ssm_cfg", "compress_ratios", "kda_config", "attn_type_list")
"""Keys of layers that need more than a formula from the configuration."""
_STORED = {"fp8": "fp8", "mxfp4": "mxfp4", "awq": "int4", "gptq": "int4", "compressed-tensors": "int4"}
UNGATED = frozenset(
    {"gpt2", "gptj", "gpt_neox", "opt", "bloom", "mpt", "falcon", "phi", "starcoder2", "gpt_bigcode", "nemotron"}
)
"""Model types whose feed-forward has two matrices instead of three."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The numbers of a decoder that its cost follows from. Counts, but for the two names."""

    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    ffn: int
    vocab: int
    tied: bool
    context: int
    ffn_matrices: int = 3
    sliding_layers: int = 0
    window: int = 0
    linear_layers: int = 0
    linear_key_heads: int = 0
    linear_value_heads: int = 0
    linear_key_dim: int = 0
    linear_value_dim: int = 0
    moe_layers: int = 0
    experts: int = 0
    experts_per_token: int = 0
    expert_ffn: int = 0
    shared_ffn: int = 0
    q_rank: int = 0
    kv_rank: int = 0
    nope_dim: int = 0
    rope_dim: int = 0
    value_dim: int = 0
    sparse_tokens: int = 0
    index_heads: int = 0
    index_dim: int = 0
    output_gate: bool = False
    native_quant: str = "bf16"


def model_from_config(config: Mapping[str, Any], model: str, models: pl.DataFrame) -> pl.DataFrame:
    """One row in the columns of `models` for a Hugging Face config.json.

    Raises UnknownArchitecture where the configuration lacks a number or holds layers without a formula here.
    """
    text = config.get("text_config", config)
    strange = [key for key in UNREADABLE if text.get(key)]
    if strange:
        raise UnknownArchitecture(f"no formula for the layers that {', '.join(strange)} describe")
    try:
        shape = _shape(text, config)
    except KeyError as error:
        raise UnknownArchitecture(f"config.json lacks {error}") from error
    return _row(shape, model, models)


def _shape(text: Mapping[str, Any], config: Mapping[str, Any]) -> Shape:
    def first(*keys: str, default: int = 0) -> int:
        return next((int(text[key]) for key in keys if text.get(key)), default)

    layers, hidden, heads = int(text["num_hidden_layers"]), int(text["hidden_size"]), int(text["num_attention_heads"])
    kinds = list(text.get("layer_types") or _layer_kinds(text, layers))
    experts = first("num_experts", "num_local_experts", "n_routed_experts")
    expert_ffn = first("moe_intermediate_size", "intermediate_size") if experts else 0
    dense = _dense_layers(text, layers) if experts else layers
    quantised = config.get("quantization_config") or text.get("quantization_config") or {}
    return Shape(
        layers=layers,
        hidden=hidden,
        heads=heads,
        kv_heads=first("num_key_value_heads", default=heads),
        head_dim=first("head_dim", default=hidden // heads),
        ffn=first("intermediate_size", "ffn_dim", "n_inner", default=4 * hidden),
        vocab=int(text["vocab_size"]),
        tied=bool(text.get("tie_word_embeddings", config.get("tie_word_embeddings", False))),
        context=first("max_position_embeddings", "n_positions", default=4096),
        ffn_matrices=2 if text.get("model_type") in UNGATED else 3,
        sliding_layers=sum(kind in {"sliding_attention", "chunked_attention"} for kind in kinds),
        window=first("sliding_window", "attention_chunk_size"),
        linear_layers=sum(kind == "linear_attention" for kind in kinds),
        linear_key_heads=first("linear_num_key_heads"),
        linear_value_heads=first("linear_num_value_heads"),
        linear_key_dim=first("linear_key_head_dim"),
        linear_value_dim=first("linear_value_head_dim"),
        moe_layers=layers - dense,
        experts=experts,
        experts_per_token=first("num_experts_per_tok", "moe_topk", "experts_per_token"),
        expert_ffn=expert_ffn,
        shared_ffn=first("shared_expert_intermediate_size", default=first("n_shared_experts") * expert_ffn),
        q_rank=first("q_lora_rank"),
        kv_rank=first("kv_lora_rank"),
        nope_dim=first("qk_nope_head_dim"),
        rope_dim=first("qk_rope_head_dim"),
        value_dim=first("v_head_dim"),
        sparse_tokens=first("index_topk"),
        index_heads=first("index_n_heads"),
        index_dim=first("index_head_dim"),
        output_gate=bool(text.get("attn_output_gate", False)),
        native_quant=_STORED.get(str(quantised.get("quant_method")), "bf16"),
    )


def _layer_kinds(text: Mapping[str, Any], layers: int) -> list[str]:
    """Older configurations give a period instead of a list."""
    every = int(text.get("sliding_window_pattern") or text.get("full_attention_interval") or 0)
    other = "linear_attention" if text.get("full_attention_interval") else "sliding_attention"
    return ["full_attention" if not every or (i + 1) % every == 0 else other for i in range(layers)]


def _dense_layers(text: Mapping[str, Any], layers: int) -> int:
    step = int(text.get("decoder_sparse_step") or text.get("interleave_moe_layer_step") or 1)
    listed = set(text.get("mlp_only_layers") or ())
    first = int(text.get("first_k_dense_replace") or 0)
    return sum(i < first or i in listed or (i + 1) % step != 0 for i in range(layers))


def _row(shape: Shape, model: str, models: pl.DataFrame) -> pl.DataFrame:
    s = shape
    full = s.layers - s.sliding_layers - s.linear_layers
    embedding = s.vocab * s.hidden
    experts = s.moe_layers * s.experts * s.ffn_matrices * s.hidden * s.expert_ffn
    rest = (
        _attention_params(s) * (s.layers - s.linear_layers)
        + _linear_params(s) * s.linear_layers
        + (s.layers - s.moe_layers) * s.ffn_matrices * s.hidden * s.ffn
        + s.moe_layers * s.hidden * (s.ffn_matrices * s.shared_ffn + s.experts)
        + embedding * (1 if s.tied else 2)
    )
    facts: dict[str, object] = {
        "model": model,
        "name": model,
        "openness": "open",
        "frontier": "no",
        "verified": "params_only",
        "total_params_b": (rest + experts) / 1e9,
        "active_params_b": (rest + (experts * s.experts_per_token / s.experts if s.experts else 0)) / 1e9,
        "expert_params_b": experts / 1e9,
        "embedding_params_b": embedding / 1e9,
        "tied_embeddings": int(s.tied),
        "layers": s.layers,
        "hidden": s.hidden,
        "heads": s.heads,
        "kv_heads": s.kv_heads,
        "head_dim": s.head_dim,
        "attention": _attention_kind(s),
        "moe_layers": s.moe_layers,
        "experts": s.experts,
        "topk": s.experts_per_token,
        "context_tokens": s.context,
        "native_quant": s.native_quant,
        **_cache(s, full),
    }
    cells = {name: [facts.get(name)] for name in models.columns}
    return pl.DataFrame(cells, strict=False).select(pl.col(name).cast(models.schema[name]) for name in models.columns)


def _attention_params(s: Shape) -> int:
    if not s.kv_rank:
        queries = s.heads * (2 if s.output_gate else 1)
        return s.hidden * s.head_dim * (queries + 2 * s.kv_heads + s.heads)
    query = s.nope_dim + s.rope_dim
    down_up = s.hidden * s.q_rank + s.q_rank * s.heads * query if s.q_rank else s.hidden * s.heads * query
    indexer = s.q_rank * s.index_heads * s.index_dim + s.hidden * (s.index_dim + s.index_heads)
    latent = s.hidden * (s.kv_rank + s.rope_dim) + s.kv_rank * s.heads * (s.nope_dim + s.value_dim)
    return down_up + latent + s.heads * s.value_dim * s.hidden + indexer


def _linear_params(s: Shape) -> int:
    """Gated delta net: queries, keys, values, gate and output, and two scalars per head."""
    key, value = s.linear_key_heads * s.linear_key_dim, s.linear_value_heads * s.linear_value_dim
    return s.hidden * (2 * key + 3 * value + 2 * s.linear_value_heads)


def _attention_kind(s: Shape) -> str:
    kind = "mla" if s.kv_rank else "gqa"
    return f"linear-{kind}" if s.linear_layers else f"{kind}-sparse" if s.sparse_tokens else kind


def _cache(s: Shape, full: int) -> dict[str, object]:
    if s.kv_rank:
        latent = s.kv_rank + s.rope_dim
        kv, decode = latent * full, 2 * s.heads * (latent + s.kv_rank) * full
        prefill = 2 * s.heads * (s.nope_dim + s.rope_dim + s.value_dim) * full
    else:
        kv, decode = 2 * s.kv_heads * s.head_dim * full, 4 * s.heads * s.head_dim * full
        prefill = decode
    state = s.linear_value_heads * s.linear_key_dim * s.linear_value_dim
    convolution = 3 * (2 * s.linear_key_heads * s.linear_key_dim + s.linear_value_heads * s.linear_value_dim)
    return {
        "kv_elems_per_token": kv,
        "kv_read_elems_per_token": kv,
        "index_elems_per_token": s.index_dim * full,
        "index_flops_per_pair": 2 * s.index_heads * s.index_dim * full,
        "kv_window_elems_per_token": 2 * s.kv_heads * s.head_dim * s.sliding_layers,
        "window_tokens": s.window if s.sliding_layers else 0,
        "window_flops_per_pair": 4 * s.heads * s.head_dim * s.sliding_layers,
        "state_bytes_per_seq": (4 * state + 2 * convolution) * s.linear_layers,
        "sparse_topk_tokens": s.sparse_tokens or None,
        "kv_shards": 1 if s.kv_rank else s.kv_heads,
        "attn_flops_per_pair_decode": decode,
        "attn_flops_per_pair_prefill": prefill,
    }


USUAL = (
    Shape(16, 2048, 32, 8, 64, 8192, 128_256, True, 131_072),
    Shape(28, 3072, 24, 8, 128, 8192, 128_256, True, 131_072),
    Shape(32, 4096, 32, 8, 128, 14336, 128_256, False, 131_072),
    Shape(40, 5120, 40, 8, 128, 13824, 152_064, False, 131_072),
    Shape(64, 5120, 40, 8, 128, 27648, 152_064, False, 131_072),
    Shape(80, 8192, 64, 8, 128, 28672, 128_256, False, 131_072),
    Shape(88, 12288, 96, 8, 128, 28672, 32_768, False, 131_072),
    Shape(126, 16384, 128, 8, 128, 53248, 128_256, False, 131_072),
)
"""Decoders of 1.2, 3.2, 8, 14, 32, 70, 123 and 405 billion parameters, as published for Llama, Qwen and Mistral."""
RELEASED = date(2024, 6, 30)
"""Of a model nobody knows: neither of the first software generation nor of the present one."""
_SIZE = re.compile(r"(?<![a-z0-9.])(\d+(?:\.\d+)?)b(?![a-z0-9])")
_ACTIVE = re.compile(r"(?<![a-z0-9.])a(\d+(?:\.\d+)?)b(?![a-z0-9])")


def models_with_unlisted(models: pl.DataFrame, spellings: Iterable[str]) -> pl.DataFrame:
    """Adds a row `unlisted-…` of a usual shape for every unknown spelling that states its size (`…-13B`, `30B-A3B`)."""
    ids = model_ids(spellings, models)
    unknown = sorted(spelling for spelling, model in ids.items() if model is None)
    rows = [row for spelling in unknown if (row := _usual(spelling, models)) is not None]
    return pl.concat([models, *rows]) if rows else models


def _usual(spelling: str, models: pl.DataFrame) -> pl.DataFrame | None:
    name = spelling.lower().replace("_", "-")
    sizes = [float(size) for size in _SIZE.findall(name)]
    if not sizes:
        return None
    active = [float(size) for size in _ACTIVE.findall(name)]
    body = active[0] if active else sizes[0]
    sized = [(_row(shape, "", models)["total_params_b"].cast(pl.Float64)[0], shape) for shape in USUAL]
    size, shape = min(sized, key=lambda pair: abs(pair[0] - body))
    if active:
        shape = replace(shape, moe_layers=shape.layers, experts=128, experts_per_token=8, expert_ffn=shape.ffn // 8)
    row = _row(shape, f"unlisted-{re.sub(r'[^a-z0-9.]+', '-', name)}", models)
    scale = body / size
    total = sizes[0]
    return row.with_columns(
        _as(models, "hf_id", pl.lit(spelling)),
        _as(models, "release_date", pl.lit(RELEASED)),
        _as(models, "total_params_b", pl.lit(total)),
        _as(models, "active_params_b", pl.lit(body)),
        _as(models, "expert_params_b", pl.lit((total - body) * 16 / 15 if active else 0.0)),
        _as(models, "kv_elems_per_token", pl.col("kv_elems_per_token").cast(pl.Float64) * scale**0.5),
    )


def _as(models: pl.DataFrame, name: str, value: pl.Expr) -> pl.Expr:
    return value.cast(models.schema[name]).alias(name)
