"""The seed article's quantitative claims, recomputed from its own inputs.

Claims and inputs are rows of `reference/article_claims.csv`; `transforms.article` holds the arithmetic, this module
judges. A claim holds where its numbers come out as printed, or within the tolerance its row states. Where they do not,
it `fails` against its own inputs or is `inconsistent` with another figure of the article; the row says which it is held
against.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

import polars as pl

from transforms import cost
from transforms.article import FORMULAS, Numbers


def claims(article_claims: pl.DataFrame) -> pl.DataFrame:
    """Judge every claim.

    Returns claim_id, claim, inputs, recomputed, verdict (holds | fails | inconsistent), right_number, qualifier.
    Raises ValueError naming the claim whose row cannot be read.
    """
    rows = article_claims.with_columns(
        pl.col("part", "claimed", "comparison", "against", "qualifier", "evidence").cast(pl.String).fill_null("")
    )
    judged = [_judged(name, rows.filter(claim=name)) for name in rows["claim"].unique(maintain_order=True)]
    columns = ("claim_id", "claim", "inputs", "recomputed", "verdict", "right_number", "qualifier")
    return pl.DataFrame(judged, schema=dict.fromkeys(columns, pl.String()), orient="row")


def evidence(
    audited: pl.DataFrame, article_claims: pl.DataFrame, gpu_prices: pl.DataFrame, api_prices: pl.DataFrame
) -> pl.DataFrame:
    """Add what today's prices say to the claims they bear on: `live_evidence` with its date, `evidence_at`."""
    asked = article_claims.filter(pl.col("part").fill_null("") == "").select(
        "claim", pl.col("evidence").cast(pl.String).fill_null("")
    )
    found = [(claim, *_market_says(question, gpu_prices, api_prices)) for claim, question in asked.iter_rows()]
    said = pl.DataFrame(
        found,
        schema={"claim_id": pl.String(), "live_evidence": pl.String(), "evidence_at": pl.Datetime("us", "UTC")},
        orient="row",
    )
    return audited.join(said, on="claim_id", how="left", validate="1:1", maintain_order="left")


def article_rows(rows: pl.DataFrame) -> pl.DataFrame:
    """Reproduce the article's tables: five configurations, three APIs, four utilisations.

    Adds `usd_per_mtok_article`, rounded as the article rounds, and `usd_per_mtok_exact`. An API row is its output
    price, since the article counts generated tokens.
    """
    return cost.article(rows).with_columns(
        pl.coalesce("usd_per_mtok_exact", "output_usd_per_mtok").alias("usd_per_mtok_exact"),
        pl.coalesce("usd_per_mtok_article", "output_usd_per_mtok").alias("usd_per_mtok_article"),
    )


def throughput_questions(article_throughput: pl.DataFrame, gpus: pl.DataFrame) -> pl.DataFrame:
    """The article's throughput figures as configurations to estimate, without limits, at the measured conditions."""
    return (
        article_throughput.join(gpus.select("gpu", "memory_gib"), on="gpu", how="left", validate="m:1")
        .with_row_index("question")
        .with_columns(
            interconnect=pl.lit("pcie"),
            cached_input_fraction=pl.lit(0.0),
            ttft_slo_ms=pl.lit(None, pl.Float64),
            min_tokens_per_s_per_user=pl.lit(None, pl.Float64),
        )
    )


def throughput(estimates: pl.DataFrame) -> pl.DataFrame:
    """The article's figure, ours and the measured one; `estimates` answer `throughput_questions`."""
    return estimates.sort("question").select(
        "figure",
        "condition",
        "article_tokens_per_s",
        our_tokens_per_s=pl.when("fits").then("output_tokens_per_s"),
        our_tokens_per_s_low=pl.when("fits").then("output_tokens_per_s_low"),
        our_tokens_per_s_high=pl.when("fits").then("output_tokens_per_s_high"),
        measured_tokens_per_s="measured_tokens_per_s",
        source="source",
    )


def _judged(name: str, rows: pl.DataFrame) -> tuple[str, ...]:
    main, *others = rows.iter_rows(named=True)
    try:
        computed = _computed(main)
        verdict = _verdict(main, computed)
        shown = main["shown"].format(*computed)
        right = [shown, *(f"{row['part']}: {row['shown'].format(*_computed(row))}" for row in others)]
    except (KeyError, TypeError, ValueError, IndexError, ArithmeticError) as wrong:
        raise ValueError(f"article_claims.csv: {name}: {wrong}") from wrong
    return name, main["statement"], main["inputs"], shown, verdict, "; ".join(right), main["qualifier"]


