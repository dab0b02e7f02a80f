"""`python -m bench.accuracy`: how far the estimates are from measurements they have not seen.

Prints the tables, and writes docs/accuracy.md with its plots. Takes a few minutes: every publisher, then every GPU, is
left out and the rest fitted anew. The rows of aiconfigurator come from bench/aiconfigurator.csv (see
bench/run_aiconfigurator.py); without that file its rows are left out and the page says so.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from scipy.stats import spearmanr

from bench import accuracy_plots
from bench.bands import fitted_bands, learned_from
from bench.calibrate import COLUMNS, priors
from bench.crossvalidation import Measurements, cells, gpu_groups, held_out, publishers
from bench.naive import naive_rates
from transforms.throughput.band import ENDS, band_factors
from transforms.throughput.calibration import Calibration
from transforms.throughput.columns import Floats, take
from transforms.throughput.fitting import fit, predict
from warehouse.reference import reference

DOCS = Path(__file__).parents[1] / "docs"
SECOND_OPINION = Path(__file__).parent / "aiconfigurator.csv"
DISTINCT = 1.2
"""Pairs of GPUs whose measured rates differ by less are not told apart by anyone."""
MANY = 20
"""Measurements a GPU needs to stand in the table by itself."""


def errors(predicted: Floats, measured: Floats) -> dict[str, float]:
    """Logs in, shares of the measured rate out."""
    log = predicted - measured
    ratio = np.abs(np.expm1(log))
    return {
        "rows": len(log),
        "MdAPE %": 100 * float(np.median(ratio)),
        "MAPE %": 100 * float(ratio.mean()),
        "median ratio": float(np.exp(np.median(log))),
        "Spearman": float(spearmanr(predicted, measured).statistic),
        "within 2x %": 100 * float((np.abs(log) < np.log(2)).mean()),
    }


def by_trait(frame: pl.DataFrame, trait: str, least: int = 1) -> pl.DataFrame:
    """frame: log_error per row. Rows per value of `trait`, the most measured first."""
    ratio = (pl.col("log_error").exp() - 1).abs()
    return (
        frame.group_by(trait)
        .agg(
            rows=pl.len(),
            mdape=(100 * ratio.median()).round(1),
            ratio=pl.col("log_error").median().exp().round(2),
            within_2x=(100 * (pl.col("log_error").abs() < np.log(2)).mean()).round(0),
        )
        .filter(pl.col("rows") >= least)
        .sort("rows", trait, descending=[True, False])
        .rename({"mdape": "MdAPE %", "ratio": "median ratio", "within_2x": "within 2x %"})
    )


def ordered_pairs(frame: pl.DataFrame) -> tuple[int, int, float]:
    """Of the pairs of GPUs that one publisher measured alike, the share ordered as measured.

    A cell is a publisher, engine, model, quantisation, GPU count, load and lengths with at least three GPUs. Returns
    the number of cells, of pairs that differ by DISTINCT, and the share.
    """
    cell = ["publisher", "engine", "model", "quant", "gpu_count", "scenario", "concurrency", "isl_bin", "osl_bin"]
    binned = frame.with_columns(
        isl_bin=(pl.col("isl_tokens").fill_null(0) + 1).log(1.3).round(0),
        osl_bin=(pl.col("osl_tokens").fill_null(0) + 1).log(1.3).round(0),
        concurrency=pl.col("concurrency").fill_null(0),
    )
    points = binned.group_by(*cell, "gpu").agg(pl.col("log_measured", "log_predicted").mean())
    wide = points.filter(pl.len().over(cell) >= 3)
    pairs = wide.join(wide, on=cell, how="inner", suffix="_other", validate="m:m").filter(
        pl.col("gpu") < pl.col("gpu_other")
    )
    apart = pairs.with_columns(
        measured=pl.col("log_measured") - pl.col("log_measured_other"),
        predicted=pl.col("log_predicted") - pl.col("log_predicted_other"),
    ).filter(pl.col("measured").abs() > np.log(DISTINCT))
    right = (apart["measured"].sign() == apart["predicted"].sign()).mean()
    return wide.select(cell).n_unique(), apart.height, float(right) if isinstance(right, float) else float("nan")


def covered(m: Measurements, error: Floats, low: Floats, high: Floats) -> dict[str, float]:
    """error: log(measured / predicted). Share of core rows inside the band, and the band's median width."""
    inside = (np.exp(error) >= low) & (np.exp(error) <= high)
    width = np.median((high / low)[m.core])
    return {"covered %": 100 * float(inside[m.core].mean()), "median high / low": float(width)}


def band_without(fitted: pl.DataFrame, m: Measurements, errors: Floats) -> dict[str, Floats]:
    """The band of every row, learned without any error of its publisher."""
    groups = publishers(m)
    found = {end: np.zeros(len(m.measured)) for end in ENDS}
    for group in np.unique(groups):
        here, rest = np.nonzero(groups == group)[0], np.nonzero(groups != group)[0]
        table = Calibration.of(pl.concat([fitted, fitted_bands(Calibration.of(fitted), m.at(rest), errors[:, rest])]))
        for end, factor in band_factors(table, take(m.runs, here).traits).items():
            found[end][here] = factor
    return found


