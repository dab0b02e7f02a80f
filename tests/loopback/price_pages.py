"""Price pages, hosts and registries as they answered, at their real paths."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.loopback.server import NOT_FOUND, Answer, Ask, Handler, Routes, as_json

HTML, MARKDOWN, TEXT = "text/html; charset=utf-8", "text/markdown; charset=utf-8", "text/plain; charset=utf-8"
PAGES: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "openai": {
        "/api/docs/pricing.md": ("openai/pricing.2026-09-25.trimmed.md", MARKDOWN),
        "/api/docs/pricing": ("openai/developers-pricing-island.2026-08.excerpt.html", HTML),
    },
    "anthropic": {"/docs/en/about-claude/pricing.md": ("anthropic/pricing.2026-08-21.md", MARKDOWN)},
    "gemini": {"/gemini-api/docs/pricing.md.txt": ("gemini/pricing.2026-06-05.md", TEXT)},
    "deepseek": {"/quick_start/pricing": ("deepseek/pricing.2026-09.layoutC.excerpt.html", HTML)},
    "mistral": {
        "/pricing/api": ("mistral/pricing.2026-05-08.html", HTML),
        "/pricing": ("mistral/pricing.2026-05-08.html", HTML),
    },
    "groq": {"/docs/models.md": ("groq/models.2026-08.md", MARKDOWN)},
    "cerebras": {"/public/v1/models": ("cerebras/public-v1-models.2026-08.json", "application/json")},
    "vertex": {"/vertex-ai/generative-ai/pricing": ("vertex/pricing.2026-05-08.html", HTML)},
    "deepinfra": {"/models/list": ("shapes/deepinfra_models_list.json", "application/json")},
    "novita": {"/v3/openai/models": ("shapes/novita_v3_openai_models.json", "application/json")},
    "novita_page": {"/pricing": ("novita/pricing.2026-05-08.md", MARKDOWN)},
    "huggingface": {"/v1/models": ("shapes/hf_router_v1_models.json", "application/json")},
    "litellm": {
        "/BerriAI/litellm/main/model_prices_and_context_window.json": ("registries/litellm.1.109.1.json", TEXT)
    },
    "models_dev": {"/api.json": ("registries/models-dev.2026-03-01.json", "application/json")},
}
OPEN_AUTHORS = frozenset({"deepseek", "meta-llama", "minimax", "mistralai", "moonshotai", "qwen", "z-ai"})
OPEN_PREFIXES = ("openai/gpt-oss", "google/gemma")


def sites(captures: Path) -> dict[str, Routes]:
    """Source name -> routes. xAI has no whole page among the captures: its pages are given values."""
    folder = captures / "api"
    routes: dict[str, Routes] = {
        source: {path: _file(folder / file, content_type) for path, (file, content_type) in pages.items()}
        for source, pages in PAGES.items()
    }
    return {**routes, "openrouter": _openrouter(folder / "openrouter"), "xai": XAI}


def _file(path: Path, content_type: str) -> Handler:
    return lambda ask: Answer(path.read_bytes(), 200, content_type)


def _openrouter(folder: Path) -> Routes:
    """The list of models and the hosts of each, made of a stored merge of both."""
    snapshot = json.loads((folder / "snapshot.2026-05-04.json").read_bytes())
    models: dict[str, dict[str, Any]] = {model["id"]: model for model in snapshot["models"]}
    listed = [{**_without(model, "endpoints"), "hugging_face_id": _open_id(name)} for name, model in models.items()]

    def hosts(ask: Ask) -> Answer:
        name = ask.path.removeprefix("/api/v1/models/").removesuffix("/endpoints")
        if name not in models:
            return NOT_FOUND
        endpoints = [_without(endpoint, "tr_provider_slug") for endpoint in models[name]["endpoints"]]
        return as_json({"data": {**_without(models[name], "endpoints"), "endpoints": endpoints}})

    return {"/api/v1/models": lambda ask: as_json({"data": listed}), "/api/v1/models/*": hosts}


def _without(value: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: inner for key, inner in value.items() if key != name}


def _open_id(model: str) -> str | None:
    is_open = model.partition("/")[0] in OPEN_AUTHORS or model.startswith(OPEN_PREFIXES)
    return model if is_open else None


def _xai_prices(ask: Ask) -> Answer:
    head = "| Model | Context | Input | Cached input | Output |\n| --- | --- | --- | --- | --- |\n"
    return Answer(f"# Pricing\n\n{head}| grok-4.5 | 500k | $2.00 | $0.30 | $6.00 |\n".encode(), 200, MARKDOWN)


def _xai(ask: Ask) -> Answer:
    price = {"promptTextTokenPrice": "20000", "cachedPromptTokenPrice": "3000", "completionTextTokenPrice": "60000"}
    models = {"clusterConfigs": [{"languageModels": [{"name": "grok-4.5", "maxPromptLength": 500000, **price}]}]}
    page = f"<!doctype html><script>globalThis.__XAI_PUBLIC_MODELS__={json.dumps(models)};</script>"
    return Answer(page.encode(), 200, HTML)


XAI: Routes = {"/developers/pricing.md": _xai_prices, "/developers/models": _xai}