def _computed(row: Mapping[str, str]) -> Numbers:
    inputs = dict(pair.strip().split("=") for pair in row["inputs"].split(";"))
    return FORMULAS[row["formula"]](**{name: float(value) for name, value in inputs.items()})


def _verdict(row: Mapping[str, str], computed: Numbers) -> str:
    """The article prints its numbers; what is recomputed must round to what is printed, unless the row says else."""
    printed = [Decimal(number.strip()) for number in row["claimed"].split(";")]
    comparison, _, tolerance = row["comparison"].partition(" ")
    stated = [float(number) for number in printed]
    if comparison == "at_least":
        holds = min(computed) >= max(stated)
    elif comparison == "at_most":
        holds = max(stated) >= max(computed)
    elif comparison == "within":
        holds = min(computed) <= min(stated) and max(stated) <= max(computed)
    elif comparison == "relative":
        holds = all(
            abs(ours - theirs) <= float(tolerance) * abs(theirs) for ours, theirs in zip(computed, stated, strict=True)
        )
    elif comparison == "printed":
        holds = all(
            Decimal(ours).quantize(theirs, ROUND_HALF_UP) == theirs
            for ours, theirs in zip(computed, printed, strict=True)
        )
    else:
        raise ValueError(f"unknown comparison {comparison!r}")
    if holds:
        return "holds"
    return {"inputs": "fails", "article": "inconsistent"}[row["against"]]


def _market_says(
    question: str, gpu_prices: pl.DataFrame, api_prices: pl.DataFrame
) -> tuple[str | None, datetime | None]:
    kind, *words = question.split() or ["nothing"]
    if kind == "gpu":
        return _gpu_today(words[0], words[1:], gpu_prices)
    if kind == "api":
        return _api_today(words[0], api_prices)
    return None, None


def _gpu_today(board: str, gpus: Sequence[str], gpu_prices: pl.DataFrame) -> tuple[str | None, datetime | None]:
    """The lowest price per GPU that machines of any size bear out."""
    per_gpu = "usd_per_gpu_hour_any_size"
    ranked = gpu_prices.filter(
        pl.col("board") == board,
        pl.col("gpu").is_in(gpus),
        pl.col(per_gpu).is_not_null(),
        pl.col("freshness") != "expired",
    ).sort(per_gpu, "gpu", "source", "gpu_count")
    if ranked.is_empty():
        return f"no {' or '.join(gpus)} can be priced on the {board} board", None
    best = ranked.row(0, named=True)
    floor = ", a floor below which no bid is taken" if best["price_kind"] == "spot_floor" else ""
    text = f"{best['gpu']}: {best[per_gpu]:.3f} USD per GPU and hour at {best['source']} ({board}{floor})"
    return text, best["observed_at"]


def _api_today(model: str, api_prices: pl.DataFrame) -> tuple[str | None, datetime | None]:
    """The cheapest seller by input plus output price, standard tier, short prompts."""
    listed = api_prices.filter(
        pl.col("model") == model,
        pl.col("status") == "ok",
        pl.col("channel") != "registry",
        pl.col("tier") == "standard",
        pl.col("context_min_tokens") == 0,
        pl.col("time_band") == "all",
        pl.col("component").is_in(["input", "output"]),
        pl.col("usd_per_mtok").is_not_null(),
    )
    sellers = (
        listed.with_columns(pl.col("usd_per_mtok").cast(pl.Float64))
        .group_by("provider", "source", "endpoint", "quant")
        .agg(
            input=pl.col("usd_per_mtok").filter(pl.col("component") == "input").last(),
            output=pl.col("usd_per_mtok").filter(pl.col("component") == "output").last(),
            observed_at=pl.col("observed_at").max(),
        )
        .drop_nulls(["input", "output"])
        .sort(pl.col("input") + pl.col("output"), "provider", "source", "endpoint")
    )
    if sellers.is_empty():
        return f"no price of {model} is known today", None
    best = sellers.row(0, named=True)
    return f"{model}: {best['input']:.2f} in, {best['output']:.2f} out at {best['provider']}", best["observed_at"]
