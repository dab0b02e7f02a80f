"""Verdicts on a whole source, and what they do to its rows."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from scrapers.contract import ApiPrice
from tests.transforms.quality.desk import Desk, asked, carried, page, price, read, usable
from transforms import quality


def verdict(checked: quality.Checked, source: str = "openai") -> tuple[str, list[str]]:
    row = checked.sources.filter(pl.col("source") == source).row(0, named=True)
    return row["verdict"], row["reasons"]


def changed(models: int, of: int, usd: str = "2.5") -> list[ApiPrice]:
    """`models` of the page's rows at another price, the rest as they were."""
    return [*page(of)[models:], *page(models, usd)]


def test_a_price_list_that_changes_too_much_at_once_is_frozen() -> None:
    desk = Desk()
    desk.run(page(20))
    checked = desk.run(changed(9, of=20))
    assert verdict(checked) == ("frozen", ["many_rows_changed"])
    assert checked.prices.filter(pl.col("status") == "held").height == 20
    assert usable(checked) == {f"m{number} input": "2" for number in range(20)}


def test_forty_percent_is_still_accepted() -> None:
    desk = Desk()
    desk.run(page(20))
    checked = desk.run(changed(8, of=20))
    assert verdict(checked) == ("healthy", [])
    assert read(checked, "m0") == ("ok", [])


def test_the_first_run_and_a_short_list_cannot_be_frozen() -> None:
    assert verdict(Desk().run(page(20)))[0] == "healthy"
    desk = Desk()
    desk.run(page(9))
    assert verdict(desk.run(page(9, "2.5")))[0] == "healthy"


def test_announced_ends_of_promotions_freeze_nothing() -> None:
    desk = Desk()
    desk.run(page(20, promo_until=date(2026, 7, 1)))
    desk.now += timedelta(days=1)
    checked = desk.run(page(20, "3"))
    assert verdict(checked) == ("healthy", [])
    assert set(usable(checked).values()) == {"3"}


def test_a_frozen_source_thaws_row_by_row_when_others_confirm() -> None:
    registry = {"source": "litellm", "channel": "registry"}
    desk = Desk()
    desk.run([*page(20), *page(20, **registry)])
    both = [*page(20, "2.5"), *page(15, "2.5", **registry), *page(20, **registry)[15:]]
    assert verdict(desk.run(both))[0] == "frozen"
    checked = desk.run(both)
    assert read(checked, "m0", source="openai") == ("ok", ["confirmed"])
    assert read(checked, "m19", source="openai")[0] == "held"
    assert verdict(desk.run(both))[0] == "healthy"


def test_a_person_thaws_a_frozen_source() -> None:
    desk = Desk()
    desk.run(page(20))
    frozen = desk.run(page(20, "2.5"))
    todo = quality.waiting(frozen.prices, frozen.agreement, desk.decisions)
    desk.decisions = quality.decide(
        todo, "openai", "accept", reason="announced on their blog", decided_by="ada", decided_at=desk.now
    )
    checked = desk.run(page(20, "2.5"))
    assert verdict(checked)[0] == "healthy"
    assert set(usable(checked).values()) == {"2.5"}


def suspicious(reason: str) -> tuple[Desk, list[ApiPrice], pl.DataFrame]:
    """A desk that knows 20 models, the page of the next run, and what the source is expected to bring."""
    desk, sources, now = Desk(), asked(openai="ok"), page(20)
    desk.run(page(20))
    if reason == "too_few_rows":
        sources = sources.with_columns(min_records=pl.lit(30, pl.Int64))
    if reason == "canaries_missing":
        sources = sources.with_columns(canaries=pl.lit(["gpt-4o", "gpt-5"]))
    if reason == "fewer_rows_than_usual":
        desk.counts = pl.DataFrame({"source": ["openai"] * 3, "records": [29, 31, 33]})
    if reason == "known_rows_vanished":
        now = [*page(11), *[price("2", model_name=f"x{number}") for number in range(9)]]
    if reason == "body 0.1 times the last good (/pricing)":
        sizes = {"source": ["openai"], "path": ["/pricing"], "body_bytes": [1000], "last_good_bytes": [10_000]}
        sources = sources.drop("suspect").join(quality.odd_sizes(pl.DataFrame(sizes)), on="source", how="left")
    return desk, now, sources


@pytest.mark.parametrize(
    "reason",
    [
        "too_few_rows",
        "fewer_rows_than_usual",
        "canaries_missing",
        "known_rows_vanished",
        "body 0.1 times the last good (/pricing)",
    ],
)
def test_a_suspect_source_changes_nothing_and_delists_nothing(reason: str) -> None:
    desk, now, sources = suspicious(reason)
    now = [price("1.9", model_name="m0"), *now[1:], price("1", model_name="new")]
    checked = desk.run(now, sources)
    assert verdict(checked) == ("suspect", [reason])
    assert read(checked, "m0") == ("held", ["source_suspect"])
    assert read(checked, "new") == ("held", ["source_suspect"])
    assert read(checked, "m1") == ("ok", [])
    assert carried(checked, "m0") == ("ok", ["carried_forward", "held"])
    assert {f"m{number} input" for number in range(20)} <= set(usable(checked))


def test_one_of_several_canaries_may_retire() -> None:
    sources = asked(openai="ok").with_columns(canaries=pl.lit(["M1", "gone"]))
    assert verdict(Desk().run(page(3), sources))[0] == "healthy"


def test_a_page_that_has_changed_for_good_is_doubted_once() -> None:
    renamed = [price("2", model_name=f"x{number}") for number in range(20)]
    desk = Desk()
    desk.run(page(20))
    first, second, third = (desk.run(renamed) for _ in range(3))
    assert verdict(first) == ("suspect", ["known_rows_vanished"])
    assert read(first, "x0") == ("held", ["source_suspect"])
    assert read(second, "x0") == ("ok", [])
    assert carried(second, "m0") == ("ok", ["carried_forward", "absent"])
    assert carried(third, "m0")[0] == "retired"


def test_delisted_models_do_not_count_as_vanished() -> None:
    desk = Desk()
    desk.run(page(30))
    for _ in range(2):
        desk.run(page(20))
    for _ in range(2):
        checked = desk.run(page(12))
    assert verdict(checked) == ("healthy", [])
    assert carried(checked, "m19")[0] == "retired"


def test_the_counts_of_a_source_add_up() -> None:
    desk = Desk()
    desk.run(page(5))
    mixed = [*page(3), price("5", model_name="m3"), price("0", model_name="new")]
    row = desk.run([*mixed, price(None, model_name="asks", listing="contact_sales")]).sources.row(0, named=True)
    counted: dict[str, Any] = {name: row[name] for name in ("records", "known", "ok", "held", "quarantined", "carried")}
    assert counted == {"records": 6, "known": 4, "ok": 3, "held": 1, "quarantined": 1, "carried": 2}
    assert (row["contact_sales"], row["stale"], row["retired"]) == (1, 0, 0)


@pytest.mark.parametrize(
    ("now", "last", "odd"), [(29, 100, True), (30, 100, False), (300, 100, False), (301, 100, True)]
)
def test_the_body_stays_within_its_usual_size(now: int, last: int, odd: bool) -> None:
    sizes = pl.DataFrame({"source": ["a"], "path": ["/p"], "body_bytes": [now], "last_good_bytes": [last]})
    assert quality.odd_sizes(sizes).is_empty() is not odd
    first_ever = sizes.with_columns(last_good_bytes=pl.lit(None, pl.Int64))
    assert quality.odd_sizes(first_ever).is_empty()
