"""What a million tokens costs, rented or bought: per request on both sides, then over one denominator.

Every priced row states the same request three ways: `usd_per_mtok` over input and output tokens (the rank key),
`usd_per_1k_requests`, and `usd_per_mtok_output` over output tokens alone. Their ratios between rows are equal.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from transforms import offers
from transforms.assumptions import Assumptions

SHAPE: Final = ["gpu", "memory_gib", "gpu_count", "interconnect"]
"""What a GPU configuration's throughput hangs on."""
SERVED: Final = ["model", "quant", "workload"]
ENDPOINT: Final = ["source", "provider", "model", "quant", "endpoint"]
WEEK_HOURS: Final = 168.0
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def configurations(gpu_prices: pl.DataFrame, models: pl.DataFrame, workloads: pl.DataFrame) -> pl.DataFrame:
    """Every distinct thing to estimate: GPU configuration x model and quantisation x workload, never offers.

    Columns: gpu, memory_gib, gpu_count, interconnect, model, quant, workload and the workload's lengths and limits.
    """
    served = (
        models.select("model", quant=pl.col("serve_quants").str.split("|"))
        .explode("quant")
        .filter(pl.col("quant").fill_null("") != "")
    )
    asked = workloads.filter(pl.col("on_board") == "yes").select(
        "workload",
        "isl_tokens",
        "osl_tokens",
        "cached_input_fraction",
        "ttft_slo_ms",
        "min_tokens_per_s_per_user",
    )
    return gpu_prices.select(SHAPE).unique().sort(SHAPE).join(served, how="cross").join(asked, how="cross")


def self_hosted(
    gpu_prices: pl.DataFrame,
    estimates: pl.DataFrame,
    workloads: pl.DataFrame,
    quants: pl.DataFrame,
    assumptions: Assumptions,
) -> pl.DataFrame:
    """Price every GPU configuration for everything it can serve, all-in.

    estimates: one row per (gpu, memory_gib, gpu_count, interconnect, model, quant, workload); those that do not fit are
    left out here, their reason stands with the estimate. `usd_per_hour` is the GPU part, the disk for the weights and
    the traffic at the row's utilization, so that price per token x tokens served = price per hour. The band is the
    price from the board's to the median, over the throughput from high to low.
    """
    fitting = estimates.filter("fits").drop("isl_tokens", "osl_tokens", "cached_input_fraction", strict=False)
    if fitting.select(*SHAPE, *SERVED).is_duplicated().any():
        raise ValueError("estimates: more than one row for a configuration, model, quantisation and workload")
    asked = workloads.select(
        "workload", "isl_tokens", "osl_tokens", "cached_input_fraction", "default_utilization", "spot_allowed"
    )
    rows = (
        gpu_prices.join(fitting, on=SHAPE, how="inner", maintain_order="left")
        .join(asked, on="workload", how="left", validate="m:1", maintain_order="left")
        .join(quants.select("quant", "quant_class"), on="quant", how="left", validate="m:1", maintain_order="left")
        .with_columns(
            kind=pl.lit("self_hosted"),
            machines=pl.col("n_machines"),
            utilization=pl.col("default_utilization").cast(pl.Float64),
        )
    )
    return priced(rows, assumptions).with_columns(exclusion_reason=_unrankable(assumptions))


