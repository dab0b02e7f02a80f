"""Every stored page is read whole: full counts, and values checked by hand against the page."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pytest

from scrapers.api import (
    anthropic,
    cerebras,
    deepinfra,
    deepseek,
    gemini,
    groq,
    huggingface,
    litellm,
    mistral,
    models_dev,
    novita,
    novita_page,
    openai,
    openrouter,
    vertex,
    xai,
)
from scrapers.contract import Reading, Source, UnexpectedPage
from scrapers.reading import read
from tests.loopback import Ask
from tests.loopback.price_pages import sites
from tests.scrapers.api.answers import amount, answer, of, stored

pytestmark = pytest.mark.captures

Rates = Mapping[str, tuple[str, str]]
"""Model -> input and output, USD per 1M tokens, standard tier, short prompts."""

OPENAI: Rates = {
    "gpt-4o": ("2.5", "10"),
    "gpt-4-turbo-2024-04-09": ("10", "30"),
    "gpt-4o-2024-05-13": ("5", "15"),
    "gpt-5.6-sol": ("4", "20"),
    "gpt-5.5": ("5", "30"),
    "gpt-5-nano": ("0.05", "0.4"),
    "gpt-4.1": ("2", "8"),
    "o1-pro": ("150", "600"),
    "o3-mini": ("1.1", "4.4"),
}
ANTHROPIC: Mapping[str, tuple[int, int, Rates]] = {
    # file -> prices, models, rates
    "2025-12-11": (
        74,
        10,
        {"Claude Opus 4.5": ("5", "25"), "Claude Sonnet 3.7": ("3", "15"), "Claude Haiku 3": ("0.25", "1.25")},
    ),
    "2026-03-11": (
        94,
        12,
        {"Claude Opus 4.6": ("5", "25"), "Claude Opus 3": ("15", "75"), "Claude Haiku 3.5": ("0.8", "4")},
    ),
    "2026-05-11": (
        93,
        13,
        {"Claude Opus 4.7": ("5", "25"), "Claude Sonnet 4": ("3", "15"), "Claude Haiku 4.5": ("1", "5")},
    ),
    "2026-08-21": (
        109,
        15,
        {
            "Claude Fable 5": ("10", "50"),
            "Claude Mythos 5": ("10", "50"),
            "Claude Opus 5": ("5", "25"),
            "Claude Opus 4.1": ("15", "75"),
            "Claude Sonnet 5": ("2", "10"),
            "Claude Sonnet 4.6": ("3", "15"),
            "Claude Haiku 4.5": ("1", "5"),
            "Claude Haiku 3.5": ("0.8", "4"),
        },
    ),
    "2026-09-25.trimmed": (
        37,
        7,
        {"Claude Opus 5.5": ("4", "20"), "Claude Fable 5.1": ("10", "50"), "Claude Sonnet 5": ("2", "10")},
    ),
}
GEMINI: Rates = {
    "gemini-3.5-flash": ("1.5", "9"),
    "gemini-3.1-flash-lite": ("0.25", "1.5"),
    "gemini-3.1-pro-preview": ("2", "12"),
    "gemini-3-flash-preview": ("0.5", "3"),
    "gemini-2.5-pro": ("1.25", "10"),
    "gemini-2.5-flash": ("0.3", "2.5"),
    "gemini-2.5-flash-lite": ("0.1", "0.4"),
    "gemini-2.0-flash": ("0.1", "0.4"),
    "gemini-2.5-flash-native-audio-preview-12-2025": ("0.5", "2"),
}
GROQ: Rates = {
    "openai/gpt-oss-120b": ("0.15", "0.6"),
    "openai/gpt-oss-20b": ("0.075", "0.3"),
    "openai/gpt-oss-safeguard-20b": ("0.075", "0.3"),
    "qwen/qwen3.6-27b": ("0.6", "3"),
    "qwen/qwen3.8-27b": ("0.8", "4"),
    "meta-llama/llama-prompt-guard-2-22m": ("0.03", "0.03"),
    "meta-llama/llama-prompt-guard-2-86m": ("0.04", "0.04"),
}
MISTRAL: Rates = {
    "Mistral Large 3": ("0.5", "1.5"),
    "Mistral Medium 3.5": ("1.5", "7.5"),
    "Mistral Small 4": ("0.15", "0.6"),
    "Mistral Small 3.2": ("0.1", "0.3"),
    "Codestral": ("0.3", "0.9"),
    "Voxtral Small": ("0.1", "0.3"),
    "Mixtral 8x22B": ("2", "6"),
    "Mistral 7B": ("0.25", "0.25"),
}
VERTEX: Rates = {
    "gpt-oss-120b": ("0.09", "0.36"),
    "Llama 3.3 70B": ("0.72", "0.72"),
    "DeepSeek-V3.2": ("0.56", "1.68"),
    "DeepSeek-R1 (0528)": ("1.35", "5.4"),
    "GLM-5": ("1", "3.2"),
    "Kimi-K2-Thinking": ("0.6", "2.5"),
    "Qwen3-235B-A22B-Instruct-2507": ("0.22", "0.88"),
    "Gemma 4 26B": ("0.15", "0.6"),
}


def page(source: Source, captures: Path, file: str, path: str | None = None) -> Reading:
    return source.parse(stored(source, captures / "api" / file, path))


def counts(reading: Reading) -> tuple[int, int]:
    return len(reading.prices), len({price.model_name for price in reading.prices})


def assert_rates(reading: Reading, rates: Rates) -> None:
    for model, (given, made) in rates.items():
        read_as = amount(reading, model, "input"), amount(reading, model, "output")
        assert read_as == (Decimal(given), Decimal(made)), model


def test_openai_island_holds_every_model_in_both_arities(captures: Path) -> None:
    reading = page(
        openai.SOURCE, captures, "openai/developers-pricing-island.2026-08.excerpt.html", "/api/docs/pricing"
    )
    assert counts(reading) == (195, 36)
    assert not reading.findings
    assert_rates(reading, OPENAI)
    assert amount(reading, "gpt-4o", "cache_read") == Decimal("1.25")
    assert amount(reading, "gpt-5.6-sol", "cache_write_5m") == Decimal(5)
    assert amount(reading, "gpt-5.6-sol", "output", context=272_000) == Decimal(30)
    assert amount(reading, "gpt-4o", "output", tier="batch") == Decimal(5)
    assert {str(price.promo_until) for price in of(reading, "gpt-5.6-sol")} == {"2026-11-21"}


def test_openai_markdown_names_its_columns(captures: Path) -> None:
    reading = page(openai.SOURCE, captures, "openai/pricing.2026-09-25.trimmed.md")
    assert counts(reading) == (63, 7)
    assert amount(reading, "gpt-6-astra", "output", context=272_000) == Decimal(75)
    assert amount(reading, "gpt-6-sol", "cache_write_5m", tier="flex") == Decimal("1.25")
    assert amount(reading, "gpt-5.3-codex", "input") == Decimal("1.75")
    assert {price.context_max_tokens for price in of(reading, "gpt-4o-2024-05-13")} == {None}


def test_openai_collapsed_mirror_is_read_and_known_to_be_incomplete(captures: Path) -> None:
    reading = page(openai.SOURCE, captures, "openai/developers-docs-pricing.2026-06.ssr-to-md.md")
    assert counts(reading) == (98, 11)
    assert "truncated" in {finding.kind for finding in reading.findings}
    assert amount(reading, "gpt-5.4", "output", context=272_000) == Decimal("22.5")
    assert amount(reading, "gpt-5.4-mini", "output", tier="fast") == Decimal(9)
    assert amount(reading, "o4-mini-deep-research", "output", tier="batch") == Decimal(4)


@pytest.mark.parametrize("file", ["codex-pricing.2026-06.md", "challenge-403.2026-05-08.html"])
def test_openai_neighbouring_pages_hold_no_prices(captures: Path, file: str) -> None:
    for request in openai.SOURCE.first:
        with pytest.raises(UnexpectedPage):
            page(openai.SOURCE, captures, f"openai/{file}", request.path)


def test_openai_readings_become_one(captures: Path) -> None:
    folder = captures / "api" / "openai"
    answers = [
        stored(openai.SOURCE, folder / "pricing.2026-09-25.trimmed.md", "/api/docs/pricing.md"),
        stored(openai.SOURCE, folder / "developers-pricing-island.2026-08.excerpt.html", "/api/docs/pricing"),
    ]
    settled = read(openai.SOURCE, answers).settled
    assert counts(settled) == (243, 39)
    assert not settled.findings
    assert_rates(settled, OPENAI)


@pytest.mark.parametrize("date", ANTHROPIC)
def test_anthropic_every_edition(captures: Path, date: str) -> None:
    reading = page(anthropic.SOURCE, captures, f"anthropic/pricing.{date}.md")
    prices, models, rates = ANTHROPIC[date]
    assert counts(reading) == (prices, models)
    assert not reading.findings
    assert_rates(reading, rates)


def test_anthropic_tiers_context_and_notes(captures: Path) -> None:
    march = page(anthropic.SOURCE, captures, "anthropic/pricing.2026-03-11.md")
    assert amount(march, "Claude Sonnet 4", "output", context=200_000) == Decimal("22.5")
    assert amount(march, "Claude Opus 4.6", "output", tier="fast") == Decimal(150)
    december = page(anthropic.SOURCE, captures, "anthropic/pricing.2025-12-11.md")
    assert {p.model_name for p in december.prices if p.context_min_tokens} == {"Claude Sonnet 4", "Claude Sonnet 4.5"}
    august = page(anthropic.SOURCE, captures, "anthropic/pricing.2026-08-21.md")
    assert amount(august, "Claude Opus 4.8", "input", tier="fast") == Decimal(10)
    assert {price.listing for price in of(august, "Claude Opus 4.1")} == {"retired"}
    september = page(anthropic.SOURCE, captures, "anthropic/pricing.2026-09-25.trimmed.md")
    assert amount(september, "Claude Fable 5.1", "cache_read") == Decimal("0.25"), (
        "the footnote digit is no digit of it"
    )
    assert amount(september, "Claude Opus 5.5", "cache_write_1h") == Decimal(8)


def test_gemini_tiers_context_and_modalities(captures: Path) -> None:
    reading = page(gemini.SOURCE, captures, "gemini/pricing.2026-06-05.md")
    assert counts(reading) == (172, 17)
    assert not reading.findings
    assert_rates(reading, GEMINI)
    assert amount(reading, "gemini-2.5-pro", "output", context=200_000) == Decimal(15)
    assert amount(reading, "gemini-3.1-pro-preview", "cache_read", tier="fast") == Decimal("0.36")
    assert amount(reading, "gemini-3.5-flash", "output", tier="batch") == Decimal("4.5")
    assert {price.listing for price in of(reading, "gemini-2.0-flash")} == {"retired"}


def test_deepseek_promotion_and_peak_hours(captures: Path) -> None:
    may = page(deepseek.SOURCE, captures, "deepseek/pricing.2026-05-08.layoutB.html")
    assert counts(may) == (6, 2)
    assert amount(may, "deepseek-v4-pro", "input") == Decimal("0.435")
    (output,) = [price for price in of(may, "deepseek-v4-pro") if price.component == "output"]
    assert (output.list_usd_per_mtok, str(output.promo_until)) == (Decimal("3.48"), "2026-05-31")
    september = page(deepseek.SOURCE, captures, "deepseek/pricing.2026-09.layoutC.excerpt.html")
    assert counts(september) == (12, 2)
    expected = {
        ("deepseek-flash", "cache_read"): ("0.003", "0.006"),
        ("deepseek-flash", "input"): ("0.15", "0.3"),
        ("deepseek-flash", "output"): ("0.6", "1.2"),
        ("deepseek-v4-pro", "cache_read"): ("0.022", "0.044"),
        ("deepseek-v4-pro", "input"): ("0.66", "1.32"),
        ("deepseek-v4-pro", "output"): ("1.98", "3.96"),
    }
    found = {(p.model_name, str(p.component), str(p.time_band)): p.usd_per_mtok for p in september.prices}
    for (model, component), (off_peak, peak) in expected.items():
        assert found[model, component, "off_peak"] == Decimal(off_peak)
        assert found[model, component, "peak"] == Decimal(peak)
    assert {price.band_rule for price in september.prices} == {"Mon-Fri 01:00-04:00,06:00-10:00 UTC"}


def test_groq_keeps_contact_sales_apart_from_absence(captures: Path) -> None:
    reading = page(groq.SOURCE, captures, "groq/models.2026-08.md")
    assert counts(reading) == (20, 10)
    assert_rates(reading, GROQ)
    assert {(p.listing, p.usd_per_mtok) for p in of(reading, "llama-3.3-70b-versatile")} == {("contact_sales", None)}


def test_cerebras(captures: Path) -> None:
    reading = page(cerebras.SOURCE, captures, "cerebras/public-v1-models.2026-08.json")
    assert counts(reading) == (4, 2)
    assert not reading.findings
    assert_rates(reading, {"gpt-oss-120b": ("0.35", "0.75"), "gemma-4-31b": ("0.99", "1.49")})


def test_mistral(captures: Path) -> None:
    reading = page(mistral.SOURCE, captures, "mistral/pricing.2026-05-08.html")
    assert counts(reading) == (40, 20)
    assert_rates(reading, MISTRAL)


def test_vertex_partner_models(captures: Path) -> None:
    reading = page(vertex.SOURCE, captures, "vertex/pricing.2026-05-08.html")
    assert counts(reading) == (80, 24)
    assert [finding.kind for finding in reading.findings] == ["quarantined"] * 2, "two OCR models, by the page"
    assert_rates(reading, VERTEX)
    assert amount(reading, "gpt-oss-20b", "output", tier="batch") == Decimal("0.125")


def test_novita_page_in_both_renderings(captures: Path) -> None:
    reading = page(novita_page.SOURCE, captures, "novita/pricing.2026-05-08.md")
    assert counts(reading) == (201, 86)
    assert_rates(reading, {"deepseek/deepseek-v3.2": ("0.269", "0.4"), "qwen/qwen3-32b-fp8": ("0.1", "0.45")})
    row = page(novita_page.SOURCE, captures, "novita/pricing.row-shape.2026-08.html")
    assert [price.usd_per_mtok for price in row.prices] == [Decimal("1.32"), Decimal("0.132"), Decimal("3.96")]


def test_units_of_the_hosts_own_lists(captures: Path) -> None:
    cents = page(deepinfra.SOURCE, captures, "shapes/deepinfra_models_list.json")
    assert_rates(cents, {"openai/gpt-oss-120b": ("0.037", "0.17"), "zai-org/GLM-5.3": ("0.9", "4")})
    integers = page(novita.SOURCE, captures, "shapes/novita_v3_openai_models.json")
    assert_rates(integers, {"inclusionai/ling-3.0-flash-fin": ("0.075", "0.22")})
    router = page(huggingface.SOURCE, captures, "shapes/hf_router_v1_models.json")
    assert_rates(router, {"Qwen/Qwen3-235B-A22B": ("0.2", "0.8")})
    listed = page(xai.SOURCE, captures, "xai/models-page.snippet-shape.txt", "/developers/models")
    assert [price.usd_per_mtok for price in listed.prices] == [Decimal(2), Decimal("0.3"), Decimal(6)]


def test_registries(captures: Path) -> None:
    table = page(litellm.SOURCE, captures, "registries/litellm.1.109.1.json")
    assert {p.channel for p in table.prices} == {"registry"}
    assert_rates(table, {"gpt-4-turbo-2024-04-09": ("10", "30"), "claude-sonnet-5": ("2", "10")})
    pro = {(p.component, p.time_band): p.usd_per_mtok for p in of(table, "deepseek-v4-pro") if p.provider == "deepseek"}
    assert pro["input", "peak"] == Decimal("1.32")
    assert pro["input", "off_peak"] == Decimal("0.66")


def test_claude_3_5_sonnet_is_retired_with_its_last_known_price(captures: Path) -> None:
    reading = page(models_dev.SOURCE, captures, "registries/models-dev.2026-03-01.json")
    gone = [price for price in of(reading, "claude-3-5-sonnet-20241022") if price.component in ("input", "output")]
    assert [(price.listing, price.usd_per_mtok) for price in gone] == [
        ("retired", Decimal(3)),
        ("retired", Decimal(15)),
    ]


def test_openrouter_hosts(captures: Path) -> None:
    routes = sites(captures)["openrouter"]
    listed = answer(openrouter.SOURCE, routes["/api/v1/models"](_get("/api/v1/models")).body)
    requests = openrouter.follow(listed)
    assert len(requests) == 51
    assert not [request for request in requests if ":free" in request.path]
    hosts = [
        answer(openrouter.SOURCE, routes["/api/v1/models/*"](_get(request.path)).body, request.path)
        for request in requests
    ]
    settled = read(openrouter.SOURCE, [listed, *hosts]).settled
    found = {
        (price.provider, price.quant_name, price.component): price.usd_per_mtok
        for price in settled.prices
        if price.model_name == "openai/gpt-oss-120b"
    }
    assert found["Cerebras", "fp16", "output"] == Decimal("0.75")
    assert not [price for price in settled.prices if price.channel == "host" and price.endpoint is None]


def test_openrouter_endpoints_and_long_prompts(captures: Path) -> None:
    path = "/api/v1/models/openai/gpt-4o/endpoints"
    reading = page(openrouter.SOURCE, captures, "openrouter/endpoints.openai-gpt-4o.2026.json", path)
    assert [(price.provider, price.endpoint_status) for price in reading.prices[::3]] == [("OpenAI", 0), ("Azure", -2)]
    assert reading.prices[0].uptime_1d == pytest.approx(0.999, abs=1e-3)
    edge = page(openrouter.SOURCE, captures, "shapes/openrouter_models_edge_cases.json")
    assert amount(edge, "x-ai/grok-4.5", "output", context=200_000) == Decimal(12)
    assert [finding.where for finding in edge.findings] == ["openrouter/auto"]


def _get(path: str) -> Ask:
    return Ask("GET", path, {}, {}, b"")
