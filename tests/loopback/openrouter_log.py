"""OpenRouter as it stood at a moment, by a log of every price change at its hosts, on its real paths.

The log has one row per endpoint and event: commit_utc, event (new|change|gone), model_id, provider, tag, quantization,
context_length, prices in USD per 1M tokens. What it lacks is as in most answers: no limit, no outage, no other fee.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.loopback.server import NOT_FOUND, Answer, Ask, Routes, as_json

LOG = "api/openrouter/endpoint-price-changes.2026-05_08.csv"
ENDPOINT = ("model_id", "provider", "tag", "quantization")
PRICES = {
    "prompt_usd_per_mtok": "prompt",
    "completion_usd_per_mtok": "completion",
    "cache_read_usd_per_mtok": "input_cache_read",
}
OPEN_AUTHORS = frozenset({"deepseek", "meta-llama", "minimax", "mistralai", "moonshotai", "qwen", "z-ai"})


def openrouter(captures: Path, moment: datetime) -> Routes:
    """The list of models and the hosts of each, as they were at `moment`."""
    hosts: dict[str, list[dict[str, Any]]] = {}
    for row in in_force(captures, moment):
        hosts.setdefault(row["model_id"], []).append(_endpoint(row))
    listed = [_model(name) | {"pricing": endpoints[0]["pricing"]} for name, endpoints in hosts.items()]

    def of_model(ask: Ask) -> Answer:
        name = ask.path.removeprefix("/api/v1/models/").removesuffix("/endpoints")
        return as_json({"data": {**_model(name), "endpoints": hosts[name]}}) if name in hosts else NOT_FOUND

    return {"/api/v1/models": lambda ask: as_json({"data": listed}), "/api/v1/models/*": of_model}


def in_force(captures: Path, moment: datetime) -> list[Mapping[str, str]]:
    """The last row of the log for each endpoint at `moment`, without those that had gone."""
    latest: dict[tuple[str, ...], Mapping[str, str]] = {}
    with (captures / LOG).open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            if datetime.fromisoformat(row["commit_utc"]) <= moment:
                latest[tuple(row[name] for name in ENDPOINT)] = row
    return [row for row in latest.values() if row["event"] != "gone"]


def _model(name: str) -> dict[str, Any]:
    is_open = name.partition("/")[0] in OPEN_AUTHORS or name.startswith(("openai/gpt-oss", "google/gemma"))
    return {
        "id": name,
        "name": name,
        "created": 1_700_000_000,
        "context_length": 131_072,
        "architecture": {"modality": "text->text", "tokenizer": "Other"},
        "top_provider": {"context_length": 131_072, "max_completion_tokens": None, "is_moderated": False},
        "per_request_limits": None,
        "hugging_face_id": name if is_open else None,
    }


def _endpoint(row: Mapping[str, str]) -> dict[str, Any]:
    priced = {name: _per_token(row[column]) for column, name in PRICES.items() if row[column]}
    return {
        "name": f"{row['provider']} | {row['model_id']}",
        "model_id": row["model_id"],
        "provider_name": row["provider"],
        "tag": row["tag"],
        "quantization": row["quantization"],
        "context_length": int(row["context_length"]),
        "pricing": {"prompt": "0", "completion": "0", "discount": 0, **priced},
        "max_completion_tokens": None,
        "max_prompt_tokens": None,
        "supported_parameters": ["max_tokens", "temperature"],
        "status": 0,
        "uptime_last_1d": None,
        "supports_implicit_caching": False,
    }


def _per_token(usd_per_mtok: str) -> str:
    return f"{Decimal(usd_per_mtok) / 1_000_000:f}"