def priced(rows: pl.DataFrame, assumptions: Assumptions) -> pl.DataFrame:
    """Adds what the rows cost at their `utilization`.

    Needs usd_per_hour (GPU part), usd_per_hour_p50, weights_gib, output_tokens_per_s with _low and _high, isl_tokens,
    osl_tokens and the terms of the offer. `usd_per_hour` becomes the all-in price, its parts stand beside it.
    """
    at_full_load = pl.col("output_tokens_per_s") * 3600 / pl.col("osl_tokens")
    traffic = (
        pl.col("osl_tokens") * assumptions.egress_bytes_per_output_token * pl.col("egress_usd_per_gb").fill_null(0.0)
        + pl.col("isl_tokens")
        * (1 - pl.col("cached_input_fraction"))
        * assumptions.ingress_bytes_per_input_token
        * pl.col("ingress_usd_per_gb").fill_null(0.0)
    ) / 1e9
    parts = rows.with_columns(
        gpu_usd_per_hour=pl.col("usd_per_hour"),
        gpu_usd_per_hour_p50=pl.max_horizontal("usd_per_hour", "usd_per_hour_p50"),
        storage_usd_per_hour=offers.disk_usd_per_hour(pl.col("weights_gib"), assumptions),
        traffic_usd_per_request=traffic,
        requests_per_hour=at_full_load,
    )
    served = pl.col("requests_per_hour") * pl.col("utilization")
    low = pl.col("output_tokens_per_s_low") / pl.col("output_tokens_per_s")
    high = pl.col("output_tokens_per_s_high") / pl.col("output_tokens_per_s")
    cheapest = pl.col("gpu_usd_per_hour") + pl.col("storage_usd_per_hour")
    dearest = pl.col("gpu_usd_per_hour_p50") + pl.col("storage_usd_per_hour")
    per_request = cheapest / served + pl.col("traffic_usd_per_request")
    tokens = pl.col("isl_tokens") + pl.col("osl_tokens")
    return parts.with_columns(
        traffic_usd_per_hour=pl.col("traffic_usd_per_request") * served,
        usd_per_hour=per_request * served,
        usd_per_mtok_low=(cheapest / (served * high) + pl.col("traffic_usd_per_request")) / tokens * 1e6,
        usd_per_mtok_high=(dearest / (served * low) + pl.col("traffic_usd_per_request")) / tokens * 1e6,
        **denominations(per_request),
    )


def denominations(usd_per_request: pl.Expr) -> dict[str, pl.Expr]:
    """The three ways to state the price of one request of `isl_tokens` in and `osl_tokens` out."""
    return {
        "usd_per_mtok": usd_per_request / (pl.col("isl_tokens") + pl.col("osl_tokens")) * 1e6,
        "usd_per_mtok_output": usd_per_request / pl.col("osl_tokens") * 1e6,
        "usd_per_1k_requests": usd_per_request * 1000,
    }


def api(
    api_prices: pl.DataFrame,
    workloads: pl.DataFrame,
    models: pl.DataFrame,
    quants: pl.DataFrame,
    assumptions: Assumptions,
    as_of: datetime,
) -> pl.DataFrame:
    """Price every API endpoint for every workload of the boards.

    api_prices: checked component prices; where one key has this run's reading and an older good one, both. Registries
    never enter. The interval of prompt lengths is chosen by the workload, peak and off-peak hours are weighted by their
    share of the week, a workload of the batch tier takes the batch price where one is offered and the standard price
    else. A price that is missing stays NULL, and the row says why it is not ranked.
    """
    sold = api_prices.filter(pl.col("channel") != "registry", pl.col("model").is_not_null()).with_columns(
        pl.col("usd_per_mtok", "list_usd_per_mtok").cast(pl.Float64),
        believed=pl.col("status").is_in(["ok", "stale"]),
        endpoint=pl.col("endpoint").fill_null(""),
    )
    asked = workloads.filter(pl.col("on_board") == "yes").select(
        "workload", "isl_tokens", "osl_tokens", "cached_input_fraction", "api_tier"
    )
    requests = _requests(_in_force(sold, asked))
    context = models.select("model", model_context_tokens=pl.col("context_tokens").cast(pl.Int64))
    return (
        _tier(requests.join(asked, on="workload", how="left", validate="m:1"))
        .join(context, on="model", how="left", validate="m:1", maintain_order="left")
        .join(quants.select("quant", "quant_class"), on="quant", how="left", validate="m:1", maintain_order="left")
        .with_columns(
            kind=pl.lit("api"),
            board=pl.lit("api"),
            endpoint=pl.when(pl.col("endpoint") != "").then("endpoint"),
            age_hours=(pl.lit(as_of).cast(pl.Datetime("us", "UTC")) - pl.col("observed_at")).dt.total_seconds() / 3600,
            usd_per_request=_usd_per_request(),
        )
        .with_columns(
            **denominations(pl.col("usd_per_request")),
            freshness=pl.when(pl.col("age_hours") > assumptions.api_fresh_hours)
            .then(pl.lit("stale"))
            .otherwise(pl.lit("fresh")),
        )
        .with_columns(
            usd_per_mtok_low="usd_per_mtok",
            usd_per_mtok_high="usd_per_mtok",
            exclusion_reason=_unsold(assumptions),
        )
        .sort("workload", "model", "usd_per_mtok", "source", "provider", "endpoint", nulls_last=True)
    )


