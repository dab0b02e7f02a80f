"""Offers -> boards, and one robust price for each GPU configuration of a board.

A price must not hang on one host. It is always the price of a real offer, chosen by its place among the machines
that sell the same thing: `docs/methodology.md`, section "The price of a configuration".
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import polars as pl

from transforms.assumptions import Assumptions

CONFIGURATION: Final = ["board", "source", "gpu", "gpu_count"]
GPU_ON_BOARD: Final = ["board", "source", "gpu"]
RATES: Final = ["reliability", "storage_usd_per_gb_month", "egress_usd_per_gb", "ingress_usd_per_gb"]
"""Figures of an offer that are shares or prices beside the main one."""
GIB_IN_GB: Final = 1.073741824
LEAST_SURVIVAL: Final = 0.01
"""No offer surviving means many interruptions, not infinitely many."""
LONGEST_GAP_HOURS: Final = 30.0
"""Snapshots further apart say nothing about how long an offer lasts."""


def on_boards(offers: pl.DataFrame, gpus: pl.DataFrame, assumptions: Assumptions) -> pl.DataFrame:
    """Say on which board each offer of the books stands, or why it stands behind no price.

    offers: checked offers, one book per source. Adds `board` (trusted | community | interruptible; NULL: prepaid),
    `rentable_gpu_count` and `rentable_usd_per_hour` (the smallest thing that can be bought), and `exclusion_reason`
    (NULL: the offer counts). A bait suspect is an on-demand offer below `bait_share` of the trusted median per GPU.
    """
    links = gpus.select(
        "gpu", _interconnect().alias("interconnect"), pl.col("memory_gib").cast(pl.Float64).alias("nominal_gib")
    )
    purchase = pl.max_horizontal(pl.col("min_purchase_gpus").cast(pl.Float64) / pl.col("gpu_count"), 1.0)
    placed = (
        offers.drop("board", "interconnect", "nominal_gib", strict=False)
        .with_columns(_sane(name) for name in RATES)
        .join(links, on="gpu", how="left", validate="m:1", maintain_order="left")
        .with_columns(
            board=_board(assumptions),
            rentable_gpu_count=pl.when(pl.col("gpu_count") >= 1).then(pl.col("gpu_count") * purchase).cast(pl.Int64),
            rentable_usd_per_hour=pl.col("usd_per_hour") * purchase,
        )
        .with_columns(exclusion_reason=_exclusion())
    )
    bar = assumptions.bait_share * pl.col("trusted_median")
    price = pl.col("usd_per_gpu_hour")
    bait = pl.col("board").is_in(["trusted", "community"]) & (price < bar)
    suspected = pl.format("bait_suspect: {} USD per GPU and hour, below {}", price.round(3), bar.round(3))
    return (
        placed.join(_trusted_medians(placed, assumptions), on="gpu", how="left", validate="m:1", maintain_order="left")
        .with_columns(exclusion_reason=pl.col("exclusion_reason").fill_null(pl.when(bait).then(suspected)))
        .drop("trusted_median")
    )


def gpu_prices(history: pl.DataFrame, gpus: pl.DataFrame, assumptions: Assumptions, as_of: datetime) -> pl.DataFrame:
    """The price of every GPU configuration on every board, with the market behind it.

    history: checked offers of the last days, this run included. The latest run of a source that holds an offer which
    passed the checks is its book; earlier runs say how long configurations and offers last.
    Returns one row per (board, source, gpu, gpu_count), columns of `marts.gpu_prices`; prices are the GPU part in USD
    per hour for the whole configuration. A row that may not be ranked has an `exclusion_reason`.
    """
    books = on_boards(_latest_books(history), gpus, assumptions)
    chosen = _chosen(_machines(books), assumptions)
    lasting = _persistence(history, assumptions)
    priced = chosen.join(lasting, on=CONFIGURATION, how="left", validate="1:1", maintain_order="left")
    age = (pl.lit(as_of).cast(pl.Datetime("us", "UTC")) - pl.col("observed_at")).dt.total_seconds() / 3600
    expired = pl.col("age_hours") > assumptions.gpu_expired_hours
    thin = pl.col("price_rule") == "thin"
    return (
        priced.with_columns(age_hours=age)
        .with_columns(
            usd_per_gpu_hour=pl.col("usd_per_hour") / pl.col("gpu_count"),
            freshness=pl.when(expired)
            .then(pl.lit("expired"))
            .when(pl.col("age_hours") > assumptions.gpu_fresh_hours)
            .then(pl.lit("stale"))
            .otherwise(pl.lit("fresh")),
            exclusion_reason=pl.when(expired)
            .then(pl.format("expired: {} h old", pl.col("age_hours").round(1)))
            .when(thin)
            .then(pl.format("thin: {} machines above suspicion", "n_sound")),
        )
        .drop("n_sound")
        .sort(CONFIGURATION)
    )


def disk_usd_per_hour(weights_gib: pl.Expr, assumptions: Assumptions) -> pl.Expr:
    """USD/h for the disk that serving weights of this size takes on one offer, at the offer's own rate."""
    paid_gb = pl.max_horizontal(_disk_gb(weights_gib, assumptions) - pl.col("included_disk_gb").fill_null(0.0), 0.0)
    rate = pl.col("storage_usd_per_gb_month").fill_null(assumptions.storage_usd_per_gb_month_unsaid)
    return paid_gb * rate / assumptions.storage_month_hours


