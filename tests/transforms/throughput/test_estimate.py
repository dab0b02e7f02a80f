"""What an estimate must never do, whatever is asked."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transforms.throughput.conftest import Reference, needed
from transforms.throughput import estimate, explain
from transforms.throughput.facts import Facts, join_facts
from transforms.throughput.memory import deployments

Ask = Callable[..., pl.DataFrame]
CARDS = ["h100-sxm-80gb", "a100-sxm-80gb", "rtx-4090-24gb", "mi300x-192gb", "b200-180gb", "l40s-48gb", "v100-pcie-32gb"]
MODELS = [
    "llama-3.1-8b",
    "llama-3.3-70b",
    "gpt-oss-120b",
    "qwen3-30b-a3b-instruct-2507",
    "deepseek-v3.2",
    "gemma-3-27b",
]
QUANTS = ["bf16", "fp8", "int4", "w8a16", "q4_k_m"]

configurations = st.fixed_dictionaries(
    {
        "gpu": st.sampled_from(CARDS),
        "gpu_count": st.sampled_from([1, 2, 4, 8]),
        "model": st.sampled_from(MODELS),
        "quant": st.sampled_from(QUANTS),
        "isl_tokens": st.integers(16, 8000),
        "osl_tokens": st.integers(1, 4000),
    }
)


def _joined(reference: Reference, **columns: object) -> pl.DataFrame:
    blank = dict.fromkeys(("memory_gib", "interconnect", "kv_quant"))
    facts = Facts.of(*needed(reference)[:3])
    frame = pl.DataFrame({name: [value] for name, value in {**blank, **columns}.items()}).with_columns(
        pl.col("memory_gib").cast(pl.Float64), pl.col("interconnect", "kv_quant").cast(pl.String)
    )
    return join_facts(frame, facts)


@settings(deadline=None, max_examples=15)
@given(asked=configurations, concurrency=st.integers(1, 512))
def test_never_above_the_roofline(reference: Reference, asked: dict[str, object], concurrency: int) -> None:
    found = explain(pl.DataFrame([{**asked, "concurrency": concurrency}]), *needed(reference))
    rate = found["output_tokens_per_s"][0]
    if rate is None:
        return
    d = deployments(_joined(reference, **{name: asked[name] for name in ("gpu", "model", "quant")}))
    gpus = found["tp"][0] * found["replicas"][0]
    assert rate <= gpus * d.flops[0] / (2 * d.decode_params[0])
    # A step reads at least the weights that are not experts, and gives at most one token per request in flight.
    assert rate <= found["concurrency"][0] * found["tp"][0] * d.bandwidth[0] / d.fixed_bytes[0]


@settings(deadline=None, max_examples=12)
@given(asked=configurations, factor=st.floats(1.05, 3.0))
def test_more_bandwidth_or_memory_never_hurts(reference: Reference, asked: dict[str, object], factor: float) -> None:
    frame = pl.DataFrame([asked])
    before = estimate(frame, *needed(reference))["output_tokens_per_s"][0] or 0.0
    _, models, quants, calibration = needed(reference)
    for column in ("bandwidth_gb_per_s", "memory_gib"):
        better = reference["gpus"].with_columns(pl.col(column) * factor)
        after = estimate(frame, better, models, quants, calibration)["output_tokens_per_s"][0] or 0.0
        assert after >= before * 0.999, column


@settings(deadline=None, max_examples=12)
@given(asked=configurations)
def test_fewer_bytes_never_hurt(reference: Reference, asked: dict[str, object]) -> None:
    frame = pl.DataFrame([asked])
    before = estimate(frame, *needed(reference))["output_tokens_per_s"][0] or 0.0
    bytes_columns = [name for name in reference["quants"].columns if name.endswith("bytes_per_param")]
    lighter = reference["quants"].with_columns(pl.col(bytes_columns) * 0.99)
    gpus, models, _, calibration = needed(reference)
    after = estimate(frame, gpus, models, lighter, calibration)
    assert (after["output_tokens_per_s"][0] or 0.0) >= before * 0.999


@settings(deadline=None, max_examples=10)
@given(asked=configurations)
def test_the_rate_rises_with_concurrency_until_it_saturates(reference: Reference, asked: dict[str, object]) -> None:
    ladder = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
    frame = pl.DataFrame([{**asked, "concurrency": concurrency, "tp": 1} for concurrency in ladder])
    rates = estimate(frame, *needed(reference))["output_tokens_per_s"]
    if rates.null_count() == 0:
        assert all(later >= earlier * 0.999 for earlier, later in itertools.pairwise(rates))


def test_fewer_requests_than_replicas_leave_the_others_idle(ask: Ask) -> None:
    one, alone, eight = (
        ask(gpu_count=count, tp=1, quant="fp8", concurrency=concurrency, ttft_slo_ms=None)
        for count, concurrency in ((1, 1), (8, 1), (8, 8))
    )
    assert alone.select("replicas", "concurrency").row(0) == (1, 1)
    assert alone["output_tokens_per_s"][0] == one["output_tokens_per_s"][0]
    assert eight["output_tokens_per_s"][0] == pytest.approx(8 * one["output_tokens_per_s"][0])


def test_what_does_not_fit_says_by_how_much_and_has_no_number(ask: Ask) -> None:
    found = ask(gpu="rtx-4090-24gb", model="llama-3.3-70b", quant=["bf16", "int4"])
    assert found["fits"].to_list() == [False, False]
    assert found["output_tokens_per_s"].null_count() == 2
    # Weights 141.10 GB and 1,280 tokens x 327,680 bytes, against 92 % of 24,564 MiB less 1.54 GB of reserve.
    short = 141.104 + 0.419 - (0.92 * 24_564 * 2**20 / 1e9 - 1.0 - 65_536 * 8_192 / 1e9)
    assert found["reason"][0] == f"does not fit: {short:.1f} GB short on each of 1 GPUs"


def test_the_memory_of_this_machine_decides_not_the_name(ask: Ask) -> None:
    found = ask(gpu="a100-pcie-80gb", model="llama-3.3-70b", quant="int4", memory_gib=[80.0, 10.0])
    assert found["fits"].to_list() == [True, False]


@pytest.mark.parametrize(
    ("column", "missing"),
    [("gpu", "the GPU"), ("model", "the model's architecture"), ("quant", "the quantisation")],
)
def test_an_unknown_name_is_declined(ask: Ask, column: str, missing: str) -> None:
    found = ask(**{column: "no-such-thing"})
    assert found.select("fits", "output_tokens_per_s", "reason").row(0) == (False, None, f"{missing} is not known")


def test_a_closed_or_unconfirmed_model_is_declined(ask: Ask) -> None:
    assert ask(model=["gpt-4o", "longcat-2.0"])["output_tokens_per_s"].null_count() == 2


def test_a_prompt_longer_than_the_context_is_declined(ask: Ask) -> None:
    found = ask(model="llama-3-8b", isl_tokens=85_201)
    assert found["output_tokens_per_s"][0] is None
    assert found["reason"][0] == "needs 85457 tokens of context, the model takes 8192"


def test_the_service_level_is_kept(ask: Ask) -> None:
    found = ask(
        gpu=["h100-sxm-80gb", "a100-sxm-80gb", "rtx-4090-24gb"],
        ttft_slo_ms=2000.0,
        min_tokens_per_s_per_user=30.0,
    )
    assert found["output_tokens_per_s"].null_count() == 0
    assert (found["ttft_ms"] <= 2000).all()
    assert (found["tokens_per_s_per_user"] >= 30).all()
    free = ask(gpu=found["gpu"].to_list())
    assert (free["output_tokens_per_s"] >= found["output_tokens_per_s"] * 0.999).all()


def test_a_service_level_out_of_reach_is_a_reason(ask: Ask) -> None:
    found = ask(gpu="rtx-4090-24gb", quant="bf16", min_tokens_per_s_per_user=500.0)
    assert found["fits"][0]
    assert found["output_tokens_per_s"][0] is None
    assert found["reason"][0].startswith("misses the service level even alone")


def test_replicas_stand_beside_tensor_parallelism(ask: Ask) -> None:
    small = ask(gpu="rtx-4090-24gb", gpu_count=8, model="llama-3.1-8b", quant="fp8")
    large = ask(gpu="h100-sxm-80gb", gpu_count=8, model="llama-3.1-405b", quant="fp8")
    assert (small["tp"][0], small["replicas"][0]) == (1, 8)
    assert (large["tp"][0], large["replicas"][0]) == (8, 1)


def test_three_of_seven_gpus_stay_idle_where_four_are_needed(ask: Ask) -> None:
    found = ask(gpu_count=7, model="llama-3.3-70b", quant="bf16")
    assert found["tp"][0] * found["replicas"][0] == 4


def test_a_cached_prompt_is_cheaper(ask: Ask) -> None:
    plain, cached = ask(isl_tokens=8000, concurrency=16, cached_input_fraction=[0.0, 0.7])["output_tokens_per_s"]
    assert cached > plain * 1.1


def test_an_older_engine_is_slower(ask: Ask) -> None:
    rates = ask(concurrency=32, engine_generation=["current", "2024"])["output_tokens_per_s"]
    assert rates[0] > rates[1]


def test_a_bridge_is_believed_only_when_said(ask: Ask) -> None:
    rates = ask(
        gpu="a100-pcie-80gb", gpu_count=2, tp=2, model="llama-3.3-70b", quant="int4", concurrency=64,
        interconnect=[None, "pcie", "nvlink"],
    )["output_tokens_per_s"]  # fmt: skip
    assert rates[0] == rates[1] < rates[2]


def test_columns_of_the_caller_pass_and_rows_keep_their_order(ask: Ask) -> None:
    found = ask(label=["z", "a", "m"], kernel=["x", "y", "z"], gpu=["rtx-4090-24gb", "h100-sxm-80gb", "l4-24gb"])
    assert found["label"].to_list() == ["z", "a", "m"]
    assert found["kernel"].to_list() == ["x", "y", "z"]


def test_no_rows_give_no_rows(reference: Reference) -> None:
    schema = {"gpu": pl.String, "gpu_count": pl.Int64, "model": pl.String, "quant": pl.String, "isl_tokens": pl.Int64,
              "osl_tokens": pl.Int64}  # fmt: skip
    found = estimate(pl.DataFrame(schema=schema), *needed(reference))
    assert found.height == 0
    assert "output_tokens_per_s_low" in found.columns


def test_the_band_holds_the_estimate_and_is_wider_beyond_the_data(ask: Ask) -> None:
    found = ask(gpu=["h100-sxm-80gb", "mi100-32gb"], quant="bf16")
    low, middle, high = (found[f"output_tokens_per_s{end}"] for end in ("_low", "", "_high"))
    assert ((low < middle) & (middle < high)).all()
    assert found["throughput_basis"].to_list() == ["calibrated", "estimated"]
    assert high[1] / low[1] > high[0] / low[0]


def test_a_published_result_takes_the_place_of_the_estimate_and_is_named(reference: Reference) -> None:
    frame = pl.DataFrame(
        {"gpu": ["h200-sxm-141gb"] * 2, "gpu_count": [1, 1], "model": ["llama-3.3-70b"] * 2, "quant": ["fp8"] * 2,
         "isl_tokens": [1024, 3000], "osl_tokens": [1024, 300], "concurrency": [64, 64]}
    )  # fmt: skip
    found = estimate(frame, *needed(reference), reference["benchmarks"])
    row = reference["benchmarks"].filter(pl.col("benchmark") == found["cited"][0]).row(0, named=True)
    assert (row["gpu"], row["model"], row["concurrency"]) == ("h200-sxm-141gb", "llama-3.3-70b", 64)
    assert found["output_tokens_per_s"][0] == row["output_tokens_per_s"]
    assert found["throughput_basis"].to_list() == ["measured", "calibrated"]
    assert found["cited"][1] is None
