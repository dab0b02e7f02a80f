"""How sure an estimate is: an 80 % interval learned from held-out errors, and whether measurements stand near."""

from __future__ import annotations

import numpy as np

from transforms.throughput.calibration import Calibration, products
from transforms.throughput.columns import Bools, Floats, Labels, Rows, Traits

NEAR_ROWS = 20.0
"""Measurements that must stand behind the chip, the kernels and the engine of a configuration to call it calibrated."""
SUPPORTING = (("bandwidth", "chip"), ("compute", "kernel"), ("layer", "engine"))
ENDS = ("low", "high")


def near(calibration: Calibration, traits: Traits) -> Bools:
    """Whether enough measurements stand behind every trait in `SUPPORTING`."""
    found = np.ones(len(traits["all"].codes), dtype=np.bool_)
    for coefficient, trait in SUPPORTING:
        rows = (calibration.coefficient == coefficient) & (calibration.trait == trait) & (calibration.rows >= NEAR_ROWS)
        found &= traits[trait].isin(set(calibration.key[rows].tolist()))
    return found


def band_factors(calibration: Calibration, traits: Traits) -> dict[str, Floats]:
    """Factors on an estimate that give the ends `low` and `high` of its 80 % interval."""
    return products(calibration, {**traits, "support": support(calibration, traits)}, ENDS)


def support(calibration: Calibration, traits: Traits) -> Labels:
    """`near` or `far` from measurements, as a trait."""
    codes: Rows = near(calibration, traits).astype(np.intp)
    return Labels(("far", "near"), codes)
