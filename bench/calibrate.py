"""`python -m bench.calibrate`: fits reference/calibration.csv to reference/benchmarks.csv.

Reads the priors from the table it writes (columns prior and sd), so a new factor is a new line there. Prints what
changed. The same inputs give the same file, to the digit.
"""

from __future__ import annotations

import polars as pl

from bench.bands import band_rows
from bench.crossvalidation import Measurements
from transforms.throughput.band import ENDS
from transforms.throughput.fitting import fit, supported
from warehouse.reference import FOLDER, reference

DIGITS = 4
COLUMNS = ("coefficient", "trait", "key", "value", "prior", "sd", "rows")


def calibrated() -> pl.DataFrame:
    """The table anew: factors of the roofline, then the ends of the band."""
    prior = priors()
    measurements = Measurements.load()
    values = fit(prior, measurements.runs, measurements.measured, measurements.weights)
    fitted = prior.with_columns(
        value=pl.Series(values).round_sig_figs(DIGITS),
        rows=pl.Series(supported(prior, measurements.runs)).cast(pl.Int64),
    ).select(COLUMNS)
    return pl.concat([fitted, band_rows(fitted, measurements)])


def priors() -> pl.DataFrame:
    """The factors of the roofline and what was expected of them: coefficient, trait, key, prior, sd."""
    table = reference("calibration")
    return table.filter(~pl.col("coefficient").is_in(ENDS)).select("coefficient", "trait", "key", "prior", "sd")


def main() -> None:
    before = reference("calibration")
    after = calibrated()
    after.write_csv(FOLDER / "calibration.csv")
    key = ["coefficient", "trait", "key"]
    moved = after.join(before.select(*key, was="value"), on=key, how="left", validate="1:1")
    change = moved.with_columns(factor=pl.col("value") / pl.col("was")).filter(pl.col("factor").log().abs() > 1e-5)
    print(f"{after.height} rows written, {change.height} changed, {moved['was'].null_count()} new")
    for row in change.iter_rows(named=True):
        print(f"  {row['coefficient']} {row['trait']} {row['key']}: {row['was']:.6g} -> {row['value']:.6g}")


if __name__ == "__main__":
    main()
