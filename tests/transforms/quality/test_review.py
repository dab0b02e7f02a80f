"""What waits for a person, and what a person's word becomes."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.transforms.quality.desk import NO_ALIASES, Desk, asked, page, price
from transforms import quality


def desk_with_work() -> tuple[Desk, quality.Checked]:
    registry = {"source": "litellm", "channel": "registry"}
    desk = Desk()
    desk.run([*page(4), price("2", "output", "m3"), price("2", model_name="m1", **registry)])
    now = [
        price("2", model_name="m0"),
        price("0.5", model_name="m1"),
        price("0.1", model_name="m2"),
        price("0", model_name="m3"),
        price("2", "output", "m3"),
        price("2", model_name="m1", **registry),
    ]
    return desk, desk.run(now)


def test_what_waits_stands_with_its_evidence_largest_move_first() -> None:
    desk, checked = desk_with_work()
    todo = quality.waiting(checked.prices, checked.agreement, desk.decisions)
    assert todo["model_name"].to_list() == ["m3", "m2", "m1"]
    row = todo.row(2, named=True)
    assert (row["status"], row["reasons"]) == ("held", ["jump_2x", "disagrees:litellm"])
    assert row["usd_per_mtok"] == Decimal("0.5")
    assert row["last_good_usd_per_mtok"] == Decimal(2)
    assert row["last_good_at"] < row["observed_at"]
    assert row["factor"] == pytest.approx(0.25)
    assert (row["second"], row["raw_text"]) == ("litellm 2.0", "$0.5")


def test_the_second_readings_can_be_told_from_what_is_stored() -> None:
    _, checked = desk_with_work()
    again = quality.second_readings(checked.prices, NO_ALIASES)
    assert again.sort("price_key").equals(checked.agreement.sort("price_key"))
    assert again.height > 0


def test_what_is_decided_waits_no_more() -> None:
    desk, checked = desk_with_work()
    todo = quality.waiting(checked.prices, checked.agreement, desk.decisions)
    key = todo["price_key"][1]
    said = quality.decide(todo, key, "reject", reason=" a typing error ", decided_by="ada", decided_at=desk.now)
    assert said.schema == desk.decisions.schema
    assert said.rows() == [(desk.now, key, Decimal("0.1"), "reject", "a typing error", "ada")]
    assert quality.waiting(checked.prices, checked.agreement, said)["model_name"].to_list() == ["m3", "m1"]


def test_a_word_on_a_source_is_a_row_per_price_that_has_one() -> None:
    desk, checked = desk_with_work()
    todo = quality.waiting(checked.prices, checked.agreement, desk.decisions)
    said = quality.decide(todo, "openai", "accept", reason="new list", decided_by="ada", decided_at=desk.now)
    assert sorted(said["value_usd_per_mtok"]) == [Decimal("0.1"), Decimal("0.5")]


@pytest.mark.parametrize(
    ("subject", "reason", "says"),
    [
        ("no such key", "because", "Nothing waits"),
        ("m2", " ", "needs a reason"),
        ("m3", "because", "without a price"),
    ],
)
def test_a_decision_that_cannot_be_is_refused_in_one_sentence(subject: str, reason: str, says: str) -> None:
    desk, checked = desk_with_work()
    todo = quality.waiting(checked.prices, checked.agreement, desk.decisions)
    keys = dict(todo.select("model_name", "price_key").iter_rows())
    with pytest.raises(ValueError, match=says):
        quality.decide(todo, keys.get(subject, subject), "accept", reason=reason, decided_by="ada", decided_at=desk.now)


def test_nothing_waits_after_a_quiet_or_a_failed_run() -> None:
    desk = Desk()
    desk.run(page(3))
    for checked in (desk.run(page(3)), desk.run([], asked(openai="failed"))):
        assert quality.waiting(checked.prices, checked.agreement, desk.decisions).is_empty()
