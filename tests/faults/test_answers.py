"""Answers that are wrong in what they say: every source of a market damaged in another way, in one and the same run.

Each fault is named, costs its own source alone, and leaves what was last good in place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from flows.pipeline import RunReport
from flows.settings import Settings
from scrapers.reading import RunReading, read
from scrapers.registry import SOURCES
from tests.faults.market import FIRST, RECORDED, Damage, ask, damaged
from tests.flows.market import market, refresh
from tests.test_captures import captures_of
from warehouse.publish import CheckFailed


def edited(pattern: str, replacement: str) -> Damage:
    """A text put in place of each one that fits. Backslashes in the replacement are those of `re`."""
    return lambda body: re.sub(pattern.encode(), replacement.encode("latin-1"), body)


def in_offers(change: Any) -> Damage:
    """Damage to the list of offers of a book."""

    def edit(body: bytes) -> bytes:
        page = json.loads(body)
        page["offers"] = change(page["offers"])
        return json.dumps(page).encode()

    return edit


def doubled_at_other_prices(offers: list[Any]) -> list[Any]:
    """The first half of a book twice, the second time at a tenth of its price."""
    cheaper = [{**offer, "dph_base": offer["dph_base"] / 10} for offer in offers[: len(offers) // 2]]
    return [*offers, *cheaper]


DAMAGES: Mapping[str, tuple[str, Damage]] = {
    "vultr": ("truncated JSON", lambda body: body[: len(body) * 2 // 3]),
    "akash": ("NaN and Infinity", edited(r'"med":[\d.]+', '"med":NaN,"least":-Infinity')),
    "cerebras": ("duplicate keys", edited(r'("prompt": )"([\d.]+)"', r'\1"\2", \1"0.00000001"')),
    "runpod": ("deep nesting", lambda body: b'{"more":' + b"[" * 100_000 + b"]" * 100_000 + b"," + body[1:]),
    "cloudrift": ("wrong types", edited(r'"vram":\d+', '"vram":"24 GB"')),
    "openrouter": ("huge integers", edited(r'"context_length":\d+', f'"context_length":{10**40}')),
    "azure": ("negative prices", edited(r'"retailPrice":', '"retailPrice":-')),
    "anthropic": ("not UTF-8", edited(r"Claude Opus 5 ", "Claude Opus 5\xff ")),
    "groq": ("byte-order mark", lambda body: b"\xef\xbb\xbf" + body),
    "novita": ("byte-order mark in JSON", lambda body: b"\xef\xbb\xbf" + body),
    "gemini": ("empty 200", lambda body: b""),
    "deepinfra": ("HTML called JSON", lambda body: b"<html><body>model_name pricing: be back soon</body></html>"),
    "vast": ("a book that shrinks by 95 %", in_offers(lambda offers: offers[: len(offers) // 20])),
    "litellm": ("another form of JSON", lambda body: b"[" + body + b"]"),
    "models_dev": ("UTF-16", lambda body: body.decode().encode("utf-16")),
    "mistral": ("other currency", edited(r"\$+(?=\d)|priceUsd", "GBP ")),
    "xai": ("prices as words", edited(r"\$[\d.]+|(?<=Price\": \")\d+", "a little")),
}
WHOLE = ("openai", "deepseek", "vertex", "novita_page")


@dataclass(frozen=True)
class Damaged:
    """Two runs on one market: the first on whole answers, the second with a fault in almost every source."""

    settings: Settings
    first: RunReport
    second: RunReport

    def outcome(self, source: str) -> tuple[str, str]:
        (found,) = [outcome for outcome in self.second.sources if outcome.source == source]
        return found.outcome, found.error or ""

    def findings(self, source: str) -> str:
        rows = ask(
            self.settings,
            "select kind, where_, what from core.findings where run_id = ? and source = ?",
            self.second.run_id,
            source,
        )
        return "; ".join(" ".join(map(str, row)) for row in rows)

    def prices(self, source: str, run: RunReport) -> dict[object, tuple[object, ...]]:
        """price_key -> price, of all that a board may use."""
        rows = ask(
            self.settings,
            "select price_key, usd_per_mtok from core.api_prices where status = 'ok' and run_id = ? and source = ?",
            run.run_id,
            source,
        )
        return {key: tuple(rest) for key, *rest in rows}

    def statuses(self, source: str) -> dict[object, object]:
        rows = ask(
            self.settings,
            "select status, count(*) from core.gpu_offers where run_id = ? and source = ? group by 1",
            self.second.run_id,
            source,
        )
        return {status: count for status, count in rows}  # noqa: C416 (a row is a tuple of any length)

    def ages(self, source: str) -> set[int]:
        """Hours since what stands on the boards from this source was read."""
        rows = ask(
            self.settings,
            "select distinct round(age_hours) from marts.gpu_prices where source = ? and exclusion_reason is null",
            source,
        )
        return {int(str(age).removesuffix(".0")) for (age,) in rows}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Damaged:
    home, names = tmp_path_factory.mktemp("damaged"), [*DAMAGES, *WHOLE]
    with market(home, RECORDED) as settings:
        first = refresh(settings, FIRST, *names)
    assert not first.broken
    bad = {name: damaged(RECORDED[name], damage) for name, (_, damage) in DAMAGES.items()}
    with market(home, {**RECORDED, **bad}) as settings:
        second = refresh(settings, FIRST + timedelta(hours=6), *names)
    return Damaged(settings, first, second)


def test_sources_that_are_whole_lose_nothing(run: Damaged) -> None:
    assert run.second.published is not None
    for source in WHOLE:
        assert run.outcome(source) == ("ok", "")
        assert run.prices(source, run.second) == run.prices(source, run.first) != {}


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("vultr", "not JSON"),
        ("runpod", "not JSON (RecursionError)"),
        ("cloudrift", "data.instance_types[0].variants[0].vram: Expected `float`, got `str`"),
        ("openrouter", "only 0 records"),
        ("gemini", "an empty body"),
        ("deepinfra", 'none of "cents_per_input_token" is in the answer'),
        ("litellm", "Expected `object`, got `array`"),
        ("models_dev", 'none of "models" is in the answer'),
        ("mistral", "none with a price per 1M tokens"),
        ("xai", "is no integer"),
    ],
    ids=lambda value: DAMAGES[value][0] if value in DAMAGES else "",
)
def test_an_answer_nobody_can_read_is_named_and_the_last_good_stays(run: Damaged, source: str, said: str) -> None:
    outcome, error = run.outcome(source)
    assert outcome == "failed"
    assert said in error
    assert run.prices(source, run.second) == run.prices(source, run.first)
    health = ask(run.settings, "select outcome, error from marts.source_health where source = ?", source)
    assert health == [("failed", error)]


@pytest.mark.parametrize("source", ["vultr", "runpod", "azure"])
def test_offers_of_a_book_that_cannot_be_read_stay_with_their_age(run: Damaged, source: str) -> None:
    assert run.ages(source) == {6}


def test_nan_is_no_price(run: Damaged) -> None:
    assert run.statuses("akash") == {"quarantined": 1}


def test_negative_prices_are_no_prices(run: Damaged) -> None:
    assert run.statuses("azure") == {"quarantined": 4}


def test_of_doubled_keys_the_last_counts_and_meets_the_guards(run: Damaged) -> None:
    assert run.prices("cerebras", run.second) == run.prices("cerebras", run.first) != {}
    read = ask(
        run.settings,
        "select distinct status from core.api_prices "
        "where run_id = ? and source = 'cerebras' and not list_contains(reasons, 'carried_forward')",
        run.second.run_id,
    )
    assert read == [("quarantined",)]


def test_huge_integers_cost_the_rows_they_stand_in(run: Damaged) -> None:
    assert "context_length_tokens is a number of more than 64 bits" in run.findings("openrouter")


def test_bytes_that_are_no_utf8_make_an_unknown_name_and_never_another_model(run: Damaged) -> None:
    before, after = run.prices("anthropic", run.first), run.prices("anthropic", run.second)
    assert before.items() <= after.items()
    names = ask(run.settings, "select distinct model_name, model from core.api_prices where model_name like '%�%'")
    assert names == [("Claude Opus 5�", None)]


@pytest.mark.parametrize("source", ["groq", "novita"])
def test_a_byte_order_mark_costs_nothing(run: Damaged, source: str) -> None:
    assert run.outcome(source)[0] == "ok"
    assert run.prices(source, run.second) == run.prices(source, run.first) != {}


def test_a_book_that_shrinks_is_held_and_the_last_one_stays(run: Damaged) -> None:
    assert run.statuses("vast").keys() <= {"held", "quarantined"}
    assert run.ages("vast") == {6}
    ((verdict, said),) = ask(
        run.settings, "select verdict, reasons::text from marts.source_health where source = 'vast'"
    )
    assert verdict == "collapsed"
    assert "usually" in str(said)


def vast_with(change: Any) -> RunReading:
    """What is read in Vast.ai's answers with their lists of offers changed."""
    source = {known.name: known for known in SOURCES}["vast"]
    return read(source, [replace(c, body=in_offers(change)(c.body)) for c in captures_of(source)])