def band_table(study: Study) -> list[dict[str, object]]:
    m = study.m
    error = {way: study.measured - predicted for way, predicted in study.predicted.items()}
    errors = learned_from(error["publisher left out"], error["(publisher, model, GPU) left out"])
    shipped = Calibration.of(pl.concat([study.fitted, fitted_bands(Calibration.of(study.fitted), m, errors)]))
    ways = ("publisher left out", "GPU left out", "(publisher, model, GPU) left out")
    bands = {
        "as shipped": band_factors(shipped, m.runs.traits),
        "learned without that publisher": band_without(study.fitted, m, errors),
    }
    return [
        {"band": name, "estimate": way, **covered(m, error[way], band["low"], band["high"])}
        for name, band in bands.items()
        for way in ways
    ]


def markdown(table: pl.DataFrame | list[dict[str, object]]) -> str:
    frame = pl.DataFrame(table) if isinstance(table, list) else table
    lines = ["| " + " | ".join(frame.columns) + " |", "|" + "---|" * frame.width]
    lines += ["| " + " | ".join(_cell(value) for value in row) + " |" for row in frame.iter_rows()]
    return "\n".join(lines)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4f}" if 0.9 < value < 1 and round(value, 2) != value else f"{value:,.4g}"
    return "" if value is None else str(value)


class Study:
    """The fits and what they predict for every row, as logs."""

    def __init__(self) -> None:
        self.m = Measurements.load()
        self.prior = priors()
        self.measured = np.log(self.m.measured)
        values = fit(self.prior, self.m.runs, self.m.measured, self.m.weights)
        rows = reference("calibration").head(len(values))["rows"]
        self.fitted = self.prior.with_columns(value=pl.Series(values), rows=rows).select(COLUMNS)
        empty = Calibration.of(self.prior.with_columns(value="prior", rows=0.0))
        self.predicted = {
            "publisher left out": held_out(self.prior, self.m, publishers(self.m)),
            "GPU left out": held_out(self.prior, self.m, gpu_groups(self.m)),
            "(publisher, model, GPU) left out": held_out(self.prior, self.m, cells(self.m)),
            "priors alone": predict(empty, empty.values, self.m.runs),
            "fitted to all (in sample)": predict(empty, values, self.m.runs),
        }

    def frame(self, way: str) -> pl.DataFrame:
        """Core rows with facts, traits and errors."""
        predicted = self.predicted[way]
        batch = np.exp2(np.round(np.log2(self.m.runs.batch) / 2) * 2)
        return self.m.frame.with_columns(
            log_measured=pl.Series(self.measured),
            log_predicted=pl.Series(predicted),
            log_error=pl.Series(predicted - self.measured),
            batch=pl.Series(batch).cast(pl.Int64),
        ).filter(pl.Series(self.m.core))


def main() -> None:
    study = Study()
    page = "\n\n".join(_sections(study)) + "\n"
    accuracy_plots.write(study.frame("publisher left out"), DOCS / "accuracy")
    (DOCS / "accuracy.md").write_text(page, encoding="utf-8")
    print(page)


def _sections(study: Study) -> list[str]:
    m, core = study.m, study.m.core
    unseen = study.frame("publisher left out")
    rows = [{"estimate": name, **errors(p[core], study.measured[core])} for name, p in study.predicted.items()]
    rows += [
        {"estimate": name, **errors(p[core], study.measured[core])} for name, p in naive_rates(m.frame, m.runs).items()
    ]
    found, pairs, right = ordered_pairs(unseen)
    answered = 100 * float(m.runs.fits[core].mean())
    return [
        INTRODUCTION.format(
            rows=len(core), core=int(core.sum()), publishers=len(np.unique(publishers(m))), answered=answered
        ),
        "## All rows\n\n" + markdown(rows),
        "![Predicted against measured output tokens per second, publisher left out](accuracy/scatter.png)",
        "## The band\n\n" + markdown(band_table(study)) + "\n\n" + BAND,
        "## Order of GPUs\n\n"
        + f"{found} cells in which one publisher measured at least three GPUs alike hold {pairs} pairs that differ by "
        + f"more than 20 %. The fit without that publisher orders {100 * right:.1f} % of them as measured.",
        "## By GPU, publisher left out\n\n" + markdown(by_trait(unseen, "gpu", MANY)),
        "![Error by GPU](accuracy/gpu.png)",
        "## By GPU, that GPU left out\n\n" + markdown(by_trait(study.frame("GPU left out"), "gpu", MANY)),
        "## By scenario, publisher left out\n\n" + markdown(by_trait(unseen, "scenario")),
        "![Error by scenario](accuracy/scenario.png)",
        "## By quantisation, publisher left out\n\n" + markdown(by_trait(unseen, "quant")),
        "![Error by quantisation](accuracy/quant.png)",
        "## Dense and expert models, publisher left out\n\n" + markdown(by_trait(unseen, "mixture")),
        "## By batch per replica, publisher left out\n\n" + markdown(by_trait(unseen, "batch").sort("batch")),
        "![Error by batch](accuracy/batch.png)",
        "## By publisher, left out\n\n" + markdown(by_trait(unseen, "publisher")),
        _second_opinion(study),
        _shortfalls(unseen),
    ]