def disk_too_small(weights_gib: pl.Expr, assumptions: Assumptions) -> pl.Expr:
    """True where the offer states a disk that does not hold the weights; NULL where it states none."""
    included = pl.when(pl.col("storage_usd_per_gb_month") == 0).then(pl.col("included_disk_gb"))
    return pl.coalesce("max_disk_gb", included) < _disk_gb(weights_gib, assumptions)


def all_in(offers: pl.DataFrame, weights_gib: float, assumptions: Assumptions) -> pl.DataFrame:
    """Adds what one offer costs with the disk for these weights: `disk_usd_per_hour`, `usd_per_hour_all_in`.

    A reserved discount is shown beside it and not subtracted, because it is prepaid.
    """
    weights = pl.lit(weights_gib)
    return offers.with_columns(disk_usd_per_hour=disk_usd_per_hour(weights, assumptions)).with_columns(
        usd_per_hour_all_in=pl.col("rentable_usd_per_hour") + pl.col("disk_usd_per_hour")
    )


def interruptions_per_hour(assumptions: Assumptions) -> pl.Expr:
    """How often a machine of a configuration is taken away, from the survival of its offers; assumed where unknown."""
    hazard = -pl.col("survival_6h").clip(LEAST_SURVIVAL, 1).log() / 6
    return hazard.fill_null(assumptions.interruptions_per_hour)


def _disk_gb(weights_gib: pl.Expr, assumptions: Assumptions) -> pl.Expr:
    return assumptions.disk_weights_factor * weights_gib * GIB_IN_GB + assumptions.disk_spare_gb


def _sane(name: str) -> pl.Expr:
    """A rate that is negative or no number is not said: it must not make an offer cheaper or better."""
    return pl.when(pl.col(name).is_finite() & (pl.col(name) >= 0)).then(pl.col(name)).alias(name)


def _interconnect() -> pl.Expr:
    link = pl.col("link").cast(pl.String).fill_null("pcie")
    return (
        pl.when(link.str.starts_with("nvlink"))
        .then(pl.lit("nvlink"))
        .when(link.str.contains("xgmi"))
        .then(pl.lit("xgmi"))
        .otherwise(pl.lit("pcie"))
    )