def test_offers_doubled_at_another_price_are_set_apart_and_the_others_stay() -> None:
    whole, doubled = (vast_with(change).settled.offers for change in (list, doubled_at_other_prices))
    assert 0 < len(doubled) < len(whole)
    assert set(doubled) < set(whole)


def test_ids_reused_for_another_machine_never_carry_its_past() -> None:
    """Prices of the past are found by machine and GPUs; an id that wandered changes nothing but the id."""

    ids = sorted({int(offer.offer_id) for offer in vast_with(list).settled.offers})
    after = dict(zip(ids, [*ids[1:], *ids[:1]], strict=True))

    def wandered(offers: list[Any]) -> list[Any]:
        return [{**offer, "id": after.get(offer["id"], offer["id"])} for offer in offers]

    whole, other = (
        {(offer.price_kind, offer.offer_key): offer for offer in vast_with(change).settled.offers}
        for change in (list, wandered)
    )
    assert whole.keys() == other.keys()
    assert whole != other
    for key, offer in whole.items():
        assert msgspec.structs.replace(other[key], offer_id=offer.offer_id) == offer


def test_a_clock_that_was_set_back_leaves_the_newer_boards_in_place(tmp_path: Path) -> None:
    with market(tmp_path, {"cerebras": RECORDED["cerebras"]}) as settings:
        newer = refresh(settings, FIRST, "cerebras")
        before = settings.published.read_bytes()
        with pytest.raises(CheckFailed, match="boards_are_of_the_newest_run"):
            refresh(settings, FIRST - timedelta(days=2), "cerebras")
        assert settings.published.read_bytes() == before
        later = refresh(settings, FIRST + timedelta(hours=6), "cerebras")
    runs = [run for (run,) in ask(settings, "select run_id from core.runs order by 1")]
    assert runs[1:] == [newer.run_id, later.run_id]
