"""Facts beside each configuration: GPU, model and quantisation, and the traits the fit knows them by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl

from transforms.throughput.columns import Labels, Traits

KV_BYTES = {"bf16": 2.0, "fp16": 2.0, "auto": 2.0, "fp8": 1.0, "int8": 1.0, "int4": 0.5}
"""Bytes of one cache element; `auto` is the engine's default, the model's 16 bit."""

FOUR_BIT = 0.7
"""Bytes per parameter below which a checkpoint quantises its experts harder than the rest."""

_MODEL_NUMBERS = (
    "total_params_b",
    "active_params_b",
    "expert_params_b",
    "embedding_params_b",
    "vision_params_b",
    "offloaded_params_b",
    "tied_embeddings",
    "layers",
    "hidden",
    "heads",
    "kv_heads",
    "moe_layers",
    "experts",
    "topk",
    "kv_elems_per_token",
    "index_elems_per_token",
    "kv_window_elems_per_token",
    "window_tokens",
    "state_bytes_per_seq",
    "kv_read_elems_per_token",
    "sparse_topk_tokens",
    "kv_shards",
    "attn_flops_per_pair_decode",
    "attn_flops_per_pair_prefill",
    "window_flops_per_pair",
    "index_flops_per_pair",
    "context_tokens",
)
_QUANT_NUMBERS = ("weight_bytes_per_param", "head_bytes_per_param", "moe_rest_bytes_per_param")
_GPU_TEXT = ("gpu", "vendor", "arch", "memory_type", "link")
_GPU_NUMBERS = (
    "memory_gib",
    "bandwidth_gb_per_s",
    "fp16_tflops",
    "fp8_tflops",
    "int8_tops",
    "fp4_tflops",
    "link_gb_per_s",
    "link_max_gpus",
    "pcie_gb_per_s",
)


@dataclass(frozen=True, slots=True)
class Facts:
    """The reference tables as the estimator reads them: numbers as numbers, only models whose architecture is known."""

    gpus: pl.DataFrame
    models: pl.DataFrame
    quants: pl.DataFrame
    rest: pl.DataFrame
    """Bytes per parameter of what an expert model keeps outside its experts, by the quantisation of that rest."""

    @classmethod
    def of(cls, gpus: pl.DataFrame, models: pl.DataFrame, quants: pl.DataFrame) -> Self:
        quant_facts = quants.select("quant", "compute", "kernel", *(_number(name) for name in _QUANT_NUMBERS))
        return cls(
            gpus.select(*_GPU_TEXT, *(_number(name) for name in _GPU_NUMBERS)).rename({"memory_gib": "nominal_gib"}),
            models.filter(_number("layers") > 0).select(
                "model",
                "attention",
                "rest_quant",
                pl.col("release_date").cast(pl.String),
                *(_number(name) for name in _MODEL_NUMBERS),
            ),
            quant_facts,
            quant_facts.select(rest_quant="quant", rest_quant_bytes="weight_bytes_per_param"),
        )


def _number(name: str) -> pl.Expr:
    return pl.col(name).cast(pl.Float64, strict=False)


def join_facts(rows: pl.DataFrame, facts: Facts) -> pl.DataFrame:
    """Adds every fact and the traits `chip`, `kernel_kind`, `attention_kind`, `mixture`, `link_kind`.

    rows: columns gpu, model, quant, memory_gib, interconnect, kv_quant. A row whose gpu, model or quant is unknown, or
    whose model has no known architecture, keeps nulls. Row order and count stay.
    """
    joined = (
        rows.join(facts.gpus, on="gpu", how="left", validate="m:1", maintain_order="left")
        .join(facts.models, on="model", how="left", validate="m:1", maintain_order="left")
        .join(facts.quants, on="quant", how="left", validate="m:1", maintain_order="left")
        .join(facts.rest, on="rest_quant", how="left", validate="m:1", maintain_order="left")
    )
    assert joined.height == rows.height
    return joined.with_columns(_kernel(), _link()).with_columns(
        memory_gib=pl.coalesce(pl.col("memory_gib").cast(pl.Float64), "nominal_gib"),
        compute_tflops=_compute_tflops(),
        rest_tflops=_rest_tflops(),
        rest_bytes_per_param=pl.when(pl.col("weight_bytes_per_param") < FOUR_BIT)
        .then(pl.coalesce("rest_quant_bytes", "moe_rest_bytes_per_param"))
        .otherwise("moe_rest_bytes_per_param"),
        kv_bytes=pl.col("kv_quant").replace_strict(KV_BYTES, default=2.0, return_dtype=pl.Float64),
        chip=_chip(),
        attention_kind=pl.when(pl.col("attention").str.contains("sparse"))
        .then(pl.lit("sparse"))
        .when(pl.col("attention").str.contains("linear|mamba"))
        .then(pl.lit("linear"))
        .otherwise("attention"),
        mixture=pl.when(pl.col("experts") > 1).then(pl.lit("moe")).otherwise(pl.lit("dense")),
        link_gb_per_s_used=pl.when(pl.col("link_kind") == "pcie").then("pcie_gb_per_s").otherwise("link_gb_per_s"),
    )


def _chip() -> pl.Expr:
    """Generation of the chip and kind of its memory: what bandwidth and arithmetic efficiency hang on."""
    memory = pl.when(pl.col("memory_type").str.starts_with("hbm")).then(pl.lit("hbm")).otherwise(pl.lit("gddr"))
    return pl.concat_str(pl.col("arch").replace({"blackwell-ultra": "blackwell"}), pl.lit("-"), memory)


def _kernel() -> pl.Expr:
    """Which matrix kernels run: the quantisation's own, or weight-only where the GPU lacks the arithmetic."""
    compute = pl.col("compute")
    native_fp8 = pl.col("fp8_tflops").is_not_null()
    native_int8 = (pl.col("int8_tops") > pl.col("fp16_tflops")).fill_null(False)
    native_fp4 = pl.col("fp4_tflops").is_not_null() & ((pl.col("vendor") != "amd") | (pl.col("quant") == "mxfp4"))
    return (
        pl.when(pl.col("kernel") == "gguf")
        .then(pl.lit("gguf"))
        .when(pl.col("quant") == "w4a8")
        .then(pl.when(native_int8).then(pl.lit("w4a8")).otherwise(pl.lit("w4a16")))
        .when(pl.col("kernel") == "weight_only")
        .then(pl.when(pl.col("weight_bytes_per_param") > FOUR_BIT).then(pl.lit("w8a16")).otherwise(pl.lit("w4a16")))
        .when(compute == "fp8")
        .then(pl.when(native_fp8).then(pl.lit("fp8")).otherwise(pl.lit("w8a16")))
        .when(compute == "int8")
        .then(pl.when(native_int8).then(pl.lit("int8")).otherwise(pl.lit("w8a16")))
        .when(native_fp4 & (pl.col("quant") == "mxfp4") & (pl.col("vendor") == "nvidia"))
        .then(pl.lit("fp4-w4a8"))
        .when(compute == "fp4")
        .then(pl.when(native_fp4).then(pl.lit("fp4")).otherwise(pl.lit("fp4-w4a16")))
        .when(compute == "16bit")
        .then(pl.lit("16bit"))
        .alias("kernel_kind")
    )


