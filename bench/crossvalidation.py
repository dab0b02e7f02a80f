"""Measurements with what they were taken on, and predictions of them by fits that have not seen them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from transforms.throughput.calibration import Calibration
from transforms.throughput.columns import Floats, Rows, take
from transforms.throughput.fitting import fit, predict
from transforms.throughput.published import Runs, joined_runs
from warehouse.reference import tables

MORE_WEIGHT = 0.3
"""Weight of a measurement outside the core sample, which is capped per GPU, model and quantisation."""
BURST = 500
BURST_WEIGHT = 0.3
"""A burst of hundreds of requests at once measures the client and the queue as much as the GPU."""
SAME_PUBLISHER = {"aiconfigurator-silicon": "inferencex"}
"""Two dumps of one campaign are one publisher."""
SMALL = 40
"""GPUs with fewer measurements are left out together, in FOLDS groups."""
FOLDS = 4


@dataclass(frozen=True)
class Measurements:
    """Rows of reference/benchmarks.csv with facts beside them; `measured` in output tokens/s of the whole system."""

    frame: pl.DataFrame
    runs: Runs
    measured: Floats
    weights: Floats
    """Worth in the fit: n measurements of one publisher share its habits, and count as the root of n others."""
    core: NDArray[np.bool_]

    @classmethod
    def of(cls, reference: Mapping[str, pl.DataFrame]) -> Self:
        tests = reference["benchmarks"]
        joined, runs = joined_runs(tests, reference["gpus"], reference["models"], reference["quants"])
        core = (tests["sample"] == "core").to_numpy()
        rate = tests["output_tokens_per_s"].to_numpy()
        burst = ((tests["scenario"] == "offline_max") & (tests["concurrency"].fill_null(0) >= BURST)).to_numpy()
        weights = np.where(core, 1.0, MORE_WEIGHT) * np.where(burst, BURST_WEIGHT, 1.0)
        return cls(joined, runs, rate, _clustered(weights, _publishers(joined)), core)

    def at(self, rows: Rows) -> Measurements:
        return Measurements(
            self.frame[rows], take(self.runs, rows), self.measured[rows], self.weights[rows], self.core[rows]
        )

    @classmethod
    def load(cls) -> Self:
        return cls.of(tables())


def _publishers(frame: pl.DataFrame) -> NDArray[np.str_]:
    return frame["publisher"].replace(SAME_PUBLISHER).to_numpy().astype(np.str_)


def _clustered(weights: Floats, groups: NDArray[np.str_]) -> Floats:
    """Weights that sum to the root of what they summed to in each group."""
    _, group = np.unique(groups, return_inverse=True)
    return np.asarray(weights / np.sqrt(np.bincount(group, weights)[group]), dtype=np.float64)


def publishers(measurements: Measurements) -> NDArray[np.str_]:
    return _publishers(measurements.frame)


def gpu_groups(measurements: Measurements) -> NDArray[np.str_]:
    gpus = measurements.frame["gpu"].to_numpy().astype(np.str_)
    names, counts = np.unique(gpus, return_counts=True)
    few = {name: f"few-{i % FOLDS}" for i, name in enumerate(names[counts < SMALL])}
    return np.array([few.get(gpu, gpu) for gpu in gpus])


def cells(measurements: Measurements, folds: int = 12) -> NDArray[np.str_]:
    """Every (publisher, model, GPU) whole into one of `folds` groups: other machines of known publishers."""
    names = measurements.frame.select(pl.concat_str("publisher", "model", "gpu", separator="|")).to_series()
    distinct = sorted(names.unique())
    group = {name: str(i * 7919 % 104_729 % folds) for i, name in enumerate(distinct)}
    return np.array([group[name] for name in names])


def held_out(prior: pl.DataFrame, measurements: Measurements, groups: NDArray[np.str_]) -> Floats:
    """Log rates of every row, by a fit without its group that starts from the priors: it knows nothing of the group."""
    m = measurements
    table = Calibration.of(prior.with_columns(value="prior", rows=0.0))
    predicted = np.zeros(len(m.measured))
    for group in np.unique(groups):
        inside = np.nonzero(groups == group)[0]
        outside = np.nonzero(groups != group)[0]
        values = fit(prior, take(m.runs, outside), m.measured[outside], m.weights[outside])
        predicted[inside] = predict(table, values, take(m.runs, inside))
    return predicted