def _board(assumptions: Assumptions) -> pl.Expr:
    """RunPod sells "secure" in data centres it vouches for, "community" on other people's machines."""
    word = pl.col("verification").fill_null("")
    reliable = pl.col("reliability").fill_null(0.0) >= assumptions.trusted_reliability_min
    vouched = ((pl.col("market") == "cloud") & (word != "community")) | (word == "secure")
    trusted = vouched | ((word == "verified") & reliable)
    return (
        pl.when(pl.col("price_kind").is_in(["spot_floor", "preemptible"]))
        .then(pl.lit("interruptible"))
        .when(pl.col("price_kind") == "on_demand")
        .then(pl.when(trusted).then(pl.lit("trusted")).otherwise(pl.lit("community")))
    )


def _exclusion() -> pl.Expr:
    """The first reason why an offer stands behind no price, whatever others ask."""
    count = pl.col("gpu_count")
    lacks_nvlink = (pl.col("interconnect") == "nvlink") & (pl.col("nvlink_gb_per_s").fill_null(1.0) == 0) & (count > 1)
    failed = pl.col("reasons").list.join(", ")
    return (
        pl.when(pl.col("gpu").is_null())
        .then(pl.lit("unknown_gpu"))
        .when(pl.col("is_slice"))
        .then(pl.format("slice: {} GiB of a larger GPU", pl.col("memory_gib").round(1)))
        .when(pl.col("status") != "ok")
        .then(pl.when(failed == "").then(pl.col("status")).otherwise(failed))
        .when(pl.col("board").is_null())
        .then(pl.lit("reserved: prepaid"))
        .when(~(pl.col("usd_per_hour").is_finite() & (pl.col("usd_per_hour") > 0)).fill_null(False))
        .then(pl.lit("unpriced"))
        .when(count.is_null() | (count != count.floor()))
        .then(pl.lit("impossible_gpu_count"))
        .when(pl.col("memory_gib").is_null())
        .then(pl.lit("no_memory"))
        .when(~pl.col("in_stock"))
        .then(pl.lit("out_of_stock"))
        .when(lacks_nvlink)
        .then(pl.lit("no_nvlink: unlike its kind"))
    )


def _machine() -> pl.Expr:
    return pl.coalesce("machine_id", "offer_key")


def _trusted_medians(placed: pl.DataFrame, assumptions: Assumptions) -> pl.DataFrame:
    """Median over machines of the trusted price per GPU (USD/h); a cloud's list price is one voice, and enough."""
    voice = pl.when(pl.col("market") == "cloud").then(pl.lit("list price")).otherwise(_machine())
    voices = (
        placed.filter(pl.col("exclusion_reason").is_null(), pl.col("board") == "trusted")
        .group_by("gpu", "source", "market", voice.alias("voice"))
        .agg(pl.col("usd_per_gpu_hour").min())
    )
    enough = (pl.len() >= assumptions.median_machines_min) | (pl.col("market") == "cloud").any()
    return (
        voices.group_by("gpu")
        .agg(trusted_median=pl.col("usd_per_gpu_hour").median(), enough=enough)
        .filter("enough")
        .drop("enough")
    )


def _latest_books(history: pl.DataFrame) -> pl.DataFrame:
    good = history.filter(pl.col("status") == "ok").group_by("source").agg(pl.col("run_id").max())
    return history.join(good, on=["source", "run_id"], how="semi", maintain_order="left")


def _machines(books: pl.DataFrame) -> pl.DataFrame:
    """The cheapest offer of each machine for each configuration, bait suspects among them and marked.

    Offers of several sizes of one machine overlap, so each size counts the machine once. Cheapest first.
    """
    suspect = pl.col("exclusion_reason").str.starts_with("bait_suspect").fill_null(False)
    return (
        books.filter(pl.col("exclusion_reason").is_null() | suspect)
        .with_columns(
            gpu_count="rentable_gpu_count",
            usd_per_hour="rentable_usd_per_hour",
            # Clouds state the marketing size; a driver never shows more than the nominal one.
            memory_gib=pl.min_horizontal("memory_gib", "nominal_gib"),
            suspect=suspect,
            machine=_machine(),
        )
        .sort("usd_per_hour", pl.col("storage_usd_per_gb_month").fill_null(0.0), "offer_id")
        .with_columns(n_offers=pl.len().over(CONFIGURATION))
        .unique([*CONFIGURATION, "machine"], keep="first", maintain_order=True)
    )


