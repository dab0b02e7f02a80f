"""The 80 % band: quantiles of held-out errors, by how the server is loaded and what stands near."""

from __future__ import annotations

import numpy as np
import polars as pl

from bench.crossvalidation import Measurements, cells, held_out, publishers
from transforms.throughput.band import support
from transforms.throughput.calibration import Calibration
from transforms.throughput.columns import Floats

QUANTILES = {"low": 0.1, "high": 0.9}
SCENARIOS = ("bs1", "fixed_concurrency", "offline_max", "saturated", "server")
FAR_WIDENS = float(np.log(1.2))
"""Least widening of each end where few measurements stand near: they cannot speak for it themselves."""
SWEEPS = 12
PULL = 12.0
"""Measurements' worth of doubt that a scenario's band differs from the common one."""


def band_rows(fitted: pl.DataFrame, measurements: Measurements) -> pl.DataFrame:
    """Rows `low` and `high` of the calibration: factors on an estimate, by scenario, expert models and support."""
    prior = fitted.drop("value", "rows")
    log_measured = np.log(measurements.measured)
    unseen = {
        name: log_measured - held_out(prior, measurements, groups(measurements))
        for name, groups in (("publisher", publishers), ("cell", cells))
    }
    return fitted_bands(Calibration.of(fitted), measurements, learned_from(unseen["publisher"], unseen["cell"]))


def learned_from(publisher: Floats, cell: Floats) -> Floats:
    """Errors a band is learned from, shape (3, rows): those with the publisher left out count twice.

    A reader's machine is rarely as far from the data as a publisher nobody has seen, nor as near as one more
    (publisher, model, GPU).
    """
    return np.stack([publisher, publisher, cell])


def fitted_bands(table: Calibration, measurements: Measurements, errors: Floats) -> pl.DataFrame:
    """errors: log(measured / predicted), shape (ways of leaving out, rows)."""
    design, names = _design(table, measurements)
    weights = np.tile(measurements.weights, len(errors))
    rows = []
    for end, quantile in QUANTILES.items():
        effects = _quantile_effects(np.tile(design, (len(errors), 1)), errors.ravel(), weights, quantile)
        far = names.index(("support", "far"))
        effects[far] = min(effects[far], -FAR_WIDENS) if end == "low" else max(effects[far], FAR_WIDENS)
        for (trait, key), effect, count in zip(names, effects, design.sum(axis=0), strict=True):
            rows.append((end, trait, key, float(np.exp(effect)), None, None, int(count)))
    schema = ["coefficient", "trait", "key", "value", "prior", "sd", "rows"]
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(
        pl.col("value").round_sig_figs(6), pl.col("prior", "sd").cast(pl.Float64)
    )


def _design(table: Calibration, measurements: Measurements) -> tuple[Floats, list[tuple[str, str]]]:
    traits = {**measurements.runs.traits, "support": support(table, measurements.runs.traits)}
    names = [("all", ""), *(("scenario", scenario) for scenario in SCENARIOS), ("mixture", "moe"), ("support", "far")]
    return np.stack([traits[trait].isin([key]).astype(np.float64) for trait, key in names], axis=1), names


def _quantile_effects(design: Floats, target: Floats, weights: Floats, quantile: float) -> Floats:
    """Additive effects that sum to the wanted quantile of `target`, by backfitting; all but the first pulled to 0."""
    effects = np.zeros(design.shape[1])
    held = design > 0
    for _ in range(SWEEPS):
        for column in (*range(1, len(effects)), 0):
            inside = held[:, column]
            rest = target[inside] - design[inside] @ effects + effects[column]
            count = float(weights[inside].sum())
            trust = 1.0 if column == 0 else count / (count + PULL)
            effects[column] = trust * _quantile(rest, weights[inside], quantile) if len(rest) else 0.0
    return effects


def _quantile(values: Floats, weights: Floats, quantile: float) -> float:
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(reached, quantile * reached[-1])])