BAND = """The band is 80 % wide by construction on the errors it is learned from: those with the publisher left out,
twice, and those with the (publisher, model, GPU) left out, once. A row of a known publisher falls inside more often
than that, a row of a publisher with habits nobody has seen less often: the last three lines learn the band itself
without them."""
INTRODUCTION = """# How far the estimates are from measurements

Written by `python -m bench.accuracy`; every figure here comes out of that command. {rows:,} published measurements
stand in `warehouse/reference/benchmarks.csv`, each with its source. Errors are counted on the {core:,} of the core
sample, which is capped per GPU, model and quantisation.

*Publisher left out*: every row of one of the {publishers} publishers is removed, the calibration fitted anew to the
others, and the removed rows predicted from their conditions alone. *GPU left out* likewise. {answered:.1f} % of the
core rows get an answer; the rest do not fit the memory of the GPU they name.

MdAPE is the median of |predicted / measured - 1|. Ratio is predicted over measured."""


def _second_opinion(study: Study) -> str:
    title = "## Beside aiconfigurator\n\n"
    if not SECOND_OPINION.exists():
        return title + "Not compared: bench/aiconfigurator.csv is missing; bench/run_aiconfigurator.py makes it."
    theirs = pl.read_csv(SECOND_OPINION).drop_nulls("output_tokens_per_s")
    position = {name: row for row, name in enumerate(study.m.frame["benchmark"])}
    theirs = theirs.filter(pl.col("benchmark").is_in(list(position)))
    rows = np.array([position[name] for name in theirs["benchmark"]])
    them, measured = np.log(theirs["output_tokens_per_s"].to_numpy()), study.measured[rows]
    table: list[dict[str, object]] = [{"estimate": "aiconfigurator 0.12.0 (HYBRID)", **errors(them, measured)}]
    table += [{"estimate": f"ours, {way}", **errors(p[rows], measured)} for way, p in study.predicted.items()]
    ours = study.predicted["publisher left out"][rows]
    table.append({"estimate": "geometric mean of both, ours publisher left out", **errors((them + ours) / 2, measured)})
    frame = study.m.frame[rows].with_columns(ours=pl.Series(ours - measured), theirs=pl.Series(them - measured))
    split = (
        frame.group_by("publisher")
        .agg(
            pl.len().alias("rows"),
            (100 * (pl.col("ours").exp() - 1).abs().median()).round(1).alias("ours MdAPE %"),
            (100 * (pl.col("theirs").exp() - 1).abs().median()).round(1).alias("aiconfigurator MdAPE %"),
        )
        .sort("rows", descending=True)
    )
    return (
        title
        + "Core rows it can answer: GPUs, engines and models it has tables or data for, at a stated concurrency.\n"
        + "Its kernel tables were measured on the very GPUs and engines of most of these rows.\n\n"
        + markdown(table)
        + "\n\nBy publisher, ours with that publisher left out:\n\n"
        + markdown(split)
        + "\n\n"
        + BEHIND
    )


BEHIND = """Where aiconfigurator is ahead, it is on rows of current engines and GPUs that its kernel tables were
measured on, against a fit that has been denied every measurement of them. With only the (publisher, model, GPU) or the
GPU left out, ours is ahead on the same rows. It has no consumer card, no RTX A6000, A40 or A10, and no AMD GPU."""


def _shortfalls(unseen: pl.DataFrame) -> str:
    """What misses its target with the publisher left out."""
    targets = (("gpu", 30.0, MANY), ("scenario", 25.0, 1), ("mixture", 28.0, 1))
    missed = [
        f"- {trait} {row[trait]}: {row['MdAPE %']} % on {row['rows']} rows, target {limit:.0f} %"
        for trait, limit, least in targets
        for row in by_trait(unseen, trait, least).iter_rows(named=True)
        if row["MdAPE %"] > limit
    ]
    body = "\n".join(missed) if missed else "None."
    return "## Targets missed, publisher left out\n\n" + body + ("\n\n" + REASONS if missed else "")


REASONS = """Where nearly all measurements of a GPU come from one publisher, leaving that publisher out leaves the GPU,
and often its whole generation of kernels and engines, unmeasured: the figure then shows what priors and older
software say about it. The table *that GPU left out* shows the same GPUs with the rest of their generation kept."""


if __name__ == "__main__":
    main()
