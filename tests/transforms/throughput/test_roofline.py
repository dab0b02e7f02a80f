"""What runs at which rate, and what a step costs where the batch or the message is small."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from tests.transforms.throughput.conftest import Reference, needed
from transforms.throughput.calibration import Calibration, Coefficients
from transforms.throughput.facts import Facts, join_facts, traits
from transforms.throughput.memory import Deployment, deployments
from transforms.throughput.roofline import all_reduce, decode_step


def setting(reference: Reference, gpu: str, model: str, quant: str) -> tuple[Deployment, Coefficients]:
    row = pl.DataFrame({"gpu": [gpu], "model": [model], "quant": [quant]}).with_columns(
        pl.lit(None, pl.Float64).alias("memory_gib"), pl.lit(None, pl.String).alias("interconnect"),
        pl.lit(None, pl.String).alias("kv_quant"), engine=pl.lit("vllm"), generation=pl.lit("current"),
        scenario=pl.lit("fixed_concurrency"),
    )  # fmt: skip
    joined = join_facts(row, Facts.of(*needed(reference)[:3]))
    table = Calibration.of(reference["calibration"])
    return deployments(joined), table.coefficients(table.index(traits(joined)))


@pytest.mark.parametrize(
    ("gpu", "model", "quant", "experts", "rest"),
    [
        # NVIDIA multiplies MXFP4 weights with 8-bit activations, in the FP8 units; attention stays in 16 bit.
        ("b200-180gb", "gpt-oss-120b", "mxfp4", 4500, 2250),
        ("mi355x-288gb", "gpt-oss-120b", "mxfp4", 10066.3, 2516.6),
        ("h100-sxm-80gb", "gpt-oss-120b", "mxfp4", 989.4, 989.4),
        ("b200-180gb", "llama-3.3-70b", "nvfp4", 9000, 9000),
        ("b200-180gb", "deepseek-v3.2", "nvfp4", 9000, 2250),
        ("b200-180gb", "deepseek-v3.2", "fp8", 4500, 4500),
        ("a100-sxm-80gb", "llama-3.3-70b", "fp8", 312, 312),
    ],
)
def test_what_runs_at_which_rate(
    reference: Reference, gpu: str, model: str, quant: str, experts: float, rest: float
) -> None:
    deployment, _ = setting(reference, gpu, model, quant)
    assert (deployment.flops[0] / 1e12, deployment.flops_rest[0] / 1e12) == pytest.approx((experts, rest))


def test_a_matrix_kernel_pads_a_small_batch(reference: Reference) -> None:
    """On an H20, with a seventh of an H100's arithmetic, one request alone is bound by it."""
    deployment, fit = setting(reference, "h20-96gb", "llama-3.3-70b", "fp8")
    one, two, many = (decode_step(deployment, fit, np.array([b]), np.ones(1), np.ones(1)) for b in (1.0, 2.0, 1024.0))
    assert one.compute[0] == pytest.approx(two.compute[0], rel=0.1)
    assert many.compute[0] > 10 * one.compute[0]
    assert one.compute[0] > 0.5 * one.weights[0]


def test_small_messages_take_as_long_among_eight_as_among_two_unless_they_share_a_bus(reference: Reference) -> None:
    for gpu, growth in (("h100-sxm-80gb", 1.0), ("rtx-4090-24gb", 3.0)):
        deployment, fit = setting(reference, gpu, "llama-3.1-8b", "bf16")
        two, eight = (all_reduce(deployment, fit, np.zeros(1), np.array([tp])) for tp in (2.0, 8.0))
        assert eight[0] / two[0] == pytest.approx(growth)