def peak_share(rule: str) -> float | None:
    """Share of the week's hours a rule such as "Mon-Fri 01:00-04:00,06:00-10:00 UTC" covers; None where unreadable."""
    match = re.fullmatch(r"\s*([A-Za-z]{3})(?:-([A-Za-z]{3}))?\s+([\d:,\-\s]+?)\s*(?:UTC)?\s*", rule)
    if match is None:
        return None
    first, last, hours = match[1].lower(), (match[2] or match[1]).lower(), match[3]
    spans = re.findall(r"(\d\d):(\d\d)-(\d\d):(\d\d)", hours)
    if first not in DAYS or last not in DAYS or len(spans) != hours.count("-"):
        return None
    days = (DAYS.index(last) - DAYS.index(first)) % 7 + 1
    length = sum(
        (timedelta(hours=int(h2), minutes=int(m2)) - timedelta(hours=int(h1), minutes=int(m1))).total_seconds() % 86400
        for h1, m1, h2, m2 in spans
    )
    return days * length / 3600 / WEEK_HOURS


def article(rows: pl.DataFrame) -> pl.DataFrame:
    """The seed article's arithmetic: USD per 1M generated tokens, nothing but price over throughput.

    rows: usd_per_hour, tokens_per_s, utilization. Adds `usd_per_mtok_exact`, and `usd_per_mtok_article`, which is
    rounded to cents at full load and again after dividing by the utilization.
    """
    full_load = pl.col("usd_per_hour") / (pl.col("tokens_per_s") * 3600) * 1e6
    return rows.with_columns(
        usd_per_mtok_exact=full_load / pl.col("utilization"),
        usd_per_mtok_article=_cents(_cents(full_load) / pl.col("utilization")),
    )


def _cents(usd: pl.Expr) -> pl.Expr:
    """To the cent, half up; the nudge undoes binary fractions just below a half (12.595 is 12.59499…)."""
    return (usd * 100 + 1e-9).round(0, "half_away_from_zero") / 100


def _unrankable(assumptions: Assumptions) -> pl.Expr:
    weights = pl.col("weights_gib")
    return (
        pl.when(pl.col("exclusion_reason").is_not_null())
        .then("exclusion_reason")
        .when((pl.col("board") == "interruptible") & (pl.col("spot_allowed") != "yes"))
        .then(pl.lit("interruptible: not for this workload"))
        .when(offers.disk_too_small(weights, assumptions))
        .then(pl.lit("disk_too_small for the weights"))
    )


def _in_force(sold: pl.DataFrame, asked: pl.DataFrame) -> pl.DataFrame:
    """One row per endpoint, tier, workload, component and time band: the price for prompts of that length.

    The narrowest interval that holds the prompt wins, and within it the believed reading, the newest of several.
    """
    length = pl.col("isl_tokens")
    holds = (length >= pl.col("context_min_tokens")) & (
        pl.col("context_max_tokens").is_null() | (length < pl.col("context_max_tokens"))
    )
    one = [*ENDPOINT, "tier", "workload", "component", "time_band"]
    return (
        sold.join(asked.select("workload", "isl_tokens"), how="cross")
        .filter(holds)
        .sort("context_min_tokens", "believed", "observed_at", "usd_per_mtok", descending=True, nulls_last=True)
        .unique(one, keep="first", maintain_order=True)
    )


def _requests(components: pl.DataFrame) -> pl.DataFrame:
    """One row per endpoint, tier and workload with a column for each component's price."""
    rules = components["band_rule"].drop_nulls().unique()
    shares = pl.DataFrame(
        {"band_rule": rules, "peak_share": [peak_share(rule) for rule in rules]},
        schema={"band_rule": pl.String, "peak_share": pl.Float64},
    )
    needed = pl.col("component").is_in(["input", "output"])
    reasons = pl.col("reasons").list.join(", ")
    why = pl.when(reasons == "").then("status").otherwise(pl.format("{}: {}", "status", reasons))
    reduced = (pl.col("discount") > 0) | pl.col("promo_until").is_not_null()
    dearer_list = pl.col("list_usd_per_mtok") > pl.col("usd_per_mtok")
    return (
        components.join(shares, on="band_rule", how="left", validate="m:1")
        .with_columns(price=pl.when("believed").then("usd_per_mtok"))
        .group_by(*ENDPOINT, "tier", "workload")
        .agg(
            *[_component(name) for name in ("input", "output", "cache_read", "cache_write_5m", "request")],
            disbelief=why.filter(needed, ~pl.col("believed")).sort().first(),
            is_stale=((pl.col("status") == "stale") & needed).any(),
            promo=(reduced.fill_null(False) | dearer_list.fill_null(False)).any(),
            context_length_tokens=pl.col("context_length_tokens").max(),
            max_output_tokens=pl.col("max_output_tokens").max(),
            uptime_1d=pl.col("uptime_1d").min(),
            endpoint_status=pl.col("endpoint_status").min(),
            observed_at=pl.coalesce(pl.col("observed_at").filter(needed).min(), pl.col("observed_at").min()),
            provenance=pl.col("provenance").first(),
        )
    )


