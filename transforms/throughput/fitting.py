"""Fits the factors of the calibration to measured rates: robust in the data, quadratic about the priors."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from transforms.throughput.calibration import NAMES, Calibration, Coefficients, ceiled
from transforms.throughput.columns import Floats, Rows
from transforms.throughput.published import Runs
from transforms.throughput.serving import steady_state

RESIDUAL_SCALE = 0.1
"""Log error beyond which a measurement counts linearly instead of squared."""
REACH = 4.0
"""Bound of every factor, in standard deviations of its prior."""
STEP = 1e-4
"""Of the logarithm of a coefficient, for the forward difference."""


def log_rate(runs: Runs, fit: Coefficients) -> Floats:
    """Logarithm of the output tokens/s of the whole system."""
    state = steady_state(runs.deployment, fit, runs.load, runs.batch)
    return np.asarray(np.log(state.output_tokens_per_s * runs.replicas), dtype=np.float64)


def predict(table: Calibration, values: Floats, runs: Runs) -> Floats:
    """Log rates with `values` in place of the fitted ones."""
    return log_rate(runs, _coefficients(np.log(np.append(values, 1.0)), table.index(runs.traits)))


def _coefficients(log_values: Floats, index: Mapping[str, Rows]) -> Coefficients:
    return ceiled({name: log_values[rows].sum(axis=0) for name, rows in index.items()})


def _rate_and_slope(runs: Runs, index: Mapping[str, Rows], logs: Floats) -> tuple[Floats, Floats]:
    """Log rates, and their derivatives by every log factor, shape (rows, factors).

    A rate depends on the factors only through the sixteen coefficients, so it is differenced by those and the chain
    rule does the rest.
    """
    padded = np.append(logs, 0.0)
    sums = {name: padded[rows].sum(axis=0) for name, rows in index.items()}
    rate = log_rate(runs, ceiled(sums))
    slope = np.zeros((len(rate), len(padded)))
    every = np.arange(len(rate))
    for name, rows in index.items():
        moved = log_rate(runs, ceiled(sums | {name: sums[name] + STEP}))
        for factor in rows:
            slope[every, factor] += (moved - rate) / STEP
    return rate, slope[:, :-1]


def fit(prior: pl.DataFrame, runs: Runs, measured: Floats, weights: Floats, start: Floats | None = None) -> Floats:
    """The value of every factor, in the order of `prior`.

    prior: columns coefficient, trait, key, prior, sd (of the logarithm). measured: output tokens/s. weights: 0..1.
    Minimises the pseudo-Huber (soft L1) loss of the log error plus the squared distance from the priors in units of
    sd, within REACH sd. Deterministic.
    """
    from scipy.optimize import least_squares  # only the fit needs it, and it takes a second to import

    table = Calibration.of(prior.with_columns(value="prior", rows=0.0))
    index = table.index(runs.traits)
    expected, sd, target = np.log(table.values), prior["sd"].cast(pl.Float64).to_numpy(), np.log(measured)
    low, high = expected - REACH * sd, expected + REACH * sd
    root = np.sqrt(weights)
    seen: dict[bytes, tuple[Floats, Floats]] = {}

    def evaluated(logs: Floats) -> tuple[Floats, Floats]:
        key = logs.tobytes()
        if key not in seen:
            seen.clear()
            rate, slope = _rate_and_slope(runs, index, logs)
            error, gain = _softened(rate - target)
            pull = (logs - expected) / sd
            seen[key] = (np.append(error * root, pull), np.vstack([slope * (gain * root)[:, None], np.diag(1.0 / sd)]))
        return seen[key]

    def residuals(logs: Floats) -> Floats:
        return evaluated(logs)[0]

    def jacobian(logs: Floats) -> Floats:
        return evaluated(logs)[1]

    first = expected if start is None else np.log(start)
    solution = least_squares(
        residuals,
        np.clip(first, low + 1e-9, high - 1e-9),
        jac=jacobian,
        bounds=(low, high),
        x_scale=sd,
        ftol=1e-4,
        xtol=1e-4,
        tr_solver="lsmr",
        max_nfev=60,
    )
    return np.asarray(np.exp(solution.x), dtype=np.float64)


def _softened(error: Floats) -> tuple[Floats, Floats]:
    """The signed root of the soft-L1 loss 2 (sqrt(1 + (error/scale)^2) - 1), and its derivative."""
    scaled = error / RESIDUAL_SCALE
    root = np.sqrt(1.0 + scaled**2)
    size = np.sqrt(2.0 * (root - 1.0))
    gain = np.where(
        size > 1e-9, np.abs(scaled) / (RESIDUAL_SCALE * root * np.maximum(size, 1e-9)), 1.0 / RESIDUAL_SCALE
    )
    return np.sign(error) * size, gain


def supported(prior: pl.DataFrame, runs: Runs) -> Rows:
    """Measurements that have each factor's trait, in the order of `prior`."""
    index = Calibration.of(prior.with_columns(value="prior", rows=0.0)).index(runs.traits)
    counts = np.zeros(prior.height + 1, dtype=np.intp)
    for name in NAMES:
        np.add.at(counts, index[name].ravel(), 1)
    return counts[:-1]
