"""The fit: what it may reach, that it finds what made the data, and that its digits are the same anywhere."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import transforms.throughput
from bench.crossvalidation import Measurements, held_out, publishers
from tests.transforms.throughput.conftest import Reference
from transforms.throughput.calibration import BEND, CEILING, Calibration
from transforms.throughput.columns import Labels
from transforms.throughput.fitting import REACH, fit, predict

ROOFLINE = ~pl.col("coefficient").is_in(["low", "high"])


@pytest.fixture(scope="module")
def sample(reference: Reference) -> Measurements:
    return Measurements.of({**reference, "benchmarks": reference["benchmarks"].gather_every(60)})


@pytest.fixture(scope="module")
def prior(reference: Reference) -> pl.DataFrame:
    return reference["calibration"].filter(ROOFLINE).select("coefficient", "trait", "key", "prior", "sd")


def test_the_digits_do_not_hang_on_the_order_of_summation(sample: Measurements, prior: pl.DataFrame) -> None:
    """Which the number of threads changes, the processor, and the rows of a file."""
    orders = np.arange(len(sample.measured)), np.random.default_rng(1).permutation(len(sample.measured))
    once, twice = (fit(prior, m.runs, m.measured, m.weights) for m in map(sample.at, orders))
    assert np.abs(once / twice - 1.0).max() < 1e-9


def test_the_table_is_the_fit_to_the_measurements_beside_it(reference: Reference, prior: pl.DataFrame) -> None:
    """Nobody changed a fact, a measurement, a prior or a formula since `python -m bench.calibrate`."""
    m = Measurements.of(reference)
    written = reference["calibration"].filter(ROOFLINE)["value"].to_numpy()
    assert fit(prior, m.runs, m.measured, m.weights, start=written) == pytest.approx(written, rel=2e-3)


def test_a_prediction_knows_nothing_of_the_rows_left_out(sample: Measurements, prior: pl.DataFrame) -> None:
    theirs = publishers(sample) == "inferencex"
    other = replace(sample, measured=np.where(theirs, 7.0 * sample.measured, sample.measured))
    once, twice = (held_out(prior, m, theirs.astype(np.str_)) for m in (sample, other))
    assert np.abs(once - twice)[theirs].max() < 1e-9
    assert np.abs(once - twice)[~theirs].max() > 0.1


def test_four_times_the_rows_of_a_publisher_weigh_twice(reference: Reference) -> None:
    rows = reference["benchmarks"].gather_every(60)
    theirs = rows.filter(pl.col("publisher") == "mlperf")
    more = Measurements.of({**reference, "benchmarks": pl.concat([rows, theirs, theirs, theirs])})
    once = Measurements.of({**reference, "benchmarks": rows})
    weight = [m.weights[publishers(m) == "mlperf"].sum() for m in (once, more)]
    assert weight[1] == pytest.approx(2.0 * weight[0])


def test_the_fit_finds_what_made_the_data(sample: Measurements, prior: pl.DataFrame) -> None:
    truth = prior["prior"].to_numpy() * np.exp(prior["sd"].to_numpy() * 0.8)
    table = Calibration.of(prior.with_columns(value="prior", rows=0.0))
    made = np.exp(predict(table, truth, sample.runs))
    found = predict(table, fit(prior, sample.runs, made, np.ones(len(made))), sample.runs)
    before = predict(table, prior["prior"].to_numpy(), sample.runs)
    assert np.median(np.abs(found - np.log(made))) < 0.02
    assert np.median(np.abs(before - np.log(made))) > 0.1


def test_values_stay_within_reach_of_their_priors(reference: Reference) -> None:
    rows = reference["calibration"].filter(ROOFLINE)
    moved = ((rows["value"] / rows["prior"]).log().abs() / rows["sd"]).to_numpy()
    assert moved.max() <= REACH + 1e-6


def test_no_coefficient_claims_more_than_the_hardware_has(sample: Measurements, reference: Reference) -> None:
    table = Calibration.of(reference["calibration"])
    found = table.coefficients(table.index(sample.runs.traits))
    for name, ceiling in CEILING.items():
        assert getattr(found, name).max() <= ceiling
        assert getattr(found, name).min() > 0.005


def test_hardware_nobody_measured_falls_back_to_the_base(reference: Reference) -> None:
    table = Calibration.of(reference["calibration"])

    nobody = {
        "all": Labels(("",), np.zeros(1, dtype=np.intp)),
        "chip": Labels(("riscv-hbm",), np.zeros(1, dtype=np.intp)),
    }
    base = reference["calibration"].filter(pl.col("coefficient") == "bandwidth", pl.col("trait") == "all")["value"][0]
    bent = base / (1.0 + (base / CEILING["bandwidth"]) ** BEND) ** (1.0 / BEND)
    assert table.coefficients(table.index(nobody)).bandwidth[0] == pytest.approx(bent)


def test_an_unknown_name_in_the_table_is_refused(reference: Reference) -> None:
    wrong = reference["calibration"].head(1).with_columns(coefficient=pl.lit("luck"))
    with pytest.raises(ValueError, match="luck"):
        Calibration.of(wrong)


def test_estimating_needs_no_scipy() -> None:
    folder = Path(transforms.throughput.__file__).parent
    for path in folder.glob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(name.startswith("scipy") for name in names), path.name
