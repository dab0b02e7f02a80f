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
PULL = 12.0
"""Measurements' worth of doubt that a scenario's band differs from the common one."""


def band_rows(fitted: pl.DataFrame, measurements: Measurements) -> pl.DataFrame:
    """Rows `low` and `high` of the calibration: factors on an estimate, by scenario, expert models and support.

    Half of the errors come from leaving out the publisher, half from leaving out the (publisher, model, GPU): a
    reader's machine is as far from the data as something between the two.
    """
    prior = fitted.drop("value", "rows")
    values = fitted["value"].to_numpy()
    errors = [
        np.log(measurements.measured) - held_out(prior, measurements, groups, values)
        for groups in (publishers(measurements), cells(measurements))
    ]
    return fitted_bands(Calibration.of(fitted), measurements, np.stack(errors))


def fitted_bands(table: Calibration, measurements: Measurements, errors: Floats) -> pl.DataFrame:
    """errors: log(measured / predicted), shape (ways of leaving out, rows)."""
    design, names = _design(table, measurements)
    weights = np.tile(measurements.weights, len(errors))
    rows = []
    for end, quantile in QUANTILES.items():
        effects = _quantile_regression(np.tile(design, (len(errors), 1)), errors.ravel(), weights, quantile)
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


def _quantile_regression(design: Floats, target: Floats, weights: Floats, quantile: float) -> Floats:
    """Minimises the pinball loss plus PULL times the size of every effect but the first (a linear programme)."""
    from scipy.optimize import linprog  # only this command needs it
    from scipy.sparse import csr_matrix, eye, hstack

    rows, columns = design.shape
    pull = np.full(columns, PULL)
    pull[0] = 0.0
    cost = np.concatenate([pull, pull, quantile * weights, (1 - quantile) * weights])
    sparse = csr_matrix(design)
    matrix = hstack([sparse, -sparse, eye(rows), -eye(rows)], format="csr")
    found = linprog(cost, A_eq=matrix, b_eq=target, bounds=(0, None), method="highs")
    assert found.success, found.message
    effects = np.asarray(found.x, dtype=np.float64)
    return effects[:columns] - effects[columns : 2 * columns]
