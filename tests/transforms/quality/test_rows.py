"""What one price list says about itself."""

from __future__ import annotations

import polars as pl
import pytest

from scrapers.contract import ApiPrice
from tests.transforms.quality.desk import NO_EXCEPTIONS, Desk, price, read


def offer(**usd: str | None) -> list[ApiPrice]:
    return [price(amount, component) for component, amount in usd.items()]


@pytest.mark.parametrize(
    ("usd", "reason"),
    [
        (None, "unpriced"),
        ("0", "unpriced"),
        ("-1", "unpriced"),
        ("0.0000015", "below_minimum"),
        ("0.0009", "below_minimum"),
        ("1000.01", "above_maximum"),
    ],
)
def test_a_price_outside_the_bounds_is_set_apart(usd: str | None, reason: str) -> None:
    assert read(Desk().run([price(usd)])) == ("quarantined", [reason])


@pytest.mark.parametrize("usd", ["0.001", "2.5", "1000"])
def test_the_bounds_themselves_are_prices(usd: str) -> None:
    assert read(Desk().run([price(usd)])) == ("ok", [])


def test_a_fee_per_request_has_bounds_of_its_own() -> None:
    assert read(Desk().run([price("0.0005", "request")]), component="request") == ("ok", [])
    assert read(Desk().run([price("5", "request")]), component="request") == ("quarantined", ["above_maximum"])


@pytest.mark.parametrize(
    ("cells", "reason", "set_apart"),
    [
        (offer(input="3", output="2.9"), "output_below_input", {"input", "output"}),
        (offer(input="0.1", output="3.01"), "output_beyond_belief", {"input", "output"}),
        (
            offer(input="3", output="15", cache_read="3.75", cache_write_5m="0.3"),
            "cache_read_above_input",
            {"input", "cache_read", "cache_write_5m"},
        ),
    ],
)
def test_all_prices_of_a_broken_order_are_set_apart(cells: list[ApiPrice], reason: str, set_apart: set[str]) -> None:
    checked = Desk().run(cells).prices
    quarantined = checked.filter(pl.col("status") == "quarantined")
    assert set(quarantined["component"]) == set_apart
    assert quarantined["reasons"].to_list() == [[reason]] * len(set_apart)


def test_equal_prices_small_cache_shares_and_cheap_writes_are_real() -> None:
    checked = Desk().run(offer(input="1.04", output="1.04", cache_read="0.026", cache_write_5m="0.01")).prices
    assert checked["status"].to_list() == ["ok"] * 4


def test_a_dear_output_is_only_flagged() -> None:
    checked = Desk().run(offer(input="0.09", output="1.1"))
    assert read(checked, component="output") == ("ok", ["output_far_above_input"])


def test_prices_are_compared_within_one_offer_only() -> None:
    mixed = [price("3", "input", "a"), price("1", "output", "b"), price("1", "output", "a", tier="batch")]
    assert Desk().run(mixed).prices["status"].to_list() == ["ok"] * 3


def test_batch_costs_half_where_the_publisher_says_so() -> None:
    def batch(usd: str, provider: str) -> list[ApiPrice]:
        return [price("2", provider=provider), price(usd, provider=provider, tier="batch")]

    for usd, provider, expected in [
        ("1", "openai", []),
        ("0.9", "OpenAI", []),
        ("0.25", "openai", ["batch_not_half"]),
        ("2", "anthropic", ["batch_not_half"]),
        ("1.6", "xai", []),
    ]:
        assert read(Desk().run(batch(usd, provider)), tier="batch") == ("ok", expected)


def test_long_context_is_not_cheaper_than_short() -> None:
    short, long = price("4"), price("2", context_min_tokens=200_000)
    statuses = Desk().run([short, long, price("3", model_name="other")]).prices
    assert statuses.sort("model_name")["status"].to_list() == ["quarantined", "quarantined", "ok"]
    assert set(statuses["reasons"].explode().drop_nulls()) == {"long_below_short"}


def test_peak_hours_are_not_cheaper_than_the_rest() -> None:
    peak, off_peak = price("0.22", time_band="peak"), price("0.66", time_band="off_peak")
    assert read(Desk().run([peak, off_peak]), time_band="peak") == ("quarantined", ["peak_below_off_peak"])
    swapped = [price("0.66", time_band="peak"), price("0.22", time_band="off_peak")]
    assert Desk().run(swapped).prices["status"].to_list() == ["ok", "ok"]


def test_one_key_with_two_prices_is_nobodys_price() -> None:
    assert read(Desk().run([price("2"), price("3")])) == ("quarantined", ["ambiguous_key"])


def test_a_row_repeated_word_for_word_stays_once() -> None:
    again = [price("2"), price("2", raw_text="the same row on the mobile card")]
    assert read(Desk().run(again)) == ("ok", [])


def test_an_exception_is_a_row_of_reference_data() -> None:
    excused = NO_EXCEPTIONS.vstack(
        pl.DataFrame([("*", "M1", "output_below_input")], NO_EXCEPTIONS.schema, orient="row")
    )
    cells = [*offer(input="3", output="2"), price("3", "input", "m2"), price("2", "output", "m2")]
    checked = Desk(exceptions=excused).run(cells)
    assert read(checked, "m1", "output") == ("ok", [])
    assert read(checked, "m2", "output") == ("quarantined", ["output_below_input"])


def test_a_model_named_without_a_price_is_not_an_error() -> None:
    checked = Desk().run([price(None, listing="contact_sales"), price("15", model_name="gone", listing="retired")])
    assert read(checked) == ("contact_sales", [])
    assert read(checked, "gone") == ("retired", [])


def test_hostile_names_cannot_forge_a_key() -> None:
    forged = [price("2", model_name="m1|fp8"), price("9", model_name="m1", quant_name="fp8|")]
    keys = Desk().run(forged).prices["price_key"]
    assert keys.n_unique() == 2
    assert all(key.count("|") == 8 for key in keys)
