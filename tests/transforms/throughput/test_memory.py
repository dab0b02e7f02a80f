"""Bytes, worked out by hand from published configurations."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from tests.transforms.throughput.conftest import Reference, needed
from transforms.throughput.facts import Facts, join_facts
from transforms.throughput.memory import Deployment, deployments, sequence_bytes, valid_tp
from transforms.throughput.roofline import experts_touched


@pytest.fixture(scope="module")
def facts(reference: Reference) -> Facts:
    return Facts.of(*needed(reference)[:3])


def joined(facts: Facts, *rows: tuple[str, str, str], kv_quant: str | None = None) -> pl.DataFrame:
    frame = pl.DataFrame(rows, schema=["gpu", "model", "quant"], orient="row").with_columns(
        pl.lit(None, pl.Float64).alias("memory_gib"), pl.lit(None, pl.String).alias("interconnect"),
        pl.lit(kv_quant, pl.String).alias("kv_quant"),
    )  # fmt: skip
    return join_facts(frame, facts)


def one(facts: Facts, model: str, quant: str = "bf16", gpu: str = "h100-sxm-80gb", kv: str | None = None) -> Deployment:
    return deployments(joined(facts, (gpu, model, quant), kv_quant=kv))


@pytest.mark.parametrize(
    ("model", "quant", "gb"),
    [
        ("llama-3.3-70b", "bf16", 2 * 70.552),
        # Linear layers 68.451 B at 0.52 bytes; embedding and head, 1.051 B each, stay at 2.
        ("llama-3.3-70b", "int4", 0.52 * (70.552 - 2 * 1.0506) + 2 * 2 * 1.0506),
        # Only the experts are MXFP4: the model card says 60.8 to 65 GB.
        ("gpt-oss-120b", "mxfp4", 0.531 * 114.662 + 2 * (116.789 - 114.662)),
        # Fp8 with block scales; the head stays in 16 bit.
        ("deepseek-v3.2", "fp8", 1.02 * (671.878 - 2 * 0.9267) + 2 * 2 * 0.9267),
    ],
)
def test_weights(facts: Facts, model: str, quant: str, gb: float) -> None:
    assert one(facts, model, quant).resident_bytes[0] / 1e9 == pytest.approx(gb, rel=2e-3)


@pytest.mark.parametrize(
    ("model", "bytes_per_token"),
    [
        ("llama-3.3-70b", 327_680),  # 2 x 8 heads x 128 x 80 layers x 2 bytes
        ("deepseek-v3.2", 85_888),  # (576 + 128 index) x 61 layers x 2 bytes
        ("glm-5.2", 95_232),  # 78 latent layers, 21 of them with an index
        ("deepseek-v4-pro", 9_848),  # vLLM: 9.62 GiB at 1M tokens
        ("kimi-k3", 27_648),
        ("minimax-m2.7", 253_952),
        ("qwen3.8-27b", 65_536),
    ],
)
def test_cache_per_token(facts: Facts, model: str, bytes_per_token: int) -> None:
    assert one(facts, model).kv_bytes_per_token[0] == bytes_per_token


def test_a_cache_in_eight_bits_is_half(facts: Facts) -> None:
    sixteen, eight = (one(facts, "llama-3.1-8b", kv=kv).kv_bytes_per_token[0] for kv in ("auto", "fp8"))
    assert eight == sixteen / 2


def test_a_latent_cache_is_not_split_over_gpus_and_heads_only_so_far(facts: Facts) -> None:
    tokens, tp = np.array([1000.0]), np.array([8.0])
    latent, heads, few = (one(facts, model) for model in ("deepseek-v3.2", "llama-3.3-70b", "qwen3-30b-a3b"))
    assert sequence_bytes(latent, tokens, tp)[0] == 1000 * 85_888
    assert sequence_bytes(heads, tokens, tp)[0] == 1000 * 327_680 / 8
    assert sequence_bytes(few, tokens, tp)[0] == 1000 * 98_304 / 4


def test_a_window_stops_growing(facts: Facts) -> None:
    d, tp = one(facts, "gemma-3-27b"), np.array([1.0])
    short, long = (sequence_bytes(d, np.array([tokens]), tp)[0] for tokens in (1024.0, 2048.0))
    assert long - short == 1024 * 10 * 2 * 16 * 128 * 2  # ten full layers alone


def test_a_recurrent_state_is_constant(facts: Facts) -> None:
    d, tp = one(facts, "qwen3.8-27b"), np.array([1.0])
    assert sequence_bytes(d, np.array([0.0]), tp)[0] == pytest.approx(151e6, rel=0.03)


def test_heads_divide(facts: Facts) -> None:
    phi = one(facts, "phi-4")  # 40 heads, 10 KV heads
    assert [bool(valid_tp(phi, np.array([float(tp)]))[0]) for tp in (1, 2, 4, 8)] == [True, True, False, False]


@pytest.mark.parametrize(
    ("gpu", "quant", "kernel", "tflops"),
    [
        ("h100-sxm-80gb", "fp8", "fp8", 1978.9),
        ("a100-sxm-80gb", "fp8", "w8a16", 312),  # Ampere has no fp8: weights only
        ("a100-sxm-80gb", "int8", "int8", 624),
        ("b300-288gb", "int8", "w8a16", 2250),  # its int8 is cut to 0.15 POPS
        ("h100-sxm-80gb", "int4", "w4a16", 989.4),
        ("b200-180gb", "nvfp4", "fp4", 9000),
        ("mi355x-288gb", "mxfp4", "fp4", 10066.3),
        ("mi355x-288gb", "nvfp4", "fp4-w4a16", 2516.6),
        ("rtx-4090-24gb", "bf16", "16bit", 165.2),  # half rate with FP32 accumulate
    ],
)
def test_the_arithmetic_that_really_runs(facts: Facts, gpu: str, quant: str, kernel: str, tflops: float) -> None:
    row = joined(facts, (gpu, "llama-3.1-8b", quant))
    assert row.select("kernel_kind", "compute_tflops").row(0) == (kernel, tflops)


def test_experts_touched(facts: Facts) -> None:
    d = one(facts, "gpt-oss-120b", "mxfp4")  # 4 of 128
    one_token, many = (experts_touched(d, np.array([tokens]))[0] for tokens in (1.0, 10_000.0))
    assert one_token == pytest.approx(4 / 128)
    assert many == pytest.approx(1.0)
