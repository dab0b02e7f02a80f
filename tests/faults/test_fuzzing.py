"""Every parser on damaged answers, a small share of what bench/fuzz.py does. Hypothesis shrinks what breaks."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scrapers.contract import Reading
from scrapers.registry import SOURCES
from tests.faults.fuzzing import Broken, Target
from tests.faults.mutations import damaged
from tests.test_captures import captures_of

TARGETS = {source.name: Target(source, captures_of(source)) for source in SOURCES}


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=25, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(chance=st.randoms(use_true_random=False))
def test_a_damaged_answer_is_refused_or_set_apart_and_never_a_wrong_price(name: str, chance: Random) -> None:
    target = TARGETS[name]
    at = chance.randrange(len(target.captures))
    kinds, body = damaged(chance, target.captures[at].body)
    target.judge(at, body, kinds)


def test_the_judge_finds_a_price_that_was_misread() -> None:
    """By a little, where the guards let it pass, and on damage that touches no number."""
    source = {source.name: source for source in SOURCES}["groq"]
    target = Target(source, captures_of(source))
    before = target.whole.settled.prices
    wrong = [
        msgspec.structs.replace(price, usd_per_mtok=(price.usd_per_mtok or Decimal(7)) * 8 / 7) for price in before
    ]
    target.source = replace(source, parse=lambda capture: Reading(prices=wrong))
    body = target.captures[0].body.replace(b"# Supported", b"# Supporte")
    assert body != target.captures[0].body
    with pytest.raises(Broken, match="wrong_price"):
        target.judge(0, body)


ERRORS = [KeyError("x"), RecursionError(), MemoryError(), OverflowError(), AssertionError()]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("part", ["parse", "settle", "follow"])
def test_an_error_that_is_none_of_ours_costs_its_source_alone_and_is_found(error: Exception, part: str) -> None:
    source = {source.name: source for source in SOURCES}["groq"]
    target = Target(source, captures_of(source))
    assert target.whole.settled.prices

    def broken(*given: object) -> Any:
        raise error

    target.source = replace(source, **{part: broken})  # type: ignore[arg-type]
    with pytest.raises(Broken, match="crash"):
        target.judge(0, target.captures[0].body + b" ")
