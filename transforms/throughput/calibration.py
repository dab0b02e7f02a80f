"""The fitted efficiencies: a coefficient is a base value times one factor per trait of the configuration.

`reference/calibration.csv` holds both the prior of every factor and its fitted value; a trait without a row has
factor 1, so hardware and software nobody measured fall back to the base.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from transforms.throughput.columns import Floats, Rows, Traits

TRAITS = (
    "all",
    "chip",
    "kernel",
    "chip_kernel",
    "gpu",
    "engine",
    "scenario",
    "engine_scenario",
    "generation",
    "attention",
    "mixture",
    "link",
    "support",
)


@dataclass(frozen=True, slots=True)
class Coefficients:
    """One element per configuration. Efficiencies are shares of the nominal rate; times are seconds."""

    bandwidth: Floats
    expert_bandwidth: Floats
    """Relative to `bandwidth`."""
    cache_bandwidth: Floats
    """Relative to `bandwidth`."""
    compute: Floats
    tile: Floats
    """Tokens a matrix kernel computes at least."""
    prefill_compute: Floats
    attention_compute: Floats
    prefill_attention: Floats
    step: Floats
    layer: Floats
    moe_layer: Floats
    sequence: Floats
    request: Floats
    link_latency: Floats
    link_efficiency: Floats
    level: Floats
    """Output rate as a share of what the terms above give: how well the engine keeps the GPU busy between steps."""


KEY = ("coefficient", "trait", "key")
NAMES = tuple(field.name for field in fields(Coefficients))
CEILING = {
    "bandwidth": 0.97,
    "compute": 0.95,
    "prefill_compute": 0.95,
    "attention_compute": 0.9,
    "prefill_attention": 0.9,
    "expert_bandwidth": 1.0,
    "link_efficiency": 0.95,
    "level": 1.0,
}
"""No product of factors may claim more than the hardware has."""
BEND = 8.0
"""Sharpness of the bend below a ceiling."""


@dataclass(frozen=True)
class Calibration:
    """The rows of the reference table. `values` may be replaced while fitting."""

    coefficient: NDArray[np.str_]
    trait: NDArray[np.str_]
    key: NDArray[np.str_]
    values: Floats
    rows: Floats
    """Measurements that have the trait."""

    @classmethod
    def of(cls, table: pl.DataFrame) -> Self:
        """Reads columns coefficient, trait, key, value. Raises ValueError for a name that no formula uses."""
        unknown = set(table["coefficient"]) - set(NAMES) - {"low", "high"} | set(table["trait"]) - set(TRAITS)
        if unknown:
            raise ValueError(f"calibration.csv: unknown names {', '.join(sorted(unknown))}")
        coefficient, trait, key = (table[name].cast(pl.String).to_numpy().astype(np.str_) for name in KEY)
        value, rows = (table[name].cast(pl.Float64).to_numpy() for name in ("value", "rows"))
        return cls(coefficient, trait, key, value, rows)

    def index(self, traits: Traits, names: Sequence[str] = NAMES) -> dict[str, Rows]:
        """Rows of the table behind each coefficient, shape (traits used, configurations); past the end: factor 1."""
        nothing = len(self.values)
        rows = {(c, t, k): i for i, (c, t, k) in enumerate(zip(self.coefficient, self.trait, self.key, strict=True))}
        found: dict[str, Rows] = {}
        for name in names:
            stack = []
            for trait, labels in traits.items():
                lookup = np.array([rows.get((name, trait, key), nothing) for key in labels.keys], dtype=np.intp)
                if (lookup < nothing).any():
                    stack.append(lookup[labels.codes])
            found[name] = np.stack(stack) if stack else np.full((1, len(traits["all"].codes)), nothing, dtype=np.intp)
        return found

    def coefficients(self, index: Mapping[str, Rows]) -> Coefficients:
        log_values = np.log(np.append(self.values, 1.0))
        return ceiled({name: log_values[rows].sum(axis=0) for name, rows in index.items()})


def products(calibration: Calibration, traits: Traits, names: Sequence[str]) -> dict[str, Floats]:
    """The product of factors of each named coefficient, for coefficients outside the roofline."""
    log_values = np.log(np.append(calibration.values, 1.0))
    return {name: np.exp(log_values[rows].sum(axis=0)) for name, rows in calibration.index(traits, names).items()}


def ceiled(sums: Mapping[str, Floats]) -> Coefficients:
    """From sums of log factors. Near its `CEILING` an efficiency bends, smoothly, and never reaches it."""
    found = {name: np.exp(total) for name, total in sums.items()}
    for name, ceiling in CEILING.items():
        found[name] = found[name] / (1.0 + (found[name] / ceiling) ** BEND) ** (1.0 / BEND)
    return Coefficients(**found)
