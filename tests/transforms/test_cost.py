from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transforms import books
from tests.transforms.books import ASSUMPTIONS, GPU_NAMES, GPUS, MODELS, NOW, QUANTS, WORKLOADS, book, offer, price
from transforms import cost, normalise, offers

CHAT = WORKLOADS.filter(workload="chat")
AGENT = WORKLOADS.filter(workload="agent")
BATCH = WORKLOADS.filter(workload="batch")


def sold(*rows: dict[str, Any], workloads: pl.DataFrame = CHAT, hours: float = 0) -> pl.DataFrame:
    return cost.api(books.prices(*rows), workloads, MODELS, QUANTS, ASSUMPTIONS, NOW + timedelta(hours=hours))


def gpt_4o(**fields: Any) -> list[dict[str, Any]]:
    return [price("input", "2.5", **fields), price("output", "10", **fields)]


def rented(*rows: dict[str, Any]) -> pl.DataFrame:
    named, _ = normalise.gpu_offers(book(*rows), GPUS, GPU_NAMES)
    prices = offers.gpu_prices(named, GPUS, ASSUMPTIONS, NOW)
    estimates = books.estimates(cost.configurations(prices, MODELS, WORKLOADS))
    return cost.self_hosted(prices, estimates, WORKLOADS, QUANTS, ASSUMPTIONS)


def machines(**fields: Any) -> list[dict[str, Any]]:
    return [
        offer(n, egress_usd_per_gb=0.01, ingress_usd_per_gb=0.01, **{"usd_per_hour": 0.3 + n / 50} | fields)
        for n in range(10)
    ]


def test_a_request_is_priced_once_and_stated_three_ways() -> None:
    row = sold(*gpt_4o()).row(0, named=True)
    request = (1155 * 2.5 + 211 * 10) / 1e6
    assert row["usd_per_1k_requests"] == pytest.approx(request * 1000)
    assert row["usd_per_mtok"] == pytest.approx(request / (1155 + 211) * 1e6)
    assert row["usd_per_mtok_output"] == pytest.approx(request / 211 * 1e6)
    assert row["exclusion_reason"] is None


def test_cached_input_takes_the_cache_price_or_the_full_one_never_none() -> None:
    fresh, cached, out = 85201 * 0.3, 85201 * 0.7, 736
    plain = sold(*gpt_4o(), workloads=AGENT).row(0, named=True)
    assert plain["usd_per_1k_requests"] == pytest.approx((85201 * 2.5 + out * 10) / 1000)
    reading = sold(*gpt_4o(), price("cache_read", "0.25"), workloads=AGENT).row(0, named=True)
    assert reading["usd_per_1k_requests"] == pytest.approx((fresh * 2.5 + cached * 0.25 + out * 10) / 1000)
    writing = sold(*gpt_4o(), price("cache_read", "0.25"), price("cache_write_5m", "3"), workloads=AGENT)
    assert writing["usd_per_1k_requests"].item() == pytest.approx((fresh * 3 + cached * 0.25 + out * 10) / 1000)


def test_a_cache_that_costs_more_than_it_saves_is_not_used() -> None:
    dear = sold(*gpt_4o(), price("cache_read", "2.4"), price("cache_write_5m", "10"), workloads=AGENT)
    assert dear["usd_per_mtok"].item() == pytest.approx(sold(*gpt_4o(), workloads=AGENT)["usd_per_mtok"].item())


def test_the_length_of_the_prompt_chooses_the_price() -> None:
    long = {"context_min_tokens": 50_000}
    rows = [*gpt_4o(context_max_tokens=50_000), price("input", "5", **long), price("output", "15", **long)]
    short, agent = sold(*rows), sold(*rows, workloads=AGENT)
    assert short["usd_per_1k_requests"].item() == pytest.approx((1155 * 2.5 + 211 * 10) / 1000)
    assert agent["usd_per_1k_requests"].item() == pytest.approx((85201 * 5 + 736 * 15) / 1000)