def _chosen(machines: pl.DataFrame, assumptions: Assumptions) -> pl.DataFrame:
    """One row per configuration: the offer whose price stands for it, and the market it was chosen from.

    p10: the machine at the tenth percentile, rounded up, so that no single host can set it. Where that machine is a
    bait suspect, and from 3 to 9 machines, median3: the median of the three cheapest above suspicion. A cloud's list
    price is its cheapest plan in stock. Quantiles are over all machines as listed, suspects included, so that marking
    one moves nothing.
    """
    ranked = _ruled(machines, CONFIGURATION, assumptions)
    terms = ["market", "price_kind", "usd_per_hour", "price_rule", "offer_id", "offer_key", "interconnect"]
    disk = ["storage_usd_per_gb_month", "included_disk_gb", "max_disk_gb", "egress_usd_per_gb", "ingress_usd_per_gb"]
    per_gpu = machines.with_columns(usd_per_hour=pl.col("usd_per_hour") / pl.col("gpu_count"))
    one_size = per_gpu.sort("usd_per_hour", "offer_id").unique(
        [*GPU_ON_BOARD, "machine"], keep="first", maintain_order=True
    )
    of_any_size = (
        _ruled(one_size, GPU_ON_BOARD, assumptions)
        .filter("stands")
        .select(
            *GPU_ON_BOARD,
            n_machines_any_size="n_machines",
            usd_per_gpu_hour_any_size=pl.when(pl.col("price_rule") != "thin").then("usd_per_hour"),
        )
    )
    return (
        ranked.filter("stands")
        .select(*CONFIGURATION, *terms, *disk, "reserved_discount", "provenance", "n_machines", "n_sound")
        .join(_market(ranked), on=CONFIGURATION, how="left", validate="1:1", maintain_order="left")
        .join(of_any_size, on=GPU_ON_BOARD, how="left", validate="m:1", maintain_order="left")
    )


