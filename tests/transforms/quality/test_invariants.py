"""What holds whatever a source says, run after run."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from scrapers.contract import ApiPrice
from tests.transforms.quality.desk import Desk, asked, price

AMOUNTS = ["0", "0.0000015", "0.2", "1", "1.5", "2", "5", "15", "60", "20000"]


def lists(source: str, channel: str) -> st.SearchStrategy[list[ApiPrice]]:
    one = st.builds(
        lambda usd, component, name, listing: price(
            usd, component, name, source=source, channel=channel, listing=listing
        ),
        st.sampled_from([None, *AMOUNTS]),
        st.sampled_from(["input", "output", "cache_read"]),
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["listed"] * 6 + ["retired", "contact_sales"]),
    )
    return st.lists(one, max_size=7)


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.tuples(
            lists("page", "first_party"), lists("other", "registry"), st.sampled_from(["ok", "partial", "failed"])
        ),
        min_size=2,
        max_size=4,
    )
)
def test_nothing_unbelieved_is_usable_and_nothing_is_lost(
    runs: Sequence[tuple[list[ApiPrice], list[ApiPrice], str]],
) -> None:
    desk = Desk()
    for page, other, outcome in runs:
        good = {} if desk.last_good is None else dict(desk.last_good.select("price_key", "usd_per_mtok").iter_rows())
        checked = desk.run([*([] if outcome == "failed" else page), *other], asked(page=outcome, other="ok"))
        rows = checked.prices
        kept = pl.col("reasons").list.contains("carried_forward")
        read, repeated = rows.filter(~kept), rows.filter(kept)
        assert not read["price_key"].is_duplicated().any()
        assert not repeated["price_key"].is_duplicated().any()
        assert not rows.select("price_key", "observed_at").is_duplicated().any()
        assert set(rows["price_key"]) >= set(good)
        usable = rows.filter(pl.col("status") == "ok")
        assert not usable["price_key"].is_duplicated().any()
        for key, usd in repeated.select("price_key", "usd_per_mtok").iter_rows():
            assert usd == good[key]
        for key, usd, reasons in usable.filter(~kept).select("price_key", "usd_per_mtok", "reasons").iter_rows():
            assert Decimal("0.001") <= usd <= 1000
            if key in good and "confirmed" not in reasons:
                assert Decimal("0.5") < usd / good[key] < 2
        quiet = rows.filter(pl.col("status") != "ok", pl.col("reasons").list.len() == 0)
        assert set(quiet["status"]) <= {"retired", "contact_sales"}
