"""API prices: every guard in turn, then one status per row, the last good beside it, and a log of what moved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from transforms.quality import limits
from transforms.quality.agreement import compare, with_agreement
from transforms.quality.history import carry_forward, size_of_move, with_movement, with_past
from transforms.quality.rows import names_of_true, one_row_per_key, with_row_reasons
from transforms.quality.sources import judge_sources

_TEXT_LIST = pl.List(pl.String)


@dataclass(frozen=True)
class Checked:
    """What `check_prices` answers; the columns stand there."""

    prices: pl.DataFrame
    changes: pl.DataFrame
    sources: pl.DataFrame
    agreement: pl.DataFrame


def check_prices(
    prices: pl.DataFrame,
    asked: pl.DataFrame,
    as_of: datetime,
    *,
    last_good: pl.DataFrame,
    previous: pl.DataFrame,
    decisions: pl.DataFrame,
    trailing_counts: pl.DataFrame,
    exceptions: pl.DataFrame,
    provider_names: pl.DataFrame,
) -> Checked:
    """Gives every price of one run a status and its reasons, and carries the last good one where none can be published.

    prices: the fields of an ApiPrice with model, quant, observed_at; all API sources, registries too; USD per Mtok.
    Other columns pass through; a carried row takes this run's run_id and keeps its own of all else.
    asked: source, outcome ok|partial|failed, canaries, min_records, suspect (a doubt raised elsewhere, or null).
    last_good: per price_key the newest row that was ok. previous: the rows of each source's run before this one.
    decisions: decided_at, subject (a price_key), value_usd_per_mtok, verdict accept|reject.
    trailing_counts: source, records, one row per earlier run. exceptions: source, model_name, rule.
    provider_names: provider_name (lower case, letters and digits), provider.

    Answer: prices (columns of the input + price_key, status, reasons; per key this run's row and at most one carried),
    changes (old, new, factor, verdict accepted|held|rejected|expected, evidence), sources (verdicts and counts),
    agreement (each price against its second readings).
    """
    rows = one_row_per_key(prices)
    rows = with_row_reasons(rows, exceptions)
    rows = with_movement(with_past(rows, last_good, previous, decisions), as_of)
    agreement = compare(rows, last_good, provider_names)
    rows = with_agreement(rows, agreement)
    verdicts = judge_sources(asked, rows, previous, trailing_counts)
    rows = rows.join(
        verdicts.select("source", "verdict"), on="source", how="left", validate="m:1", maintain_order="left"
    )
    rows = _with_status(rows)
    kept = carry_forward(rows, verdicts, last_good, previous, as_of)
    if "run_id" in prices.columns:
        kept = kept.with_columns(run_id=pl.lit(prices["run_id"].first(), pl.String))
    columns = [*prices.columns, "price_key", "status", "reasons"]
    checked = pl.concat([rows.select(columns), kept.select(columns)], how="vertical_relaxed")
    return Checked(checked, _changes(rows), _with_counts(verdicts, checked), agreement)


def _with_status(rows: pl.DataFrame) -> pl.DataFrame:
    """Adds status and reasons. The first case that applies decides; a person comes before every guard."""
    size = size_of_move()
    new, usd = pl.col("old_usd_per_mtok").is_null(), pl.col("usd_per_mtok").cast(pl.Float64)
    from_known = pl.max_horizontal(pl.col("known_least") / usd, usd / pl.col("known_most"))
    holds = {
        "jump_2x": size >= limits.HOLD_FACTOR,
        "new_far_from_known": new & (from_known >= limits.REJECT_FACTOR),
        "new_far_from_second": new & (pl.col("nearest_factor") >= limits.REJECT_FACTOR),
        "source_frozen": pl.col("verdict") == "frozen",
        "source_suspect": (pl.col("verdict") == "suspect") & (new | pl.col("moved")),
    }
    rows = rows.with_columns(
        holds=names_of_true(rows.select(**{name: hold.fill_null(value=False) for name, hold in holds.items()})),
        repeated=(pl.col("was_status") == "held").fill_null(value=False),
    )
    held = pl.col("holds").list.len() > 0
    confirmed = held & pl.col("repeated") & pl.col("confirmed_by").is_not_null()
    jump = (size >= limits.REJECT_FACTOR).fill_null(value=False)
    positive = pl.col("usd_per_mtok") > 0
    cases: list[tuple[pl.Expr, str, pl.Expr]] = [
        (
            (pl.col("person") == "accept") & positive & (pl.col("listing") != "retired"),
            "ok",
            pl.lit(["accepted_by_person"]),
        ),
        (pl.col("person") == "reject", "quarantined", pl.lit(["rejected_by_person"])),
        (pl.col("listing") == "contact_sales", "contact_sales", _none()),
        (pl.col("distrusted"), "quarantined", _none()),
        (pl.col("listing") == "retired", "retired", _none()),
        (pl.col("expected"), "ok", pl.lit(["promo_ended"])),
        (jump, "quarantined", pl.lit(["jump_10x"])),
        (confirmed, "ok", pl.lit(["confirmed"])),
        (held, "held", pl.col("holds")),
    ]
    status, said = pl.lit("ok"), _none()
    for applies, name, reasons in reversed(cases):
        status = pl.when(applies).then(pl.lit(name)).otherwise(status)
        said = pl.when(applies).then(reasons).otherwise(said)
    return rows.with_columns(status=status, reasons=pl.concat_list(said, "row_reasons", "agreement_reasons"))


def _none() -> pl.Expr:
    return pl.lit([], _TEXT_LIST)


def _changes(rows: pl.DataFrame) -> pl.DataFrame:
    """Every row whose price is not its last good one; what was judged so in the run before is not logged again."""
    news = pl.col("moved") & (pl.col("listing") != "retired") & pl.col("status").ne_missing(pl.col("was_status"))
    verdict = (
        pl.when(pl.col("status") == "held")
        .then(pl.lit("held"))
        .when(pl.col("status") != "ok")
        .then(pl.lit("rejected"))
        .when(pl.col("reasons").list.contains("promo_ended"))
        .then(pl.lit("expected"))
        .otherwise(pl.lit("accepted"))
    )
    seconds = pl.when(pl.col("confirmed_by").is_not_null()).then(pl.format("agrees: {}", "confirmed_by"))
    raw = pl.when(pl.col("raw_text") != "").then(pl.format("read: {}", pl.col("raw_text").str.slice(0, 120)))
    return rows.filter(news).select(
        "observed_at",
        "source",
        "price_key",
        "provider",
        "model",
        "component",
        "tier",
        "old_usd_per_mtok",
        new_usd_per_mtok="usd_per_mtok",
        factor="factor",
        verdict=verdict,
        evidence=pl.concat_str(
            pl.col("reasons").list.join(", "), seconds, raw, separator="; ", ignore_nulls=True
        ).str.strip_prefix("; "),
    )


def _with_counts(verdicts: pl.DataFrame, checked: pl.DataFrame) -> pl.DataFrame:
    from_before = pl.col("reasons").list.contains("carried_forward")
    status = pl.col("status")
    counts = checked.group_by("source").agg(
        ok=((status == "ok") & ~from_before).sum().cast(pl.Int64),
        held=(status == "held").sum().cast(pl.Int64),
        quarantined=(status == "quarantined").sum().cast(pl.Int64),
        carried=((status == "ok") & from_before).sum().cast(pl.Int64),
        stale=(status == "stale").sum().cast(pl.Int64),
        retired=(status == "retired").sum().cast(pl.Int64),
        contact_sales=(status == "contact_sales").sum().cast(pl.Int64),
    )
    joined = verdicts.join(counts, on="source", how="left", validate="1:1", maintain_order="left")
    return joined.with_columns(
        pl.col("ok", "held", "quarantined", "carried", "stale", "retired", "contact_sales").fill_null(0)
    )