def _ruled(machines: pl.DataFrame, keys: list[str], assumptions: Assumptions) -> pl.DataFrame:
    """Adds the rule each group of machines (cheapest first) is priced by, and which machine then `stands` for it."""
    suspect = pl.col("suspect")
    counted = machines.with_columns(
        place=pl.int_range(pl.len()).over(keys),
        n_machines=pl.len().over(keys).cast(pl.Int64),
        n_sound=(~suspect).sum().over(keys).cast(pl.Int64),
        sound_place=pl.when(~suspect).then((~suspect).cum_sum().over(keys).cast(pl.Int64) - 1),
    ).with_columns(at_p10=pl.col("place") == (pl.col("n_machines") + 8) // 10)
    enough = pl.col("n_machines") >= assumptions.p10_machines_min
    p10_is_sound = (pl.col("at_p10") & ~suspect).any().over(keys)
    rule = (
        pl.when(pl.col("market") == "cloud")
        .then(pl.lit("list"))
        .when(pl.col("n_sound") < assumptions.median_machines_min)
        .then(pl.lit("thin"))
        .when(enough & p10_is_sound)
        .then(pl.lit("p10"))
        .otherwise(pl.lit("median3"))
    )
    stands = (
        pl.when(pl.col("price_rule") == "p10")
        .then("at_p10")
        .when(pl.col("price_rule") == "median3")
        .then(pl.col("sound_place") == 1)
        .otherwise(pl.col("sound_place") == 0)
    )
    return counted.with_columns(price_rule=rule).with_columns(stands=stands.fill_null(False))


def _market(ranked: pl.DataFrame) -> pl.DataFrame:
    """p10 and p25 are rounded up to a machine, as the rule does; of two machines that would lie above the median."""
    price = pl.col("usd_per_hour")
    return ranked.group_by(CONFIGURATION).agg(
        usd_per_hour_min=price.min(),
        usd_per_hour_p10=pl.min_horizontal(price.filter("at_p10").first(), price.median()),
        usd_per_hour_p25=pl.min_horizontal(price.quantile(0.25, "higher"), price.median()),
        usd_per_hour_p50=price.median(),
        n_offers=pl.col("n_offers").first().cast(pl.Int64),
        n_hosts=pl.col("host_id").n_unique().cast(pl.Int64),
        n_bait_suspects=pl.col("suspect").sum().cast(pl.Int64),
        available_units=pl.col("available_units").sum().cast(pl.Int64),
        memory_gib=pl.col("memory_gib").min(),
        reliability=pl.col("reliability").median(),
        observed_at=pl.col("observed_at").min(),
    )


def _persistence(history: pl.DataFrame, assumptions: Assumptions) -> pl.DataFrame:
    """How long configurations and their offers last: `snapshots`, `is_new`, `survival_6h`, `survival_gap_hours`.

    `snapshots` counts the source's latest good runs in a row that sold the configuration. A configuration `is_new`
    when that is one and earlier runs were there to see it. Survival is the share of offers (by their stable key) that
    the next snapshot of the source sold again, brought to six hours at a constant hazard.
    """
    sold = (
        history.filter(pl.col("status") == "ok", pl.col("gpu").is_not_null(), "in_stock", ~pl.col("is_slice"))
        .with_columns(
            board=_board(assumptions),
            gpu_count=pl.max_horizontal(pl.col("min_purchase_gpus").cast(pl.Float64), "gpu_count").cast(pl.Int64),
        )
        .filter(pl.col("board").is_not_null())
    )
    runs = (
        history.filter(pl.col("status") == "ok")
        .group_by("source", "run_id")
        .agg(taken_at=pl.col("observed_at").max())
        .with_columns(back=pl.col("run_id").rank("dense", descending=True).over("source").cast(pl.Int64) - 1)
    )
    seen = sold.select(*CONFIGURATION, "run_id", "price_kind", "offer_key").unique()
    seen = seen.join(runs, on=["source", "run_id"], how="left", validate="m:1")
    return _snapshots(seen, has_earlier=history["run_id"].n_unique() > 1).join(
        _survival(seen, runs), on=CONFIGURATION, how="left", validate="1:1"
    )


def _snapshots(seen: pl.DataFrame, *, has_earlier: bool) -> pl.DataFrame:
    in_a_row = pl.col("back") == pl.int_range(pl.len()).over(CONFIGURATION)
    return (
        seen.select(*CONFIGURATION, "back")
        .unique()
        .sort(*CONFIGURATION, "back")
        .with_columns(in_a_row=in_a_row)
        .group_by(CONFIGURATION)
        .agg(snapshots=pl.col("in_a_row").sum().cast(pl.Int64))
        .with_columns(is_new=(pl.col("snapshots") < 2) & pl.lit(has_earlier))
    )


def _survival(seen: pl.DataFrame, runs: pl.DataFrame) -> pl.DataFrame:
    key = ["source", "price_kind", "offer_key"]
    later = seen.select(*key, back=pl.col("back") + 1, survived=pl.lit(1.0)).unique()
    next_run = runs.select("source", back=pl.col("back") + 1, next_at="taken_at")
    at_risk = seen.join(next_run, on=["source", "back"], how="inner", validate="m:1").join(
        later, on=[*key, "back"], how="left", validate="m:1"
    )
    gap = (pl.col("next_at") - pl.col("taken_at")).dt.total_seconds() / 3600
    return (
        at_risk.with_columns(gap_hours=gap, survived=pl.col("survived").fill_null(0.0))
        .filter(pl.col("gap_hours").is_between(0, LONGEST_GAP_HOURS, closed="right"))
        .group_by(CONFIGURATION)
        .agg(share=pl.col("survived").mean(), survival_gap_hours=pl.col("gap_hours").mean())
        .select(
            *CONFIGURATION,
            survival_6h=pl.col("share").pow(6 / pl.col("survival_gap_hours")),
            survival_gap_hours=pl.col("survival_gap_hours"),
        )
    )