def _component(name: str) -> pl.Expr:
    """One price, or the mean of peak and off-peak over the hours of a week; NULL where one of the two is missing."""
    own = pl.col("component") == name
    always, peak, off_peak = (
        pl.col("price").filter(own, pl.col("time_band") == band).first() for band in ("all", "peak", "off_peak")
    )
    share = pl.col("peak_share").filter(own).max()
    return pl.coalesce(always, share * peak + (1 - share) * off_peak).alias(name)


def _tier(requests: pl.DataFrame) -> pl.DataFrame:
    """The tier each endpoint serves a workload in: the workload's own where it is whole, else standard."""
    whole = pl.col("input").is_not_null() & pl.col("output").is_not_null()
    return (
        requests.filter((pl.col("tier") == "standard") | (pl.col("tier") == pl.col("api_tier")))
        .with_columns(preferred=whole & (pl.col("tier") == pl.col("api_tier")), plain=pl.col("tier") == "standard")
        .sort("preferred", "plain", descending=True)
        .unique([*ENDPOINT, "workload"], keep="first", maintain_order=True)
    )


def _usd_per_request() -> pl.Expr:
    """Input, output and fee of one request. Caching is used where it pays; without a cache price, input is full price.

    Tokens that miss the cache are charged as cache writes where a host charges for them: they are read a turn later.
    """
    fresh = pl.col("isl_tokens") * (1 - pl.col("cached_input_fraction"))
    cached = pl.col("isl_tokens") * pl.col("cached_input_fraction")
    price = pl.col("input")
    plain = pl.col("isl_tokens") * price
    with_cache = fresh * pl.col("cache_write_5m").fill_null(price) + cached * pl.col("cache_read").fill_null(price)
    prompt = (
        pl.when(pl.col("isl_tokens") == 0)
        .then(0.0)
        .when(price.is_null() | (cached == 0))
        .then(plain)
        .otherwise(pl.min_horizontal(plain, with_cache))
    )
    return (prompt + pl.col("osl_tokens") * pl.col("output")) / 1e6 + pl.col("request").fill_null(0.0)


def _unsold(assumptions: Assumptions) -> pl.Expr:
    """Why an endpoint is not ranked: no price to believe, too small for the workload, unwell, or not read lately."""
    context = pl.coalesce("context_length_tokens", "model_context_tokens")
    stale = pl.col("is_stale") | (pl.col("freshness") == "stale")
    return (
        pl.when(pl.col("usd_per_request").is_null() & pl.col("disbelief").is_not_null())
        .then("disbelief")
        .when(pl.col("output").is_null())
        .then(pl.lit("no_price: output"))
        .when(pl.col("usd_per_request").is_null())
        .then(pl.lit("no_price: input"))
        .when(pl.col("usd_per_request") <= 0)
        .then(pl.lit("unpriced"))
        .when(context < pl.col("isl_tokens") + pl.col("osl_tokens"))
        .then(pl.format("context_too_short: {} tokens", context))
        .when(pl.col("max_output_tokens") < pl.col("osl_tokens"))
        .then(pl.format("output_limit: {} tokens", "max_output_tokens"))
        .when(pl.col("endpoint_status") < 0)
        .then(pl.lit("degraded"))
        .when(pl.col("uptime_1d") < assumptions.api_uptime_min)
        .then(pl.format("uptime: {} over a day", pl.col("uptime_1d").round(3)))
        .when(stale)
        .then(pl.format("stale: {} h old", pl.col("age_hours").round(1)))
    )
