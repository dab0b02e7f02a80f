"""API prices -> what the same request costs when it is bought."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from transforms.assumptions import Assumptions
from transforms.cost.request import denominations

ENDPOINT: Final = ["source", "provider", "model", "quant", "endpoint"]
WEEK_HOURS: Final = 168.0
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


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
    sold = _sold(api_prices)
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


def once_per_seller(api_prices: pl.DataFrame, provider_names: pl.DataFrame) -> pl.DataFrame:
    """Set apart what an aggregator says of a host that we read ourselves: its own price is on the boards.

    The aggregator's rows of the same seller, model, tier and component take the status `listed_by_host`, where the
    host's own row is good. provider_names: provider_name (lower case, letters and digits), provider.
    """
    letters = r"[^a-z0-9]"
    aliases = dict(provider_names.select("provider_name", "provider").iter_rows())
    sellers = api_prices.with_columns(
        seller=pl.col("provider").str.to_lowercase().str.replace_all(letters, "").replace(aliases),
        reader=pl.col("source").str.to_lowercase().str.replace_all(letters, ""),
    )
    same = ["seller", "model", "tier", "component"]
    own = pl.col("seller") == pl.col("reader")
    good = sellers.filter(own, pl.col("status") == "ok").select(same).unique().with_columns(relisted=pl.lit(True))
    told = sellers.join(good, on=same, how="left", validate="m:1", maintain_order="left")
    status = pl.when(~own & pl.col("relisted")).then(pl.lit("listed_by_host")).otherwise("status")
    return told.with_columns(status=status).select(api_prices.columns)


def api_comparison(api_prices: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """The same model at every host: list prices of short prompts beside the lowest and the median of its quantisation.

    Peak and off-peak are weighted as on the boards; a host without a believed input and output price is left out.
    Prices are USD per 1M tokens as Decimal(18, 9), columns of `marts.api_comparison`.
    """
    listed = pl.DataFrame({"workload": ["list price"], "isl_tokens": [0]}, schema_overrides={"isl_tokens": pl.Int64})
    rows = _requests(_in_force(_sold(api_prices), listed)).filter(
        pl.col("input").is_not_null(), pl.col("output").is_not_null(), ~pl.col("is_stale")
    )
    same = ["model", "quant", "tier"]
    output, decimal = pl.col("output"), pl.Decimal(18, 9)
    age = (pl.lit(as_of).cast(pl.Datetime("us", "UTC")) - pl.col("observed_at")).dt.total_seconds() / 3600
    return (
        rows.sort(*same, "output", "input", "provider", "source", "endpoint")
        .with_columns(
            endpoint=pl.when(pl.col("endpoint") != "").then("endpoint"),
            min_output_usd_per_mtok=output.min().over(same).cast(decimal),
            median_output_usd_per_mtok=output.median().over(same),
            cheapest_provider=pl.col("provider").first().over(same),
            n_hosts=pl.col("provider").n_unique().over(same).cast(pl.Int64),
            age_hours=age,
        )
        .select(
            "model",
            "quant",
            "source",
            "provider",
            "endpoint",
            "tier",
            input_usd_per_mtok=pl.col("input").cast(decimal),
            output_usd_per_mtok=output.cast(decimal),
            cache_read_usd_per_mtok=pl.col("cache_read").cast(decimal),
            min_output_usd_per_mtok="min_output_usd_per_mtok",
            median_output_usd_per_mtok="median_output_usd_per_mtok",
            cheapest_provider="cheapest_provider",
            n_hosts="n_hosts",
            observed_at="observed_at",
            age_hours="age_hours",
            provenance="provenance",
        )
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


def _sold(api_prices: pl.DataFrame) -> pl.DataFrame:
    return api_prices.filter(pl.col("channel") != "registry", pl.col("model").is_not_null()).with_columns(
        pl.col("usd_per_mtok", "list_usd_per_mtok").cast(pl.Float64),
        believed=pl.col("status").is_in(["ok", "stale"]),
        endpoint=pl.col("endpoint").fill_null(""),
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
