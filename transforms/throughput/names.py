"""Spellings of benchmark files -> our ids, by rule: for result files, whose every row must be read, not for prices."""

from __future__ import annotations

import re
from collections.abc import Iterable

import polars as pl

_GPU_NOISE = re.compile(
    r"\b(nvidia|amd|geforce|instinct|radeon|tesla|blackwell|generation|edition|gpus?|oam|hgx|dgx|superchip|nvl\d+|ws6|"
    r"form factor n/s)\b|[()]"
)
_GPU_WORDS = {"sxm2": "sxm", "sxm3": "sxm", "sxm4": "sxm", "sxm5": "sxm", "sxm6": "sxm", "se": "server", "s": "server",
              "workstation": "ws", "maxq": "max-q", "3e": "3e"}  # fmt: skip
_FORM_ORDER = ("sxm", "", "pcie", "ws", "nvl", "server")
_MODEL_NOISE = (
    r"instruct|chat|hf|it|base|fp8|awq|gptq|int4|int8|fp4|nvfp4|mxfp4|bf16|fp16|w4a16|w8a8|w8a16|gguf|dynamic|quantized|"
    r"static|kv|marlin|block|g128|g32|4bit|8bit|bnb|exl2|mlx|q4|k|m|turbo|v0\.[123]|hf8|autoround|preview|unsloth|original|"
    r"latest|text|only|thinking|reasoning|\d{4}"
)
_STRIP = re.compile(rf"-(?:{_MODEL_NOISE})$")


def gpu_ids(spellings: Iterable[str], gpus: pl.DataFrame) -> dict[str, str | None]:
    """`H100 SXM 80GB`, `NVIDIA A100-SXM4-80GB`, `RTX 4090 D 24GB` -> id; None where no GPU of that name is known."""
    by_name: dict[str, list[tuple[str, float]]] = {}
    for gpu, memory in gpus.select("gpu", pl.col("memory_gb").cast(pl.Float64)).iter_rows():
        base = _squash(re.sub(r"-\d+gb$", "", gpu))
        by_name.setdefault(base, []).append((gpu, memory))
    return {spelling: _gpu(spelling, by_name) for spelling in set(spellings)}


def _squash(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name)


def _gpu(spelling: str, by_name: dict[str, list[tuple[str, float]]]) -> str | None:
    text = _GPU_NOISE.sub(" ", spelling.lower().replace("_", " ").replace("-", " "))
    text = re.sub(r"(gb10 )?spark", "gb10", " ".join(text.split()))
    text = text.replace("gh200 480gb", "gh200 96gb")  # the processor's memory, in the name of the small one
    sizes = [float(size) for size in re.findall(r"(\d+(?:\.\d+)?)\s*gi?b\b", text)]
    text = re.sub(r"\d+(?:\.\d+)?\s*gi?b\b", " ", text)
    words = [
        _GPU_WORDS.get(word, word)
        for word in text.replace("max q", "max-q").split()
        if word not in {"hbm3", "hbm3e", "hbm2e", "hbm2", "gddr6"}
    ]
    name = _squash("".join(words))
    for form in _FORM_ORDER:
        for candidate in (name, name.replace("3e", ""), name.removesuffix("sxm"), "rtx" + name, "quadro" + name):
            cards = by_name.get(candidate + form)
            if cards and (not sizes or form == "" or min(abs(m - sizes[0]) / sizes[0] for _, m in cards) < 0.12):
                return min(cards, key=lambda card: abs(card[1] - (sizes[0] if sizes else card[1])))[0]
    return None


def _model_key(name: str) -> str:
    key = name.lower().strip().split("/")[-1].replace(" ", "-")
    key = re.sub(r"(?<=\d)_(?=\d)", ".", key).replace("_", "-").replace(":", "-").replace("quantized.", "quantized-")
    key = re.sub(r"^(meta|nvidia|the|c4ai|openai|microsoft|google|mistralai)-(?=[a-z])", "", key)
    key = re.sub(r"^(llama|qwen|mixtral|gemma|phi|yi)(?=\d)", r"\1-", key) if not re.match(r"qwen\d", key) else key
    return re.sub(r"(?<=\d)p(?=\d)", ".", key)


def model_ids(spellings: Iterable[str], models: pl.DataFrame) -> dict[str, str | None]:
    """Hugging Face ids and their quantised copies -> id; None where no open model of that name is known."""
    index: dict[str, str] = {}
    open_models = models.filter(pl.col("openness") == "open").select("model", "name", "hf_id", "aliases")
    for model, name, hf_id, aliases in open_models.iter_rows():
        for spelling in (model, name, hf_id, *(aliases or "").split("|")):
            if spelling:
                index.setdefault(_model_key(spelling), model)
    for key, model in list(index.items()):
        for shorter in _shorter(key):
            index.setdefault(shorter, model)
    return {spelling: _model(spelling, index) for spelling in set(spellings)}