def test_peak_and_off_peak_are_weighted_by_their_hours() -> None:
    rule = "Mon-Fri 01:00-04:00,06:00-10:00 UTC"
    rows = [
        price(component, usd, time_band=band, band_rule=rule)
        for component, off, peak in (("input", "1", "2"), ("output", "3", "6"))
        for band, usd in (("off_peak", off), ("peak", peak))
    ]
    share = 35 / 168
    expected = (1155 * (1 + share) + 211 * 3 * (1 + share)) / 1000
    assert sold(*rows)["usd_per_1k_requests"].item() == pytest.approx(expected)
    assert sold(*rows[:3])["exclusion_reason"].item() == "no_price: output"


@pytest.mark.parametrize(
    ("rule", "share"),
    [
        ("Mon-Fri 01:00-04:00,06:00-10:00 UTC", 35 / 168),
        ("Sat-Mon 22:00-02:00", 12 / 168),
        ("Sun 00:00-12:00 UTC", 12 / 168),
        ("weekdays, mornings", None),
        ("Mon-Fri 1:00-4:00 UTC", None),
    ],
)
def test_the_rule_of_a_band_is_read_or_refused(rule: str, share: float | None) -> None:
    assert cost.peak_share(rule) == (None if share is None else pytest.approx(share))


def test_offline_work_takes_the_batch_price_where_it_is_whole() -> None:
    half = [price("input", "1.25", tier="batch"), price("output", "5", tier="batch")]
    whole = sold(*gpt_4o(), *half, workloads=BATCH).row(0, named=True)
    assert (whole["tier"], whole["usd_per_mtok"]) == ("batch", pytest.approx((1.25 + 5) / 2))
    torn = sold(*gpt_4o(), half[0], workloads=BATCH).row(0, named=True)
    assert (torn["tier"], torn["usd_per_mtok"]) == ("standard", pytest.approx((2.5 + 10) / 2))
    assert sold(*gpt_4o(), *half)["tier"].to_list() == ["standard"]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"status": "held", "reasons": ["jump_2x"]}, "held: jump_2x"),
        ({"status": "retired"}, "retired"),
        ({"context_length_tokens": 1200}, "context_too_short: 1200 tokens"),
        ({"max_output_tokens": 200}, "output_limit: 200 tokens"),
        ({"endpoint_status": -2}, "degraded"),
        ({"uptime_1d": 0.912}, "uptime: 0.912 over a day"),
        ({"status": "stale", "observed_at": NOW - timedelta(hours=30)}, "stale: 30.0 h old"),
    ],
)
def test_an_endpoint_that_is_not_ranked_says_why(fields: dict[str, Any], reason: str) -> None:
    row = sold(*gpt_4o(**fields)).row(0, named=True)
    assert row["exclusion_reason"] == reason
    assert (row["usd_per_mtok"] is None) == (fields.get("status") in ("held", "retired"))


def test_a_missing_price_stays_missing() -> None:
    row = sold(price("input", "2.5"), price("output", None, status="quarantined")).row(0, named=True)
    assert (row["usd_per_mtok"], row["exclusion_reason"]) == (None, "quarantined")
    assert sold(price("output", "10"))["exclusion_reason"].to_list() == ["no_price: input"]


def test_a_held_reading_leaves_the_last_good_price_in_force() -> None:
    jump = [price("output", "25", observed_at=NOW + timedelta(hours=6), status="held", reasons=["jump_2x"])]
    row = sold(*gpt_4o(), *jump, hours=6).row(0, named=True)
    assert (row["usd_per_1k_requests"], row["age_hours"]) == (pytest.approx((1155 * 2.5 + 2110) / 1000), 6.0)


