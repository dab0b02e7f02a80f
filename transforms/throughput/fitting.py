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
"""Of the logarithm of a coefficient, for the central difference."""
GRADIENT = 1e-4
"""Where the fit ends: the norm of the gradient by moves of one sd, which starts in the hundreds."""


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
        above, below = (log_rate(runs, ceiled(sums | {name: sums[name] + step})) for step in (STEP, -STEP))
        for factor in rows:
            slope[every, factor] += (above - below) / (2.0 * STEP)
    return rate, slope[:, :-1]


def fit(prior: pl.DataFrame, runs: Runs, measured: Floats, weights: Floats, start: Floats | None = None) -> Floats:
    """The value of every factor, in the order of `prior`.

    prior: columns coefficient, trait, key, prior, sd (of the logarithm). measured: output tokens/s. weights: 0..1.
    Minimises the soft-L1 loss of the log error plus the squared distance from the priors in units of sd, which stiffens
    so that no factor moves by REACH sd. Solved until the gradient vanishes, so the order of summation does not show in
    the digits that are kept. Raises RuntimeError where it does not get there.
    """
    from scipy.optimize import minimize  # only the fit needs it, and it takes a second to import

    table = Calibration.of(prior.with_columns(value="prior", rows=0.0))
    index = table.index(runs.traits)
    expected, sd, target = np.log(table.values), prior["sd"].cast(pl.Float64).to_numpy(), np.log(measured)
    seen: dict[bytes, tuple[float, Floats, Floats]] = {}

    def evaluated(moves: Floats) -> tuple[float, Floats, Floats]:
        """Loss, gradient and Gauss-Newton matrix by `moves`, the stiffened distances from the priors."""
        key = moves.tobytes()
        if key not in seen:
            seen.clear()
            distance = np.tanh(moves / REACH)
            rate, by_log = _rate_and_slope(runs, index, expected + REACH * sd * distance)
            slope = by_log * (sd * (1.0 - distance**2))
            loss, first, second = _soft_l1(rate - target)
            gradient = slope.T @ (weights * first) + moves
            curvature = (slope * (weights * second)[:, None]).T @ slope + np.eye(len(moves))
            seen[key] = (float(weights @ loss + moves @ moves / 2.0), gradient, curvature)
        return seen[key]

    def loss(moves: Floats) -> float:
        return evaluated(moves)[0]

    def gradient(moves: Floats) -> Floats:
        return evaluated(moves)[1]

    def curvature(moves: Floats) -> Floats:
        return evaluated(moves)[2]

    shares = np.zeros(len(sd)) if start is None else np.clip((np.log(start) - expected) / (REACH * sd), -0.99, 0.99)
    solution = minimize(
        loss,
        REACH * np.arctanh(shares),
        method="trust-exact",
        jac=gradient,
        hess=curvature,
        options={"gtol": GRADIENT, "maxiter": 200},
    )
    if not solution.success:
        raise RuntimeError(f"the fit did not settle: {solution.message}")
    return np.asarray(np.exp(expected + REACH * sd * np.tanh(solution.x / REACH)), dtype=np.float64)


def _soft_l1(error: Floats) -> tuple[Floats, Floats, Floats]:
    """The loss sqrt(1 + (error/scale)^2) - 1, and its first and second derivative."""
    root = np.sqrt(1.0 + (error / RESIDUAL_SCALE) ** 2)
    return root - 1.0, error / (RESIDUAL_SCALE**2 * root), 1.0 / (RESIDUAL_SCALE**2 * root**3)


def supported(prior: pl.DataFrame, runs: Runs) -> Rows:
    """Measurements that have each factor's trait, in the order of `prior`."""
    index = Calibration.of(prior.with_columns(value="prior", rows=0.0)).index(runs.traits)
    counts = np.zeros(prior.height + 1, dtype=np.intp)
    for name in NAMES:
        np.add.at(counts, index[name].ravel(), 1)
    return counts[:-1]
