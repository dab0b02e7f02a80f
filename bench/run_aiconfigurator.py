"""Asks NVIDIA's aiconfigurator for the measured configurations it knows, and writes bench/aiconfigurator.csv.

It needs an environment of its own, outside this one: `pip install aiconfigurator==0.12.0` (Linux x86-64, 850 MB), then
`python bench/run_aiconfigurator.py` with that environment's interpreter. The standard library is all else it uses.
"""

from __future__ import annotations

import csv
import functools
import importlib
import logging
import sys
from pathlib import Path
from typing import Any

REFERENCE = Path(__file__).parents[1] / "warehouse" / "reference"
OUT = Path(__file__).parent / "aiconfigurator.csv"
SYSTEMS = {
    "a100-sxm-80gb": "a100_sxm",
    "a100-pcie-80gb": "a100_pcie",
    "h100-sxm-80gb": "h100_sxm",
    "h100-pcie-80gb": "h100_pcie",
    "h200-sxm-141gb": "h200_sxm",
    "b200-180gb": "b200_sxm",
    "b300-288gb": "b300_sxm",
    "gb200-186gb": "gb200",
    "gb300-288gb": "gb300",
    "l40s-48gb": "l40s",
    "l4-24gb": "l4",
    "a30-24gb": "a30",
    "rtx-pro-6000-server-96gb": "rtx_pro_6000_server",
}
MODELS = {
    "llama-3-8b": "meta-llama/Meta-Llama-3.1-8B",
    "llama-3.1-8b": "meta-llama/Meta-Llama-3.1-8B",
    "llama-3-70b": "meta-llama/Meta-Llama-3.1-70B",
    "llama-3.1-70b": "meta-llama/Meta-Llama-3.1-70B",
    "llama-3.3-70b": "meta-llama/Meta-Llama-3.1-70B",
    "llama-3.1-405b": "meta-llama/Meta-Llama-3.1-405B",
    "mixtral-8x7b": "mistralai/Mixtral-8x7B-v0.1",
    "mixtral-8x22b": "mistralai/Mixtral-8x22B-v0.1",
    "qwen3-0.6b": "Qwen/Qwen3-0.6B",
    "qwen3-1.7b": "Qwen/Qwen3-1.7B",
    "qwen3-8b": "Qwen/Qwen3-8B",
    "qwen3-32b": "Qwen/Qwen3-32B",
    "qwen3-30b-a3b": "Qwen/Qwen3-30B-A3B",
    "qwen3-235b-a22b": "Qwen/Qwen3-235B-A22B",
    "qwen3-235b-a22b-instruct-2507": "Qwen/Qwen3-235B-A22B",
    "qwen3.5-397b-a17b": "Qwen/Qwen3.5-397B-A17B",
    "gpt-oss-20b": "openai/gpt-oss-20b",
    "gpt-oss-120b": "openai/gpt-oss-120b",
    "deepseek-r1": "deepseek-ai/DeepSeek-R1",
    "deepseek-r1-0528": "deepseek-ai/DeepSeek-R1",
    "deepseek-v3.2": "deepseek-ai/DeepSeek-V3.2",
    "minimax-m2.5": "MiniMaxAI/MiniMax-M2.5",
    "llama-4-scout": "meta-llama/Llama-4-Scout-17B-16E-Instruct",
    "llama-4-maverick": "meta-llama/Llama-4-Maverick-17B-128E-Instruct",
}
EXPERTS = {"mixtral", "qwen3-30b", "qwen3-235b", "qwen3.5-397b", "gpt-oss", "deepseek", "minimax", "llama-4"}
GEMM = {"bf16": "bfloat16", "fp8": "fp8", "int8": "sq", "w8a16": "int8_wo", "int4": "int4_wo", "nvfp4": "nvfp4"}
MOE = {"bf16": "bfloat16", "fp8": "fp8_block", "int4": "int4_wo", "nvfp4": "nvfp4"}
KV = {"fp8": "fp8", "int8": "int8"}


def asked(row: dict[str, str]) -> dict[str, Any] | None:
    """Arguments of the call for a measured row; None where the tool has no way to express it."""
    known = row["gpu"] in SYSTEMS and row["model"] in MODELS and row["engine"] in {"vllm", "sglang", "trtllm"}
    if not known or not row["concurrency"] or not row["tp"] or row["pp"] not in {"", "1"} or not row["isl_tokens"]:
        return None
    tp = int(row["tp"])
    replicas = max(int(row["gpu_count"]) // tp, 1)
    arguments: dict[str, Any] = {
        "model_path": MODELS[row["model"]],
        "system_name": SYSTEMS[row["gpu"]],
        "backend_name": row["engine"],
        "database_mode": "HYBRID",
        "isl": max(int(row["isl_tokens"]), 1),
        "osl": max(int(row["osl_tokens"]), 2),
        "batch_size": max(int(row["concurrency"]) // replicas, 1),
        "tp_size": tp,
    }
    if row["quant"] != "mxfp4":
        if row["quant"] not in GEMM:
            return None
        arguments["gemm_quant_mode"] = GEMM[row["quant"]]
    if any(row["model"].startswith(name) for name in EXPERTS):
        arguments |= {"moe_tp_size": tp, "moe_ep_size": 1}
        if row["quant"] in MOE:
            arguments["moe_quant_mode"] = MOE[row["quant"]]
    if row["kv_quant"] in KV:
        arguments["kvcache_quant_mode"] = KV[row["kv_quant"]]
    return arguments


def rate(answer: Any, arguments: dict[str, Any], row: dict[str, str]) -> float:
    """Output tokens/s of the whole system, from its latencies by Little's law."""
    replicas = max(int(row["gpu_count"]) // int(row["tp"]), 1)
    osl = arguments["osl"]
    if row["scenario"] == "bs1":
        return replicas * 1e3 / float(answer.tpot)
    latency_ms = float(answer.ttft) + float(answer.tpot) * (osl - 1)
    found: float = replicas * arguments["batch_size"] * osl / latency_ms * 1e3
    return found


def answer_in_memory(estimate: Any, arguments: dict[str, Any]) -> Any:
    """Its estimate at the batch asked for, or at the largest half, quarter… that its memory model takes."""
    while True:
        try:
            return estimate(**arguments)
        except RuntimeError as error:
            if "OOM" not in str(error) or arguments["batch_size"] == 1:
                raise
            arguments["batch_size"] //= 2


def main() -> None:
    logging.disable(logging.CRITICAL)
    try:
        estimate = importlib.import_module("aiconfigurator.cli.api").cli_estimate
        versions = importlib.import_module("aiconfigurator.sdk.perf_database").get_latest_database_version
    except ImportError:
        sys.exit("aiconfigurator is not installed in this environment: see the top of this file")
    with (REFERENCE / "benchmarks.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["sample"] == "core"]
    with OUT.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["benchmark", "output_tokens_per_s"])
        latest = functools.cache(versions)
        for row in rows:
            arguments = asked(row)
            if arguments is None:
                continue
            try:
                # Unless the version is named, every call reads the whole database again.
                arguments["backend_version"] = latest(arguments["system_name"], arguments["backend_name"])
                found = f"{rate(answer_in_memory(estimate, arguments), arguments, row):.6g}"
            except Exception:  # whatever it cannot answer, in its own many ways, is an empty cell
                found = ""
            writer.writerow([row["benchmark"], found])
            file.flush()


if __name__ == "__main__":
    main()