def test_registries_and_unknown_models_never_enter_and_promotions_are_shown() -> None:
    rows = [*gpt_4o(channel="registry"), *gpt_4o(model=None, provider="x")]
    assert sold(*rows).height == 0
    assert sold(*gpt_4o(promo_until=date(2026, 12, 31)))["promo"].to_list() == [True]
    assert sold(*gpt_4o(discount=0.5))["promo"].to_list() == [True]
    assert sold(*gpt_4o())["promo"].to_list() == [False]


def test_a_host_that_is_read_itself_stands_once_and_only_while_its_own_price_is_good() -> None:
    def listed(source: str, provider: str, usd: str, **fields: Any) -> list[dict[str, Any]]:
        both = ("input", "output")
        return [price(c, usd, source=source, provider=provider, model="gpt-oss-120b", **fields) for c in both]

    def ranked(own_status: str) -> dict[str, str | None]:
        told = books.prices(
            *listed("groq", "groq", "0.15", status=own_status),
            *listed("openrouter", "Groq", "0.14"),
            *listed("openrouter", "Novita AI", "0.10"),
        )
        rows = cost.api(
            cost.once_per_seller(told, books.reference("provider_names")), CHAT, MODELS, QUANTS, ASSUMPTIONS, NOW
        )
        return {row["provider"]: row["exclusion_reason"] for row in rows.iter_rows(named=True)}

    assert ranked("ok") == {"groq": None, "Groq": "listed_by_host", "Novita AI": None}
    assert ranked("held") == {"groq": "held", "Groq": None, "Novita AI": None}


def test_the_hosts_of_one_model_stand_beside_one_another() -> None:
    def host(name: str, usd: str, **fields: Any) -> list[dict[str, Any]]:
        return [price(c, usd, provider=name, model="llama-3.3-70b", **fields) for c in ("input", "output")]

    rows = cost.api_comparison(
        books.prices(
            *host("a", "0.30", quant="fp8"),
            *host("b", "0.10", quant="fp8"),
            *host("c", "0.9", quant="fp8"),
            *host("d", "0.05", quant="int4"),
            *host("e", "0.01", quant="fp8", status="held"),
        ),
        NOW,
    )
    eight_bit = rows.filter(quant="fp8")
    assert eight_bit["provider"].to_list() == ["b", "a", "c"]
    assert eight_bit["median_output_usd_per_mtok"].unique().to_list() == [0.3]
    assert eight_bit["min_output_usd_per_mtok"].unique().to_list() == [Decimal("0.1")]
    assert set(eight_bit["cheapest_provider"]) == {"b"} and set(eight_bit["n_hosts"]) == {3}


def test_a_slice_hosts_nothing_and_a_large_model_only_what_holds_it() -> None:
    plan = offer(
        1, source="vultr", gpu_name="NVIDIA_A100", gpu_count=0.125, memory_gib=10.0, usd_per_hour=0.342, market="cloud"
    )
    rows = rented(plan, *machines())
    assert rows["source"].unique().to_list() == ["vast"]
    assert rows["model"].unique().to_list() == ["llama-3.1-8b"]


def test_interruptible_machines_serve_only_the_workloads_that_allow_it() -> None:
    rows = rented(*machines(price_kind="spot_floor"))
    allowed = rows.filter(pl.col("exclusion_reason").is_null())["workload"].unique().sort().to_list()
    assert allowed == ["batch", "summarise"]


def test_a_disk_too_small_for_the_weights_is_said() -> None:
    rows = rented(*machines(max_disk_gb=70.0)).filter(workload="chat")
    reasons = dict(rows.select("quant", "exclusion_reason").rows())
    assert reasons == {"bf16": "disk_too_small for the weights", "int4": None}


