"""Second readings: compared only like with like, said and never put in a page's place."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from scrapers.contract import ApiPrice
from tests.transforms.quality.desk import NO_ALIASES, Desk, frame, price, read
from transforms import quality
from transforms.quality.agreement import compare


def registry(usd: str, **fields: Any) -> ApiPrice:
    return price(usd, **{"source": "litellm", "channel": "registry", **fields})


def router(usd: str, **fields: Any) -> ApiPrice:
    return price(usd, **{"source": "openrouter", "channel": "host", "provider": "OpenAI", **fields})


def test_a_disagreement_is_said_and_the_page_stands() -> None:
    checked = Desk().run([price("2"), registry("2.05")])
    assert read(checked, source="openai") == ("ok", ["disagrees:litellm"])
    row = checked.agreement.row(0, named=True)
    assert (row["usd_per_mtok"], row["second_usd_per_mtok"], row["agrees"]) == (Decimal(2), Decimal("2.05"), False)
    assert row["gap"] == pytest.approx(0.025)


def test_two_percent_is_agreement() -> None:
    checked = Desk().run([price("2"), registry("2.04"), router("1.96")])
    assert read(checked, source="openai") == ("ok", [])
    assert checked.agreement.filter(pl.col("source") == "openai")["agrees"].to_list() == [True, True]


def test_two_independent_readings_against_one_outvote_it_without_replacing_it() -> None:
    checked = Desk().run([price("2"), registry("3"), router("3")])
    assert read(checked, source="openai") == ("ok", ["disagrees:litellm", "disagrees:openrouter", "outvoted"])
    kept = checked.prices.filter(pl.col("source") == "openai")["usd_per_mtok"]
    assert kept.to_list() == [Decimal(2)]


def test_two_registries_are_one_voice() -> None:
    copied = registry("3", source="models_dev")
    assert "outvoted" not in read(Desk().run([price("2"), registry("3"), copied]), source="openai")[1]


@pytest.mark.parametrize(
    "other",
    [
        {"tier": "batch"},
        {"context_min_tokens": 200_000},
        {"time_band": "peak"},
        {"provider": "azure"},
        {"model_name": "m1-mini"},
        {"component": "cache_read"},
    ],
)
def test_only_like_is_compared_with_like(other: dict[str, Any]) -> None:
    fields = {"component": "input", **other}
    assert Desk().run([price("2"), registry("20", **fields)]).agreement.is_empty()


def test_quantisations_that_contradict_are_other_things() -> None:
    fp8 = router("2", quant_name="fp8")
    assert Desk().run([fp8, registry("4", quant_name="bf16")]).agreement.is_empty()
    assert Desk().run([fp8, registry("4", quant_name="unknown")]).agreement.height == 1


def test_one_model_is_found_under_two_spellings() -> None:
    desk = Desk()
    desk.now = desk.now.replace(hour=6)
    spelled = frame(
        [price("2", model_name="Claude Opus 5"), registry("3", model_name="anthropic/claude-opus-5")], desk.now
    )
    assert desk.check(spelled).agreement.height == 1
    other_names = frame([price("2", model_name="Opus, newest"), registry("3", model_name="claude-opus-5")], desk.now)
    assert desk.check(other_names).agreement.is_empty()
    assert desk.check(other_names.with_columns(model=pl.lit("claude-opus-5"))).agreement.height == 1


def test_the_closest_of_a_sources_readings_speaks_for_it() -> None:
    regions = [router("2", endpoint="eu"), router("9", endpoint="us")]
    assert Desk().run([price("2"), *regions]).agreement.filter(pl.col("source") == "openai")["agrees"].to_list() == [
        True
    ]


def test_a_silent_source_is_heard_through_its_last_good() -> None:
    desk = Desk()
    desk.run([price("2"), registry("2")])
    assert read(desk.run([price("2.5")])) == ("ok", ["disagrees:litellm"])


def test_a_new_price_ten_times_off_every_second_reading_waits() -> None:
    checked = Desk().run([price("0.2"), registry("2")])
    assert read(checked, source="openai") == ("held", ["new_far_from_second", "disagrees:litellm"])
    assert read(Desk().run([price("0.3"), registry("2")]), source="openai")[0] == "ok"


def test_sellers_go_by_several_names() -> None:
    desk = Desk()
    desk.run([price("2", provider="gemini")])
    desk_aliases = NO_ALIASES.vstack(pl.DataFrame([("googleaistudio", "gemini")], NO_ALIASES.schema, orient="row"))
    rows = frame([price("2", provider="gemini"), router("3", provider="Google AI Studio")], desk.now)
    rows = rows.with_columns(price_key=quality.price_key())
    assert compare(rows, rows.clear(), NO_ALIASES).is_empty()
    assert compare(rows, rows.clear(), desk_aliases).height == 2
