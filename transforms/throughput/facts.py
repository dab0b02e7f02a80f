"""Facts beside each configuration: what the GPU, the model and the quantisation are, and which traits the fit knows them by."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

KV_BYTES = {"bf16": 2.0, "fp16": 2.0, "auto": 2.0, "fp8": 1.0, "int8": 1.0, "int4": 0.5}
"""Bytes of one cache element; `auto` is the engine's default, the model's 16 bit."""

_CHIPS = {"ampere": "ampere", "blackwell-ultra": "blackwell"}


def known(gpus: pl.DataFrame, models: pl.DataFrame, quants: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """The reference tables as the estimator reads them: numbers as numbers, only models whose architecture is known."""
    gpu_text = {"gpu", "name", "vendor", "arch", "compute_capability", "form_factor", "memory_type", "link"}
    gpu_columns = ["gpu", "vendor", "arch", "memory_type", "memory_gib", "bandwidth_gb_per_s", "fp16_tflops", "fp8_tflops",
                   "int8_tops", "fp4_tflops", "link", "link_gb_per_s", "link_max_gpus", "pcie_gb_per_s"]
    return (
        gpus.select(pl.col(name) if name in gpu_text else _number(name) for name in gpu_columns).rename({"memory_gib": "nominal_gib"}),
        models.filter(pl.col("layers").cast(pl.Float64, strict=False) > 0).select(
            "model", "attention", "rest_quant", "release_date", *(_number(name) for name in _MODEL_NUMBERS)
        ),
        quants.select("quant", "compute", "kernel", *(_number(name) for name in _QUANT_NUMBERS)),
    )


_MODEL_NUMBERS = (
    "total_params_b", "active_params_b", "expert_params_b", "embedding_params_b", "vision_params_b", "offloaded_params_b",
    "tied_embeddings", "layers", "hidden", "heads", "kv_heads", "moe_layers", "experts", "topk", "kv_elems_per_token",
    "index_elems_per_token", "kv_window_elems_per_token", "window_tokens", "state_bytes_per_seq", "kv_read_elems_per_token",
    "sparse_topk_tokens", "kv_shards", "attn_flops_per_pair_decode", "attn_flops_per_pair_prefill", "window_flops_per_pair",
    "index_flops_per_pair", "context_tokens",
)  # fmt: skip
_QUANT_NUMBERS = ("weight_bytes_per_param", "head_bytes_per_param", "moe_rest_bytes_per_param")


def _number(name: str) -> pl.Expr:
    return pl.col(name).cast(pl.Float64, strict=False)


def join_facts(rows: pl.DataFrame, gpus: pl.DataFrame, models: pl.DataFrame, quants: pl.DataFrame) -> pl.DataFrame:
    """Adds every fact and the traits `chip`, `kernel`, `attention_kind`, `mixture`, `link_kind`.

    rows: columns gpu, model, quant, memory_gib, interconnect, kv_quant. A row whose gpu, model or quant is unknown, or
    whose model has no known architecture, keeps nulls. Row order and count stay.
    """
    gpu_facts, model_facts, quant_facts = known(gpus, models, quants)
    rest = quant_facts.select(pl.col("quant").alias("rest_quant"), pl.col("weight_bytes_per_param").alias("rest_quant_bytes"))
    joined = (
        rows.join(gpu_facts, on="gpu", how="left", validate="m:1", maintain_order="left")
        .join(model_facts, on="model", how="left", validate="m:1", maintain_order="left")
        .join(quant_facts, on="quant", how="left", validate="m:1", maintain_order="left")
        .join(rest, on="rest_quant", how="left", validate="m:1", maintain_order="left")
    )
    assert joined.height == rows.height
    return joined.with_columns(_kernel(), _link()).with_columns(
        memory_gib=pl.coalesce(pl.col("memory_gib").cast(pl.Float64), "nominal_gib"),
        compute_tflops=_compute_tflops(),
        rest_bytes_per_param=pl.coalesce("rest_quant_bytes", "moe_rest_bytes_per_param"),
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
    memory = (
        pl.when(pl.col("memory_type").str.starts_with("hbm"))
        .then(pl.lit("hbm"))
        .otherwise(pl.lit("gddr"))
    )
    return pl.concat_str(pl.col("arch").replace({"blackwell-ultra": "blackwell"}), pl.lit("-"), memory)


def _kernel() -> pl.Expr:
    """Which matrix kernels run: the quantisation's own, or weight-only where the GPU lacks the arithmetic."""
    compute, has = pl.col("compute"), lambda name: pl.col(name).fill_null(0.0) > 0
    native_int8 = has("int8_tops") & (pl.col("int8_tops") > pl.col("fp16_tflops"))
    native_fp4 = has("fp4_tflops") & ((pl.col("vendor") != "amd") | (pl.col("quant") == "mxfp4"))
    return (
        pl.when(pl.col("kernel") == "gguf")
        .then(pl.lit("gguf"))
        .when(pl.col("quant") == "w4a8")
        .then(pl.when(native_int8).then(pl.lit("w4a8")).otherwise(pl.lit("w4a16")))
        .when(pl.col("kernel") == "weight_only")
        .then(pl.when(pl.col("weight_bytes_per_param") > 0.8).then(pl.lit("w8a16")).otherwise(pl.lit("w4a16")))
        .when(compute == "fp8")
        .then(pl.when(has("fp8_tflops")).then(pl.lit("fp8")).otherwise(pl.lit("w8a16")))
        .when(compute == "int8")
        .then(pl.when(native_int8).then(pl.lit("int8")).otherwise(pl.lit("w8a16")))
        .when(compute == "fp4")
        .then(pl.when(native_fp4).then(pl.lit("fp4")).otherwise(pl.lit("fp4-w4a16")))
        .when(compute == "16bit")
        .then(pl.lit("16bit"))
        .alias("kernel_kind")
    )


def _compute_tflops() -> pl.Expr:
    by_kernel = {"fp8": "fp8_tflops", "int8": "int8_tops", "w4a8": "int8_tops", "fp4": "fp4_tflops"}
    expression = pl.when(pl.lit(False)).then(pl.lit(None, pl.Float64))
    for kernel, column in by_kernel.items():
        expression = expression.when(pl.col("kernel_kind") == kernel).then(pl.col(column))
    return expression.otherwise(pl.col("fp16_tflops"))


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


def traits(joined: pl.DataFrame) -> dict[str, NDArray[np.str_]]:
    """The traits of each configuration, as the fit names them. Reads engine, generation and scenario beside the facts."""
    names = {"chip": "chip", "kernel": "kernel_kind", "engine": "engine", "generation": "generation",
             "attention": "attention_kind", "link": "link_kind", "mixture": "mixture", "scenario": "scenario"}  # fmt: skip
    found = {trait: joined[column].cast(pl.String).fill_null("").to_numpy().astype(np.str_) for trait, column in names.items()}
    return {"all": np.full(joined.height, "", dtype=np.str_), **found}
