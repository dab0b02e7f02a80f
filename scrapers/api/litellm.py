"""LiteLLM's price table, a registry: it flags what a page says otherwise and never enters a board. USD per token.

Only keys of the seller itself are read ("gpt-4o", "deepinfra/…"); resellers' keys err most. A field name carries
component, context border and tier: `input_cost_per_token_above_200k_tokens_batches`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from scrapers.contract import ApiPrice, Capture, Component, Reading, Request, Source, Tier, UnexpectedPage
from scrapers.pricelist import PriceList, per_token
from scrapers.wire import decode

NAME = "litellm"
SELLERS: Mapping[str, tuple[str, str]] = {
    # litellm_provider: (key prefix, who sells)
    "openai": ("", "openai"),
    "anthropic": ("", "anthropic"),
    "gemini": ("gemini/", "gemini"),
    "deepseek": ("deepseek/", "deepseek"),
    "mistral": ("mistral/", "mistral"),
    "xai": ("xai/", "xai"),
    "groq": ("groq/", "groq"),
    "cerebras": ("cerebras/", "cerebras"),
    "deepinfra": ("deepinfra/", "deepinfra"),
    "novita": ("novita/", "novita"),
    "together_ai": ("together_ai/", "together"),
    "nebius": ("nebius/", "nebius"),
    "sambanova": ("sambanova/", "sambanova"),
    "vertex_ai-llama_models": ("vertex_ai/", "vertex"),
    "vertex_ai-openai_models": ("vertex_ai/", "vertex"),
    "vertex_ai-deepseek_models": ("vertex_ai/", "vertex"),
    "vertex_ai-qwen_models": ("vertex_ai/", "vertex"),
}
TEXT_MODES = frozenset({"chat", "responses", "completion"})
FIELD = re.compile(
    r"(?P<what>input_cost_per_token|output_cost_per_token|cache_read_input_token_cost|cache_creation_input_token_cost)"
    r"(?P<hour>_above_1hr)?(?:_above_(?P<border>\d+)k_tokens)?(?:_(?P<tier>batches|flex|priority))?"
)
COMPONENTS: Mapping[str, Component] = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cache_read",
    "cache_creation_input_token_cost": "cache_write_5m",
}
TIERS: Mapping[str | None, Tier] = {None: "standard", "batches": "batch", "flex": "flex", "priority": "fast"}


class WireEntry(msgspec.Struct):
    litellm_provider: str
    mode: str


def parse(capture: Capture) -> Reading:
    """Raises UnexpectedPage where the answer is no table of entries or holds no model of a known seller."""
    prices = PriceList()
    for name, raw in decode(capture, dict[str, msgspec.Raw]).items():
        try:
            if seller := _seller(name, raw):
                _add_entry(name, seller, raw, prices)
        except (ValueError, RecursionError) as error:
            prices.quarantine(name, f"not read: {error}")
    if prices.empty:
        raise UnexpectedPage(NAME, "entries", "none of a known seller with a price per token")
    return prices.reading()


def _seller(name: str, raw: msgspec.Raw) -> str | None:
    """Who sells a text model under this key; None for other goods, resellers' keys and entries of another shape."""
    try:
        entry = msgspec.json.decode(raw, type=WireEntry)
    except msgspec.ValidationError:
        return None
    prefix, seller = SELLERS.get(entry.litellm_provider, ("", ""))
    own = name.startswith(prefix) if prefix else "/" not in name
    return seller if seller and own and entry.mode in TEXT_MODES else None


def _add_entry(name: str, seller: str, raw: msgspec.Raw, prices: PriceList) -> None:
    fields = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    off_peak = fields.get("off_peak_pricing")
    offer = ApiPrice(
        source=NAME,
        provider=seller,
        channel="registry",
        model_name=name.removeprefix(next(prefix for prefix, who in SELLERS.values() if who == seller)),
        component="input",
        usd_per_mtok=None,
        time_band="peak" if off_peak else "all",
    )
    for price in _prices(offer, fields):
        prices.add(price)
    if off_peak:
        inner = msgspec.json.decode(off_peak, type=dict[str, msgspec.Raw])
        for price in _prices(msgspec.structs.replace(offer, time_band="off_peak"), inner):
            prices.add(price)


def _prices(offer: ApiPrice, fields: Mapping[str, msgspec.Raw]) -> Iterator[ApiPrice]:
    """Every price among the fields; those of optional components that are 0 mean "no such price"."""
    matches = [match for field in fields if (match := FIELD.fullmatch(field))]
    borders = {match["tier"]: int(match["border"]) * 1000 for match in matches if match["border"]}
    for match in matches:
        amount = _amount(fields[match[0]])
        meaning = "cache_write_1h" if match["hour"] else COMPONENTS[match["what"]]
        if amount is None or (amount == 0 and meaning not in ("input", "output")):
            continue
        border = int(match["border"]) * 1000 if match["border"] else None
        yield msgspec.structs.replace(
            offer,
            component=meaning,
            usd_per_mtok=per_token(amount),
            tier=TIERS[match["tier"]],
            context_min_tokens=border or 0,
            context_max_tokens=None if border else borders.get(match["tier"]),
            raw_text=f"{match[0]} {amount}",
        )


def _amount(raw: msgspec.Raw) -> Decimal | None:
    value: Any = msgspec.json.decode(raw, type=Decimal | None)
    return value if isinstance(value, Decimal) else None


SOURCE = Source(
    name=NAME,
    kind="api",
    origin="https://raw.githubusercontent.com",
    first=(Request("/BerriAI/litellm/main/model_prices_and_context_window.json", label="price table"),),
    parse=parse,
    content_types=("application/json", "text/plain"),
    anchors=(b'"litellm_provider"',),
    cross_check=True,
    canaries=("gpt-4o",),
    min_records=20,
)
