"""A config.json gives the row the reference table holds for the same model."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from tests.transforms.throughput.conftest import Reference, needed
from transforms.throughput import UnknownArchitecture, estimate, model_from_config

LLAMA: dict[str, Any] = {
    "model_type": "llama", "hidden_size": 8192, "num_hidden_layers": 80, "num_attention_heads": 64,
    "num_key_value_heads": 8, "intermediate_size": 28672, "vocab_size": 128256, "max_position_embeddings": 131072,
}  # fmt: skip
GPT_OSS: dict[str, Any] = {
    "model_type": "gpt_oss", "hidden_size": 2880, "num_hidden_layers": 36, "num_attention_heads": 64,
    "num_key_value_heads": 8, "head_dim": 64, "intermediate_size": 2880, "num_local_experts": 128,
    "num_experts_per_tok": 4, "sliding_window": 128, "vocab_size": 201088, "max_position_embeddings": 131072,
    "layer_types": ["sliding_attention", "full_attention"] * 18, "quantization_config": {"quant_method": "mxfp4"},
}  # fmt: skip
DEEPSEEK: dict[str, Any] = {
    "model_type": "deepseek_v3", "hidden_size": 7168, "num_hidden_layers": 61, "num_attention_heads": 128,
    "num_key_value_heads": 128, "intermediate_size": 18432, "moe_intermediate_size": 2048, "n_routed_experts": 256,
    "n_shared_experts": 1, "num_experts_per_tok": 8, "first_k_dense_replace": 3, "q_lora_rank": 1536,
    "kv_lora_rank": 512, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128, "vocab_size": 129280,
    "max_position_embeddings": 163840, "quantization_config": {"quant_method": "fp8"},
}  # fmt: skip
QWEN_NEXT: dict[str, Any] = {
    "text_config": {
        "model_type": "qwen3_next", "hidden_size": 2048, "num_hidden_layers": 48, "num_attention_heads": 16,
        "num_key_value_heads": 2, "head_dim": 256, "full_attention_interval": 4, "linear_num_key_heads": 16,
        "linear_num_value_heads": 32, "linear_key_head_dim": 128, "linear_value_head_dim": 128, "num_experts": 512,
        "num_experts_per_tok": 10, "moe_intermediate_size": 512, "shared_expert_intermediate_size": 512,
        "intermediate_size": 5120, "vocab_size": 151936, "max_position_embeddings": 262144, "attn_output_gate": True,
    }
}  # fmt: skip


@pytest.mark.parametrize(
    ("config", "model"),
    [
        (LLAMA, "llama-3.3-70b"),
        (GPT_OSS, "gpt-oss-120b"),
        (DEEPSEEK, "deepseek-v3"),
        (QWEN_NEXT, "qwen3-next-80b-a3b"),
    ],
)
def test_a_config_gives_the_reference_row(reference: Reference, config: dict[str, Any], model: str) -> None:
    models = reference["models"]
    ours = model_from_config(config, "mine", models)
    theirs = models.filter(pl.col("model") == model)
    assert ours.schema == theirs.schema
    for name in ("total_params_b", "active_params_b", "expert_params_b", "kv_elems_per_token", "state_bytes_per_seq",
                 "kv_window_elems_per_token", "window_tokens", "attn_flops_per_pair_decode", "kv_shards"):  # fmt: skip
        assert ours[name][0] == pytest.approx(theirs[name][0], rel=0.01), name
    assert ours["native_quant"][0] == theirs["native_quant"][0]


def test_it_can_be_served(reference: Reference) -> None:
    models = pl.concat([reference["models"], model_from_config(LLAMA, "mine", reference["models"])])
    frame = pl.DataFrame(
        {"gpu": ["h200-sxm-141gb"] * 2, "gpu_count": [1, 1], "model": ["mine", "llama-3.3-70b"], "quant": ["fp8"] * 2,
         "isl_tokens": [512, 512], "osl_tokens": [512, 512]}
    )  # fmt: skip
    gpus, _, quants, calibration = needed(reference)
    rates = estimate(frame, gpus, models, quants, calibration)["output_tokens_per_s"]
    assert rates[0] == pytest.approx(rates[1], rel=0.01)


@pytest.mark.parametrize("missing", ["hidden_size", "vocab_size", "num_attention_heads"])
def test_a_lacking_number_is_named(reference: Reference, missing: str) -> None:
    config = {key: value for key, value in LLAMA.items() if key != missing}
    with pytest.raises(UnknownArchitecture, match=missing):
        model_from_config(config, "mine", reference["models"])


def test_layers_without_a_formula_are_declined(reference: Reference) -> None:
    with pytest.raises(UnknownArchitecture, match="mamba_num_heads"):
        model_from_config({**LLAMA, "mamba_num_heads": 64}, "mine", reference["models"])