def _shorter(key: str) -> list[str]:
    forms = []
    while (cut := _STRIP.sub("", key)) != key:
        key = cut
        forms.append(key)
    return forms


def _model(spelling: str, index: dict[str, str]) -> str | None:
    key = _model_key(spelling)
    for form in (key, *_shorter(key)):
        if form in index:
            return index[form]
    inside = [known for known in index if len(known) > 6 and re.search(rf"(?:^|-){re.escape(known)}(?:-|$)", key)]
    return index[max(inside, key=len)] if inside else None


_QUANTS = (
    (r"nvfp4|modelopt_fp4", "nvfp4"),
    (r"mxfp4", "mxfp4"),
    (r"^fp4$", "nvfp4"),
    (r"q4_k|q4_0|q4_1|iq4", "q4_k_m"),
    (r"q5_", "q5_k_m"),
    (r"q6_", "q6_k"),
    (r"q8_0", "q8_0"),
    (r"q3_|iq3", "q3_k_m"),
    (r"q2_|iq2", "q2_k"),
    (r"w4a8|qserve|qoq", "w4a8"),
    (r"exl2.*2\.[0-9]", "exl2_2.5"),
    (r"exl2.*3\.[0-9]", "exl2_3"),
    (r"exl2.*5\.[0-9]", "exl2_5"),
    (r"exl2.*6\.[0-9]", "exl2_6"),
    (r"exl2.*8\.[0-9]", "exl2_8"),
    (r"exl2|exl3", "exl2_4"),
    (r"nf4|bnb|bitsandbytes", "nf4"),
    (r"w8a16|int8-wo|int8_wo|gptq-?int8|int8-gptq|8bit-gptq", "w8a16"),
    (r"fp8|e4m3|e5m2", "fp8"),
    (r"int4|awq|gptq|w4a16|wna16|4bit|gf4|q4f16|u4|marlin|hqq|int3|w3a16", "int4"),
    (r"int8|w8a8|smoothquant|8bit", "int8"),
    (r"fp32|float32", "fp32"),
    (r"bf16|fp16|half|float16|bfloat16|16bit|^none$|^$|^auto$", "bf16"),
)


def quant_id(spelling: str) -> str | None:
    """`int4-awq`, `exl2-4.0bpw`, `4.0bpw`, `fp16` -> id; None where the spelling says nothing."""
    spelled = re.sub(r"^(?=[2-68]\.\d+ ?bpw)", "exl2-", spelling.lower().strip())
    for pattern, quant in _QUANTS:
        if re.search(pattern, spelled):
            return quant
    return None


def kv_quant_id(spelling: str) -> str:
    """Format of the cache; `auto`, unstated or unknown is the engine's default."""
    text = spelling.lower()
    return next(
        (
            quant
            for mark, quant in (("fp8", "fp8"), ("e4m3", "fp8"), ("int8", "int8"), ("int4", "int4"))
            if mark in text
        ),
        "auto",
    )


_ENGINES = {
    "trt": "trtllm",
    "tensorrt": "trtllm",
    "nim": "trtllm",
    "vllm": "vllm",
    "sglang": "sglang",
    "atom": "atom",
    "lmdeploy": "lmdeploy",
    "turbomind": "lmdeploy",
    "llama.cpp": "llama.cpp",
    "llamacpp": "llama.cpp",
    "ollama": "llama.cpp",
    "mlc": "mlc-llm",
    "exllamav2": "exllamav2",
    "exllama": "exllama",
    "tabby": "exllamav2",
    "deepspeed": "deepspeed-mii",
    "mii": "deepspeed-mii",
    "tgi": "tgi",
    "text-generation": "tgi",
    "autoawq": "autoawq",
    "gpt-fast": "gpt-fast",
    "calm": "calm",
    "tinychat": "tinychat",
    "qserve": "qserve",
    "transformers": "transformers",
    "hf": "transformers",
}
"""Part of a spelling -> engine; the first that occurs decides."""


def engine_id(spelling: str) -> str:
    """Serving engine; an unknown one is kept as `other`, for which no factor is fitted."""
    text = spelling.lower()
    return next((engine for mark, engine in _ENGINES.items() if mark in text), "other")


def scenario_id(spelling: str) -> str:
    """How the test loads the server: bs1 | fixed_concurrency | offline_max | server."""
    text = spelling.lower()
    if any(mark in text for mark in ("bs1", "single", "batch1", "latency")):
        return "bs1"
    if any(mark in text for mark in ("offline", "max", "saturat", "throughput", "wave")):
        return "offline_max"
    return "server" if "server" in text else "fixed_concurrency"