def _compute_tflops() -> pl.Expr:
    kind = pl.col("kernel_kind")
    return (
        pl.when(kind.is_in(["fp8", "fp4-w4a8"]))
        .then("fp8_tflops")
        .when(kind.is_in(["int8", "w4a8"]))
        .then("int8_tops")
        .when(kind == "fp4")
        .then("fp4_tflops")
        .otherwise("fp16_tflops")
    )


def _rest_tflops() -> pl.Expr:
    """What an expert model computes outside its experts with: a 4-bit checkpoint keeps that part in `rest_quant`."""
    whole = (pl.col("weight_bytes_per_param") >= FOUR_BIT) | ~(pl.col("experts") > 1).fill_null(False)
    return (
        pl.when(whole)
        .then(_compute_tflops())
        .when(pl.col("rest_quant") == "fp8")
        .then(pl.coalesce("fp8_tflops", "fp16_tflops"))
        .otherwise("fp16_tflops")
    )


def _link() -> pl.Expr:
    """What joins the GPUs: bridges are usually absent from rentals, so only an offer that says NVLink has one."""
    soldered = ~pl.col("link").str.ends_with("bridge") & (pl.col("link") != "pcie")
    named = pl.col("interconnect").fill_null("unsaid")
    fast = pl.when(pl.col("link").str.starts_with("xgmi")).then(pl.lit("xgmi")).otherwise(pl.lit("nvlink"))
    return (
        pl.when((pl.col("link") == "pcie") | (named == "pcie"))
        .then(pl.lit("pcie"))
        .when(soldered | (named != "unsaid"))
        .then(fast)
        .otherwise(pl.lit("pcie"))
        .alias("link_kind")
    )


def traits(joined: pl.DataFrame) -> Traits:
    """The traits of each configuration, as the fit names them; reads engine, generation and scenario too."""
    columns = {
        "chip": "chip",
        "kernel": "kernel_kind",
        "gpu": "gpu",
        "engine": "engine",
        "scenario": "scenario",
        "generation": "generation",
        "attention": "attention_kind",
        "mixture": "mixture",
        "link": "link_kind",
    }
    found = {trait: Labels.of(joined[column]) for trait, column in columns.items()}
    return found | {
        "all": Labels(("",), np.zeros(joined.height, dtype=np.intp)),
        "chip_kernel": found["chip"].paired(found["kernel"]),
        "engine_scenario": found["engine"].paired(found["scenario"]),
    }
