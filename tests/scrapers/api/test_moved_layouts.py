"""What has happened to these pages, and what must then be read: the right number, or none and a finding why."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from scrapers.api import anthropic, deepinfra, deepseek, gemini, groq, mistral, openai, openrouter, xai
from scrapers.contract import Reading, UnexpectedPage
from scrapers.reading import read
from tests.scrapers.api.answers import amount, answer, of

CLAUDE = """## Model pricing

| Model | {header} |
| --- | --- | --- | --- | --- | --- |
| Claude Opus 5 | $5 / MTok | $6.25 / MTok | $10 / MTok | $0.50 / MTok<sup>1</sup> | $25 / MTok |
"""
KNOWN = "Base Input Tokens | 5m Cache Writes | 1h Cache Writes | Cache Hits & Refreshes | Output Tokens"


def kinds(reading: Reading) -> list[str]:
    return [finding.kind for finding in reading.findings]


def island(tier: str, rows: list[list[object]], shown: str = "") -> str:
    tagged = [1, [[1, [[0, cell] for cell in row]] for row in rows]]
    props = json.dumps({"tier": [0, tier], "rows": tagged}).replace("&", "&amp;").replace('"', "&quot;")
    return f'<astro-island component-export="TextTokenPricingTables" props="{props}">{shown}</astro-island>'


# -------------------------------------------------------------------------------------------------- OpenAI


def test_a_cache_write_cell_does_not_move_the_output_price() -> None:
    rows: list[list[object]] = [["gpt-5.6-sol", 4, 0.4, 5, 20], ["gpt-4o", 2.5, 1.25, 10]]
    body = f"<!doctype html>{island('standard', rows)}"
    reading = openai.parse(answer(openai.SOURCE, body))
    assert amount(reading, "gpt-5.6-sol", "output") == Decimal(20)
    assert amount(reading, "gpt-4o", "output") == Decimal(10)


def test_rows_of_another_arity_set_their_table_apart_and_no_other() -> None:
    odd: list[list[object]] = [["gpt-4o", 2.5, 1.25, 10], ["gpt-7", 1, 2, 3, 4, 5]]
    body = f"<!doctype html>{island('standard', odd)}{island('batch', [['gpt-4o', 1.25, None, 5]])}"
    reading = openai.parse(answer(openai.SOURCE, body))
    assert {(price.tier, price.usd_per_mtok) for price in reading.prices} == {
        ("batch", Decimal("1.25")),
        ("batch", Decimal(5)),
    }
    assert kinds(reading) == ["quarantined_table"]


def test_rows_that_contradict_the_table_shown_beside_them_leave_no_price() -> None:
    shown = (
        "<table><tr><th>Model</th><th>Input</th><th>Cached input</th><th>Output</th></tr>"
        "<tr><td>gpt-4o</td><td>$2.50</td><td>$1.25</td><td>$10.00</td></tr></table>"
    )
    body = f"<!doctype html>{island('standard', [['gpt-4o', 2.5, 1.25, 6.25], ['o3', 2, 0.5, 8]], shown)}"
    reading = openai.parse(answer(openai.SOURCE, body))
    assert {price.component for price in of(reading, "gpt-4o")} == {"input", "cache_read"}
    assert amount(reading, "o3", "output") == Decimal(8)
    assert kinds(reading) == ["quarantined"]


def test_the_two_readings_must_agree() -> None:
    markdown = (
        "### Standard pricing data\n\n| Model | Short context input | Short context output |\n| --- | --- | --- |\n"
        "| gpt-4o | $2.50 | $10.00 |\n| o3 | $2.00 | $8.00 |\n"
    )
    body = f"<!doctype html>{island('standard', [['gpt-4o', 2.5, None, 12], ['o3', 2, None, 8]])}"
    answers = [
        answer(openai.SOURCE, markdown, "/api/docs/pricing.md"),
        answer(openai.SOURCE, body, "/api/docs/pricing"),
    ]
    settled = read(openai.SOURCE, answers).settled
    assert {(price.model_name, price.component) for price in settled.prices} == {
        ("gpt-4o", "input"),
        ("o3", "input"),
        ("o3", "output"),
    }
    assert kinds(settled) == ["quarantined"]


def test_mdx_rows_and_their_context_note() -> None:
    body = (
        '<div data-content-switcher-pane data-value="standard">\n'
        '<TextTokenPricingTables client:load tier="standard" rows={[\n'
        '  ["gpt-5.4 (<272K context length)", 2.5, 0.25, 15],\n  ["gpt-5-pro", 15, null, 120],\n]} />\n</div>\n'
    )
    reading = openai.parse(answer(openai.SOURCE, body))
    assert [(p.usd_per_mtok, p.context_max_tokens) for p in of(reading, "gpt-5.4")] == [
        (Decimal("2.5"), 272_000),
        (Decimal("0.25"), 272_000),
        (Decimal(15), 272_000),
    ]
    assert amount(reading, "gpt-5-pro", "output") == Decimal(120)


def test_a_batch_table_of_no_stated_tier_is_not_taken_for_the_standard_one() -> None:
    table = (
        "| Category | Model | Input | Cached input | Output |\n| --- | --- | --- | --- | --- |\n| Codex | {row} |\n\n"
    )
    body = (
        "### Grouped Pricing Table data\n\n"
        + table.format(row="gpt-5.3-codex | $1.75 | $0.175 | $14.00")
        + "### Grouped Pricing Table data\n\n"
        + table.format(row="gpt-5.3-codex | $0.875 | $0.0875 | $7.00")
    )
    reading = openai.parse(answer(openai.SOURCE, body))
    assert amount(reading, "gpt-5.3-codex", "output") == Decimal(14)
    assert kinds(reading) == ["quarantined_table"]


# ----------------------------------------------------------------------------------------------- Anthropic


@pytest.mark.parametrize(
    "header",
    [
        KNOWN,
        KNOWN.lower().replace("&", "and"),
        "Input | 5-minute cache writes | 1-hour cache writes | Cached reads | Output",
    ],
)
def test_wording_may_change_meaning_may_not(header: str) -> None:
    reading = anthropic.parse(answer(anthropic.SOURCE, CLAUDE.format(header=header)))
    assert amount(reading, "Claude Opus 5", "cache_write_5m") == Decimal("6.25")
    assert amount(reading, "Claude Opus 5", "cache_read") == Decimal("0.5"), "the footnote digit is not a digit of it"


def test_swapped_columns_are_followed_by_name() -> None:
    swapped = "Output Tokens | 1h Cache Writes | 5m Cache Writes | Cache Hits & Refreshes | Base Input Tokens"
    reading = anthropic.parse(answer(anthropic.SOURCE, CLAUDE.format(header=swapped)))
    assert amount(reading, "Claude Opus 5", "output") == Decimal(5)
    assert amount(reading, "Claude Opus 5", "input") == Decimal(25)


@pytest.mark.parametrize("word", ["Regional Output Tokens", "Output Images", "Fee"])
def test_an_unknown_header_sets_the_table_apart(word: str) -> None:
    with pytest.raises(UnexpectedPage, match="anthropic: model table"):
        anthropic.parse(answer(anthropic.SOURCE, CLAUDE.format(header=KNOWN.replace("Output Tokens", word))))


def test_a_price_that_holds_later_is_not_taken_for_todays() -> None:
    rows = (
        "| Claude Sonnet 5 (through December 31, 2026) | $2 / MTok | $2.5 / MTok | $4 / MTok | $0.2 / MTok | $10 |\n"
        "| Claude Sonnet 5 (starting January 1, 2027) | $3 / MTok | $4 / MTok | $6 / MTok | $0.3 / MTok | $15 |\n"
    )
    reading = anthropic.parse(answer(anthropic.SOURCE, CLAUDE.format(header=KNOWN) + rows))
    assert amount(reading, "Claude Sonnet 5", "output") == Decimal(10)
    assert {str(price.promo_until) for price in of(reading, "Claude Sonnet 5")} == {"2026-12-31"}
    assert kinds(reading) == ["quarantined"]


# ------------------------------------------------------------------------------------------------ DeepSeek


def deepseek_page(lang: str, rows: str, note: str = "") -> str:
    head = '<tr><td colspan="2">MODEL</td><td>deepseek-chat</td><td>deepseek-reasoner</td></tr>'
    return f'<html lang="{lang}"><body><table>{head}{rows}</table><p>{note}</p></body></html>'


def test_deepseek_one_price_spans_both_models() -> None:
    rows = (
        '<tr><td rowspan="2">PRICING</td><td>1M INPUT TOKENS (CACHE MISS)</td><td colspan="2">$0.28</td></tr>'
        '<tr><td>1M OUTPUT TOKENS</td><td colspan="2">$0.42</td></tr>'
    )
    reading = deepseek.parse(answer(deepseek.SOURCE, deepseek_page("en", rows)))
    assert (
        amount(reading, "deepseek-chat", "output") == amount(reading, "deepseek-reasoner", "output") == Decimal("0.42")
    )


def test_deepseek_in_another_currency_or_shifted_is_not_read() -> None:
    rows = "<tr><td>PRICING</td><td>1M OUTPUT TOKENS</td><td>$0.42</td><td>$0.42</td></tr>"
    with pytest.raises(UnexpectedPage, match="html lang"):
        deepseek.parse(answer(deepseek.SOURCE, deepseek_page("zh-CN", rows)))
    for broken in (rows.replace("$0.42", "3元"), rows.replace("<td>$0.42</td></tr>", "</tr>")):
        with pytest.raises(UnexpectedPage, match="readable prices"):
            deepseek.parse(answer(deepseek.SOURCE, deepseek_page("en", broken)))


def test_deepseek_bands_without_their_hours_are_set_apart() -> None:
    head = '<tr><td colspan="3">MODEL</td><td>deepseek-v4-pro</td></tr>'
    rows = (
        '<tr><td rowspan="3">PRICING</td><td rowspan="2">1M OUTPUT TOKENS</td><td>OFF-PEAK</td><td>$1.98</td></tr>'
        "<tr><td>PEAK</td><td>$3.96</td></tr>"
        '<tr><td colspan="2">1M INPUT TOKENS (CACHE MISS)</td><td>$0.66</td></tr>'
    )
    body = f'<html lang="en"><table>{head}{rows}</table></html>'
    reading = deepseek.parse(answer(deepseek.SOURCE, body))
    assert [price.component for price in reading.prices] == ["input"]
    assert kinds(reading) == ["quarantined", "quarantined"]


# -------------------------------------------------------------------------------------------------- others


def test_gemini_promotion_and_unknown_qualifier() -> None:
    body = (
        "## Gemini 3.6 Flash\n\n*`gemini-3.6-flash`*\n\n### Standard\n\n"
        "| | Free Tier | Paid Tier, per 1M tokens in USD |\n| --- | --- | --- |\n"
        "| Input price | Free of charge | $0.75 through December 31, 2026. $1.50 |\n"
        "| Output price | Free of charge | $4.50 |\n"
        "| Context caching price | Free of charge | $0.075 (holograms) |\n"
    )
    reading = gemini.parse(answer(gemini.SOURCE, body))
    (given,) = [price for price in reading.prices if price.component == "input"]
    assert (given.usd_per_mtok, given.list_usd_per_mtok) == (Decimal("0.75"), Decimal("1.5"))
    assert str(given.promo_until) == "2026-12-31"
    assert kinds(reading) == ["quarantined"], "the caching price, not the table"


def test_groq_price_cells_are_read_strictly() -> None:
    row = "| [GPT OSS 120B](/docs/model/openai/gpt-oss-120b)openai/gpt-oss-120b | {price} |\n"
    head = "## Production Models\n\n| MODEL ID | PRICE PER 1M TOKENS |\n| --- | --- |\n"
    known = "| [GPT OSS 20B](/docs/model/openai/gpt-oss-20b)x | $0.075 input$0.30 output |\n"
    body = head + known + row.format(price="€0.15 input€0.60 output")
    reading = groq.parse(answer(groq.SOURCE, body))
    assert {price.model_name for price in reading.prices} == {"openai/gpt-oss-20b"}
    assert kinds(reading) == ["quarantined"]


def test_mistral_cards_of_the_newer_layout() -> None:
    card = (
        '<div class="model-item"><p class="text-h5">Mistral Small 4</p>'
        '<div><p>Input (/M tokens)</p><mistral-atom-text-price data-prices="{&quot;priceUsd&quot;:0.15}"/></div>'
        '<div><p>Output (/M tokens)</p><mistral-atom-text-price data-prices="{&quot;priceUsd&quot;:0.6}"/></div></div>'
    )
    reading = mistral.parse(answer(mistral.SOURCE, f"<!doctype html>{card}"))
    assert amount(reading, "Mistral Small 4", "output") == Decimal("0.6")
    with pytest.raises(UnexpectedPage):
        mistral.parse(answer(mistral.SOURCE, f"<!doctype html>{card.replace('M tokens', 'K tokens')}"))


def test_xai_prompt_intervals() -> None:
    body = (
        "| Model | Context | Input | Cached input | Output |\n| --- | --- | --- | --- | --- |\n"
        "| grok-4.6 (< 200k prompt tokens) | 500k | $2.00 | $0.50 | $6.00 |\n"
        "| grok-4.6 (≥ 200k prompt tokens) | 500k | $4.00 | $1.00 | $12.00 |\n"
    )
    reading = xai.parse(answer(xai.SOURCE, body, "/developers/pricing.md"))
    assert amount(reading, "grok-4.6", "output") == Decimal(6)
    assert amount(reading, "grok-4.6", "output", context=200_000) == Decimal(12)


HOST = {
    "provider_name": "Friendli",
    "tag": "friendli",
    "quantization": "fp8",
    "context_length": 163840,
    "pricing": {"prompt": "0.0000005", "completion": "0.0000015", "discount": 0},
}


def hosts(*endpoints: dict[str, object]) -> bytes:
    return json.dumps({"data": {"id": "deepseek/deepseek-v3.2", "endpoints": endpoints}}).encode()


def test_openrouter_service_tiers_are_no_hosts_and_free_is_no_price() -> None:
    flex = {**HOST, "tag": "friendli/flex", "pricing": {"prompt": "0.0000001", "completion": "0.0000001"}}
    free = {**HOST, "tag": "generous", "pricing": {"prompt": "0", "completion": "0"}}
    body = hosts(HOST, flex, free)
    reading = openrouter.parse(answer(openrouter.SOURCE, body, "/api/v1/models/deepseek/deepseek-v3.2/endpoints"))
    assert [(p.endpoint, p.usd_per_mtok) for p in reading.prices] == [
        ("friendli", Decimal("0.5")),
        ("friendli", Decimal("1.5")),
        ("generous", None),
        ("generous", None),
    ]
    assert kinds(reading) == ["unpriced", "unpriced"]


@pytest.mark.parametrize(("field", "value"), [("prompt", 0.5), ("prompt", None)])
def test_openrouter_price_of_another_type_is_named(field: str, value: object) -> None:
    body = hosts({**HOST, "pricing": {"prompt": "0.0000005", "completion": "0.0000015", field: value}})
    with pytest.raises(UnexpectedPage, match=r"openrouter: data.endpoints\[0?.*pricing\.prompt"):
        openrouter.parse(answer(openrouter.SOURCE, body, "/api/v1/models/deepseek/deepseek-v3.2/endpoints"))


def test_openrouter_condition_that_is_not_understood_sets_the_offer_apart() -> None:
    night = {"prompt": "0.0000001", "hours_utc": "00:00-06:00"}
    body = hosts({**HOST, "pricing": {"prompt": "0.0000005", "completion": "0.0000015", "overrides": [night]}})
    reading = openrouter.parse(answer(openrouter.SOURCE, body, "/api/v1/models/deepseek/deepseek-v3.2/endpoints"))
    assert not reading.prices
    assert kinds(reading) == ["quarantined"]


def test_a_hosts_missing_field_is_named() -> None:
    body = b'[{"model_name":"m","type":"text-generation","deprecated":null,"pricing":{"type":"tokens","usd":1}}]'
    with pytest.raises(UnexpectedPage, match=r"deepinfra: .*cents"):
        deepinfra.parse(answer(deepinfra.SOURCE, body))
