"""The guard over time, both directions, and the last good price that fills the gap."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import polars as pl
import pytest

from scrapers.contract import ApiPrice
from tests.transforms.quality.desk import RUN, Desk, asked, carried, frame, page, price, read, usable
from transforms import quality


def moved(desk: Desk, usd: str) -> quality.Checked:
    return desk.run([price(usd)])


def desk_at(usd: str) -> Desk:
    desk = Desk()
    moved(desk, usd)
    return desk


@pytest.mark.parametrize(
    ("new", "status", "verdict"),
    [
        ("2.5", "ok", None),
        ("4.99", "ok", "accepted"),
        ("1.26", "ok", "accepted"),
        ("5", "held", "held"),
        ("1.25", "held", "held"),
        ("24.99", "held", "held"),
        ("25", "quarantined", "rejected"),
        ("0.25", "quarantined", "rejected"),
        ("0.0025", "quarantined", "rejected"),
        ("0", "quarantined", "rejected"),
    ],
)
def test_a_move_is_judged_alike_up_and_down(new: str, status: str, verdict: str | None) -> None:
    checked = moved(desk_at("2.5"), new)
    assert read(checked)[0] == status
    assert checked.changes["verdict"].to_list() == ([verdict] if verdict else [])
    assert usable(checked) == {"m1 input": new if status == "ok" else "2.5"}


def test_the_log_says_from_what_to_what_by_how_much_and_why() -> None:
    changes = moved(desk_at("2.5"), "0.25").changes
    row = changes.row(0, named=True)
    assert row["old_usd_per_mtok"] == Decimal("2.5")
    assert row["new_usd_per_mtok"] == Decimal("0.25")
    assert row["factor"] == pytest.approx(0.1)
    assert row["evidence"] == "jump_10x; read: $0.25"


def second(usd: str) -> ApiPrice:
    """What a registry says of the same price."""
    return price(usd, source="litellm", channel="registry")


def test_a_held_price_needs_the_next_run_and_a_second_source() -> None:
    desk = Desk()
    desk.run([price("2"), second("2")])
    first = desk.run([price("5"), second("2")])
    assert read(first, source="openai") == ("held", ["jump_2x", "disagrees:litellm"])
    again = desk.run([price("5"), second("2")])
    assert read(again, source="openai")[0] == "held"
    released = desk.run([price("5"), second("4.95")])
    assert read(released, source="openai") == ("ok", ["confirmed"])
    assert released.changes.filter(pl.col("source") == "openai")["verdict"].to_list() == ["accepted"]


def test_a_second_source_alone_does_not_release_in_the_first_run() -> None:
    desk = desk_at("2")
    checked = desk.run([price("5"), second("5")])
    assert read(checked, source="openai")[0] == "held"


def test_the_same_answer_judged_again_is_no_second_run() -> None:
    desk = Desk()
    desk.run([price("2"), second("2")])
    desk.run([price("5"), second("5")])
    again = desk.check(frame([price("5"), second("5")], desk.now))
    assert read(again, source="openai")[0] == "held"


def test_a_second_run_with_yet_another_price_starts_over() -> None:
    desk = desk_at("2")
    desk.run([price("5"), second("5")])
    assert read(desk.run([price("6"), second("6")]), source="openai")[0] == "held"


def test_ten_times_is_not_released_by_any_number_of_runs() -> None:
    desk = desk_at("2")
    for _ in range(4):
        checked = desk.run([price("0.2"), second("0.2")])
        assert read(checked, source="openai")[0] == "quarantined"


def test_a_price_judged_as_before_is_logged_once() -> None:
    desk = desk_at("2")
    logged = [moved(desk, "5").changes.height for _ in range(3)]
    assert logged == [1, 0, 0]


def decided(desk: Desk, verdict: str, usd: str, subject: str) -> None:
    row = {
        "decided_at": desk.now,
        "subject": subject,
        "value_usd_per_mtok": Decimal(usd),
        "verdict": verdict,
        "reason": "read the page",
        "decided_by": "ada",
    }
    desk.decisions = desk.decisions.vstack(pl.DataFrame([row], desk.decisions.schema))


def test_a_person_wins_in_both_directions() -> None:
    desk = desk_at("2")
    key = moved(desk, "0.2").prices["price_key"][0]
    decided(desk, "accept", "0.2", key)
    assert read(moved(desk, "0.2")) == ("ok", ["accepted_by_person"])
    decided(desk, "reject", "0.3", key)
    assert read(moved(desk, "0.3")) == ("quarantined", ["rejected_by_person"])
    decided(desk, "accept", "0.3", key)
    assert read(moved(desk, "0.3"))[0] == "ok"


def test_a_decision_is_about_one_value() -> None:
    desk = desk_at("2")
    decided(desk, "accept", "0.2", moved(desk, "0.2").prices["price_key"][0])
    assert read(moved(desk, "0.02"))[0] == "quarantined"


def test_an_announced_end_of_a_promotion_is_expected() -> None:
    promotion = price("0.5", promo_until=date(2026, 7, 1), list_usd_per_mtok=Decimal(6))
    desk = Desk()
    desk.run([promotion])
    desk.now += timedelta(days=1)
    checked = desk.run([price("6")])
    assert read(checked) == ("ok", ["promo_ended"])
    assert checked.changes["verdict"].to_list() == ["expected"]


def test_an_announced_end_explains_a_moderate_rise_where_no_list_price_was_told() -> None:
    desk = Desk()
    desk.run([price("0.5", promo_until=date(2026, 7, 1)), price("0.5", "output", promo_until=date(2026, 7, 1))])
    desk.now += timedelta(days=1)
    checked = desk.run([price("2"), price("6", "output")])
    assert read(checked) == ("ok", ["promo_ended"])
    assert read(checked, component="output")[0] == "quarantined"


@pytest.mark.parametrize(
    ("until", "listed", "then"),
    [
        (date(2026, 12, 31), "6", "6"),  # before its end
        (date(2026, 7, 1), "6", "7"),  # not the list price
        (date(2026, 7, 1), "6", "0.2"),  # a fall
        (date(2026, 7, 1), None, "0.2"),  # a fall, and no list price told
    ],
)
def test_a_promotion_explains_nothing_else(until: date, listed: str | None, then: str) -> None:
    desk = Desk()
    desk.run([price("0.5", promo_until=until, list_usd_per_mtok=Decimal(listed) if listed else None)])
    desk.now += timedelta(days=1)
    assert read(desk.run([price(then)]))[0] != "ok"


def test_a_price_under_a_new_key_is_held_against_what_its_model_cost_before() -> None:
    desk = Desk()
    desk.run([price("2"), price("4", context_min_tokens=200_000)])
    split = [price("0.2", time_band="off_peak"), price("0.41", time_band="peak"), price("0.2", model_name="other")]
    checked = desk.run(split)
    assert read(checked, time_band="off_peak") == ("held", ["new_far_from_known"])
    assert read(checked, time_band="peak") == ("ok", [])
    assert read(checked, "other") == ("ok", [])


def test_a_failed_scrape_is_not_a_delisting() -> None:
    desk = desk_at("2")
    for hours, status in [(6, "ok"), (12, "ok"), (18, "ok"), (24, "stale"), (30, "stale")]:
        checked = desk.run([], asked(openai="failed"))
        assert carried(checked) == (status, ["carried_forward", "source_failed"]), hours
        assert checked.prices["observed_at"].to_list() == [desk.now - timedelta(hours=hours)]


def test_delisted_after_two_absences_from_a_healthy_source() -> None:
    desk = Desk()
    desk.run(page(5))
    assert carried(desk.run(page(4)), "m4") == ("ok", ["carried_forward", "absent"])
    gone = desk.run(page(4))
    assert carried(gone, "m4") == ("retired", ["carried_forward", "absent_twice"])
    assert carried(desk.run(page(4)), "m4")[0] == "retired"
    assert carried(desk.run([], asked(openai="failed")), "m4")[0] == "retired"
    back = desk.run(page(5))
    assert read(back, "m4") == ("ok", [])


def test_a_price_split_by_hours_is_superseded_at_once() -> None:
    desk = desk_at("2")
    split = [price("1.9", time_band="off_peak"), price("3.8", time_band="peak")]
    checked = desk.run(split)
    assert carried(checked) == ("retired", ["carried_forward", "superseded"])
    assert sorted(checked.prices.filter(pl.col("status") == "ok")["usd_per_mtok"]) == [Decimal("1.9"), Decimal("3.8")]
    assert carried(desk.run(split))[0] == "retired"
    off_peak_only = desk.run(split[:1])
    assert off_peak_only.prices.filter(pl.col("time_band") == "peak")["status"].to_list() == ["ok"]
    assert desk.run([price("2")]).prices.filter(pl.col("time_band") != "all")["status"].to_list() == ["retired"] * 2


def test_an_absence_survives_a_failed_run_in_between() -> None:
    desk = Desk()
    desk.run(page(5))
    desk.run(page(4))
    failed = desk.run([], asked(openai="failed"))
    assert carried(failed, "m4") == ("ok", ["carried_forward", "source_failed", "absent"])
    assert carried(desk.run(page(4)), "m4")[0] == "retired"


@pytest.mark.parametrize("outcome", ["failed", "partial"])
def test_absence_from_an_unwell_source_is_no_absence(outcome: str) -> None:
    desk = Desk()
    desk.run(page(5))
    for _ in range(3):
        checked = desk.run(page(4) if outcome == "partial" else [], asked(openai=outcome))
    assert carried(checked, "m4")[0] != "retired"


def test_a_source_that_was_not_asked_carries_nothing() -> None:
    desk = desk_at("2")
    assert desk.run([price("3", source="groq")]).prices["source"].to_list() == ["groq"]


def test_what_was_read_too_long_ago_is_history() -> None:
    desk = desk_at("2")
    desk.now += timedelta(days=91)
    assert desk.run([], asked(openai="failed")).prices.is_empty()


def test_a_carried_row_takes_the_run_and_keeps_its_provenance() -> None:
    desk = Desk()
    desk.check(frame(page(5), desk.now).with_columns(run_id=pl.lit("r1"), provenance=pl.lit("recorded")))
    desk.now += RUN
    prices = frame(page(4), desk.now).with_columns(run_id=pl.lit("r2"), provenance=pl.lit("live"))
    row = desk.check(prices).prices.filter(pl.col("model_name") == "m4").row(0, named=True)
    assert (row["run_id"], row["provenance"]) == ("r2", "recorded")