def test_every_rows_price_per_token_times_its_tokens_is_its_price_per_hour() -> None:
    rows = rented(*machines())
    tokens_per_hour = (
        pl.col("output_tokens_per_s")
        * 3600
        / pl.col("osl_tokens")
        * pl.col("utilization")
        * (pl.col("isl_tokens") + pl.col("osl_tokens"))
    )
    both = rows.select(paid=pl.col("usd_per_mtok") * tokens_per_hour / 1e6, hour="usd_per_hour")
    assert both["paid"].to_list() == pytest.approx(both["hour"].to_list())
    parts = pl.col("gpu_usd_per_hour") + pl.col("storage_usd_per_hour") + pl.col("traffic_usd_per_hour")
    assert rows.select(parts).to_series().to_list() == pytest.approx(rows["usd_per_hour"].to_list())
    assert (rows["storage_usd_per_hour"] > 0).all() and (rows["traffic_usd_per_hour"] > 0).all()
    assert (
        rows.select(
            (pl.col("usd_per_mtok_low") < pl.col("usd_per_mtok"))
            & (pl.col("usd_per_mtok") < pl.col("usd_per_mtok_high"))
        )
        .to_series()
        .all()
    )


@settings(max_examples=15, deadline=None)
@given(st.floats(0.05, 2), st.decimals("0.01", "20", places=3), st.decimals("0.01", "80", places=3))
def test_self_hosting_over_api_is_one_ratio_whatever_the_denominator(hour: float, usd_in: Any, usd_out: Any) -> None:
    ours = rented(*machines(usd_per_hour=hour)).filter(quant="bf16")
    theirs = sold(price("input", str(usd_in)), price("output", str(usd_out)), workloads=WORKLOADS)
    pairs = ours.join(theirs, on="workload", suffix="_api")
    ratios = [
        pairs[name] / pairs[f"{name}_api"] for name in ("usd_per_mtok", "usd_per_mtok_output", "usd_per_1k_requests")
    ]
    assert pairs.height == 9
    for ratio in ratios[1:]:
        assert ratio.to_list() == pytest.approx(ratios[0].to_list())


@settings(max_examples=15, deadline=None)
@given(st.floats(0.01, 0.99), st.floats(1.01, 5))
def test_cost_falls_with_utilization_and_with_the_price(utilization: float, times: float) -> None:
    def at(share: float, hour: float) -> pl.Series:
        rows = rented(*machines(usd_per_hour=hour))
        base = rows.drop("usd_per_hour").with_columns(usd_per_hour="gpu_usd_per_hour", utilization=pl.lit(share))
        return cost.priced(base, ASSUMPTIONS)["usd_per_mtok"]

    lower, higher, dearer = at(utilization, 0.3), at(min(utilization * times, 1), 0.3), at(utilization, 0.3 * times)
    assert (higher < lower).all()
    assert (dearer > lower).all()


def test_the_articles_tables_to_the_cent_and_exactly() -> None:
    rows = pl.DataFrame(
        {
            "usd_per_hour": [0.34, 0.09, 1.84, 0.39, 0.17, 0.34, 0.34, 0.34],
            "tokens_per_s": [150.0, 150, 200, 280, 280, 150, 150, 150],
            "utilization": [1.0, 1, 1, 1, 1, 0.5, 0.2, 0.05],
        }
    )
    priced = cost.article(rows)
    assert priced["usd_per_mtok_article"].to_list() == [0.63, 0.17, 2.56, 0.39, 0.17, 1.26, 3.15, 12.60]
    assert priced["usd_per_mtok_exact"].to_list() == pytest.approx(
        [0.62963, 0.16667, 2.55556, 0.38690, 0.16865, 1.25926, 3.14815, 12.59259], abs=5e-6
    )


def test_the_articles_api_rows_are_the_output_price_over_generated_tokens() -> None:
    article = WORKLOADS.filter(workload="article").with_columns(on_board=pl.lit("yes"))
    rows = [
        price(component, usd, provider=name)
        for name, usd_in, usd_out in (("4o", "2.5", "10"), ("turbo", "10", "30"), ("sonnet", "3", "15"))
        for component, usd in (("input", usd_in), ("output", usd_out))
    ]
    assert sold(*rows, workloads=article).sort("provider")["usd_per_mtok"].to_list() == pytest.approx([10, 15, 30])
