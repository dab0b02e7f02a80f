"""Result files: spellings, conditions, and that nothing is looked up."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from tests.transforms.throughput.conftest import Reference, needed
from transforms.throughput import estimate_rows, nearest_measured
from transforms.throughput.names import engine_id, gpu_ids, model_ids, quant_id, scenario_id
from transforms.throughput.published import joined_runs

ROW = {
    "id": "r1", "engine": "vllm", "model": "meta-llama/Llama-3.3-70B-Instruct", "quant": "fp8",
    "kv_cache_dtype": "auto", "gpu": "H200 SXM 141GB", "n_gpus": "1", "tp": "1", "pp": "1",
    "scenario": "fixed_concurrency",
    "concurrency_or_batch": "64", "input_tokens": "1024", "output_tokens": "1024",
}  # fmt: skip


def estimated(reference: Reference, *rows: dict[str, str]) -> list[dict[str, object]]:
    return estimate_rows(pl.DataFrame(rows), *needed(reference)).to_dicts()


@pytest.mark.parametrize(
    ("spelling", "gpu"),
    [
        ("H100 SXM 80GB", "h100-sxm-80gb"),
        ("NVIDIA A100-SXM4-40GB", "a100-sxm-40gb"),
        ("A100 80GB (form factor n/s)", "a100-sxm-80gb"),
        ("B300 SXM 270GB", "b300-288gb"),
        ("RTX 4090 D 24GB", "rtx-4090d-24gb"),
        ("RTX 4090 48GB", "rtx-4090-48gb"),
        ("RTX PRO 6000 Blackwell Server 96GB", "rtx-pro-6000-server-96gb"),
        ("RTX PRO 6000 Blackwell Workstation Edition 96GB", "rtx-pro-6000-ws-96gb"),
        ("H20-3e 141GB", "h20-141gb"),
        ("MI355X 288GB", "mi355x-288gb"),
        ("GB300 NVL72", "gb300-288gb"),
        ("DGX B200", "b200-180gb"),
        ("NVIDIA GB10 (DGX Spark)", "gb10-128gb"),
        ("GH200 480GB", "gh200-96gb"),
        ("GH200 144GB", "gh200-144gb"),
        ("8x H100 SXM", None),
        ("TPU v5e", None),
    ],
)
def test_gpu_spellings(reference: Reference, spelling: str, gpu: str | None) -> None:
    assert gpu_ids([spelling], reference["gpus"])[spelling] == gpu


@pytest.mark.parametrize(
    ("spelling", "model"),
    [
        ("meta-llama/Meta-Llama-3-8B-Instruct", "llama-3-8b"),
        ("hugging-quants/Meta-Llama-3.1-8B-Instruct-AWQ-INT4", "llama-3.1-8b"),
        ("RedHatAI/Meta-Llama-3.1-8B-Instruct-quantized.w8a8", "llama-3.1-8b"),
        ("Qwen/Qwen3-235B-A22B-Instruct-2507-FP8", "qwen3-235b-a22b-instruct-2507"),
        ("nvidia/Llama-3_3-Nemotron-Super-49B-v1_5-FP8", "llama-3.3-nemotron-super-49b-v1.5"),
        ("NousResearch/Hermes-3-Llama-3.1-8B", "llama-3.1-8b"),
        ("MiniMaxAI/MiniMax-M2.5", "minimax-m2.5"),
        ("openai/gpt-4o", None),
    ],
)
def test_model_spellings(reference: Reference, spelling: str, model: str | None) -> None:
    assert model_ids([spelling], reference["models"])[spelling] == model


def test_other_spellings() -> None:
    assert [quant_id(q) for q in ("fp16", "int4-awq", "int8-w8a16", "int8", "exl2-4.0bpw", "int4-q4_k_m", "nvfp4")] == [
        "bf16", "int4", "w8a16", "int8", "exl2_4", "q4_k_m", "nvfp4",
    ]  # fmt: skip
    assert [quant_id(q) for q in ("4.0bpw", "6.5bpw", "ternary")] == ["exl2_4", "exl2_6", None]
    assert [engine_id(e) for e in ("TensorRT-LLM", "nim-trtllm", "vLLM 0.9", "brand-new")] == [
        "trtllm", "trtllm", "vllm", "other",
    ]  # fmt: skip
    assert [scenario_id(s) for s in ("bs1", "offline_max", "server", "closed loop")] == [
        "bs1", "offline_max", "server", "fixed_concurrency",
    ]  # fmt: skip


def test_a_row_gets_an_estimate_with_its_band(reference: Reference) -> None:
    (row,) = estimated(reference, ROW)
    assert list(row) == ["id", "output_tok_s", "low", "high", "ttft_ms", "tpot_ms", "fits", "basis", "reason"]
    assert row["id"] == "r1" and row["fits"] and row["basis"] == "calibrated" and row["reason"] is None
    # InferenceX measured 1,632 with vLLM and 1,846 with TensorRT-LLM.
    assert 1200 < float(str(row["output_tok_s"])) < 2300
    assert float(str(row["low"])) < float(str(row["output_tok_s"])) < float(str(row["high"]))


def test_nothing_measured_is_looked_up(reference: Reference) -> None:
    moved = {**ROW, "input_tokens": "1025"}
    same, near = (float(str(row["output_tok_s"])) for row in estimated(reference, ROW, moved))
    assert same == pytest.approx(near, rel=2e-3)


def test_declined_rows_are_empty_and_say_why(reference: Reference) -> None:
    rows = [
        {**ROW, "id": "a", "gpu": "Abacus 3000"},
        {**ROW, "id": "b", "model": "nobody/knows-this"},
        {**ROW, "id": "c", "quant": "ternary"},
        {**ROW, "id": "d", "model": "meituan-longcat/LongCat-2.0"},
        {**ROW, "id": "e", "gpu": "RTX 4090 24GB"},
    ]
    found = estimated(reference, *rows)
    assert [row["id"] for row in found] == list("abcde")
    assert [row["output_tok_s"] for row in found] == [None] * 5
    assert [row["reason"] for row in found][:4] == [
        "unknown gpu", "unknown model", "unknown quantisation", "architecture not known",
    ]  # fmt: skip
    assert str(found[4]["reason"]).startswith("does not fit: ")


def test_an_unlisted_model_that_states_its_size_is_guessed_and_said_to_be(reference: Reference) -> None:
    rows = [{**ROW, "id": "a", "model": "acme/Zeta-13B-chat"}, {**ROW, "id": "b", "model": "Qwen/Qwen2.5-14B-Instruct"}]
    guessed, known = estimated(reference, *rows)
    assert guessed["basis"] == "estimated"
    assert guessed["reason"] == "architecture not known: a usual shape of the stated size"
    assert float(str(guessed["output_tok_s"])) == pytest.approx(float(str(known["output_tok_s"])), rel=0.25)


def test_missing_columns_count_as_unstated(reference: Reference) -> None:
    short = {name: ROW[name] for name in ("id", "engine", "model", "quant", "gpu", "scenario")}
    (row,) = estimated(reference, short)
    assert row["output_tok_s"] is not None


def test_unstated_tensor_parallelism_takes_the_smallest_that_leaves_a_batch(reference: Reference) -> None:
    tests = reference["benchmarks"].head(1).with_columns(
        gpu=pl.lit("h100-sxm-80gb"), gpu_count=pl.lit(8), model=pl.lit("llama-3.3-70b"), quant=pl.lit("fp8"),
        tp=pl.lit(None, pl.Int64), pp=pl.lit(None, pl.Int64), concurrency=pl.lit(None, pl.Int64),
        isl_tokens=pl.lit(1024), osl_tokens=pl.lit(1024), scenario=pl.lit("offline_max"),
    )  # fmt: skip
    _, runs = joined_runs(tests, *needed(reference)[:3])
    assert (runs.load.tp[0], runs.replicas[0]) == (2, 4)


def test_one_request_keeps_one_replica_busy(reference: Reference) -> None:
    alone = {**ROW, "n_gpus": "8", "tp": "1", "scenario": "bs1", "concurrency_or_batch": "1"}
    both = estimated(reference, alone, {**alone, "n_gpus": "1"})
    assert both[0]["output_tok_s"] == both[1]["output_tok_s"]


def test_pipeline_stages_share_the_work(reference: Reference) -> None:
    split = {**ROW, "n_gpus": "4", "tp": "2", "pp": "2", "scenario": "offline_max", "concurrency_or_batch": ""}
    whole = {**split, "n_gpus": "2", "pp": "1"}
    both = [float(str(row["output_tok_s"])) for row in estimated(reference, split, whole)]
    assert 1.3 < both[0] / both[1] < 2.6


def test_the_nearest_measurement_of_a_measured_configuration_is_itself(reference: Reference) -> None:
    asked = {"gpu": "b200-180gb", "gpu_count": 1, "model": "llama-3.3-70b", "quant": "fp8", "isl_tokens": 1024,
             "osl_tokens": 1024, "concurrency": 64}  # fmt: skip
    near = nearest_measured(asked, reference["benchmarks"], reference["gpus"])
    assert near.height == 5
    assert near["distance"][0] == 0.0
    assert near["distance"].is_sorted()
    assert near.select("gpu", "model", "concurrency").row(0) == ("b200-180gb", "llama-3.3-70b", 64)


def test_estimates_are_near_what_was_measured(reference: Reference) -> None:
    """In sample, so this guards the code, not the accuracy: that is what bench.accuracy is for."""
    tests = reference["benchmarks"].filter(pl.col("sample") == "core")
    spelled = tests.select(
        pl.col("benchmark").alias("id"), "engine", "model", "quant", pl.col("kv_quant").alias("kv_cache_dtype"), "gpu",
        pl.col("gpu_count").alias("n_gpus"), "tp", "pp", "scenario",
        pl.col("concurrency").alias("concurrency_or_batch"),
        pl.col("isl_tokens").alias("input_tokens"), pl.col("osl_tokens").alias("output_tokens"),
    )  # fmt: skip
    found = estimate_rows(spelled, *needed(reference))
    answered = found["output_tok_s"].is_not_null()
    assert answered.to_numpy().mean() >= 0.97
    error = (found["output_tok_s"] / tests["output_tokens_per_s"] - 1).abs().filter(answered)
    assert np.median(error.to_numpy()) < 0.15
