"""The fitted efficiencies: a coefficient is a base value times one factor per trait of the configuration.

`reference/calibration.csv` holds both the prior of every factor and its fitted value; a trait without a row has
factor 1, so hardware and software nobody measured fall back to the base.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from transforms.throughput.memory import Floats

TRAITS = ("all", "chip", "kernel", "engine", "generation", "attention", "link", "mixture", "scenario")


@dataclass(frozen=True, slots=True)
class Coefficients:
    """One element per configuration. Efficiencies are shares of the nominal rate; times are seconds."""

    bandwidth: Floats
    expert_bandwidth: Floats
    """Relative to `bandwidth`."""
    cache_bandwidth: Floats
    """Relative to `bandwidth`."""
    compute: Floats
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

    def take(self, rows: NDArray[np.intp]) -> Self:
        return type(self)(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


NAMES = tuple(field.name for field in fields(Coefficients))
CEILING = {"bandwidth": 0.97, "compute": 0.95, "prefill_compute": 0.95, "attention_compute": 0.9, "prefill_attention": 0.9,
           "expert_bandwidth": 1.0, "link_efficiency": 0.95}
"""No product of factors may claim more than the hardware has."""


@dataclass(frozen=True)
class Calibration:
    """The rows of the reference table. `values` may be replaced while fitting."""

    coefficient: NDArray[np.str_]
    trait: NDArray[np.str_]
    key: NDArray[np.str_]
    values: Floats

    @classmethod
    def of(cls, table: pl.DataFrame) -> Self:
        """Reads columns coefficient, trait, key, value. Raises ValueError for a name that no formula uses."""
        unknown = set(table["coefficient"]) - set(NAMES) | set(table["trait"]) - set(TRAITS)
        if unknown:
            raise ValueError(f"calibration.csv: unknown names {', '.join(sorted(unknown))}")
        text = table.select("coefficient", "trait", "key").cast(pl.String)
        return cls(*(text[name].to_numpy().astype(np.str_) for name in text.columns), table["value"].cast(pl.Float64).to_numpy())

    def index(self, traits: Mapping[str, NDArray[np.str_]]) -> dict[str, NDArray[np.intp]]:
        """Rows of the table that make up each coefficient, shape (traits used, configurations); the last row is factor 1."""
        nothing = len(self.values)
        rows = {(c, t, k): i for i, (c, t, k) in enumerate(zip(self.coefficient, self.trait, self.key, strict=True))}
        codes = {trait: np.unique(keys, return_inverse=True) for trait, keys in traits.items()}
        found: dict[str, NDArray[np.intp]] = {}
        for name in NAMES:
            stack = []
            for trait, (keys, inverse) in codes.items():
                lookup = np.array([rows.get((name, trait, str(key)), nothing) for key in keys], dtype=np.intp)
                if (lookup < nothing).any():
                    stack.append(lookup[inverse])
            found[name] = np.stack(stack)
        return found

    def coefficients(self, index: Mapping[str, NDArray[np.intp]]) -> Coefficients:
        return coefficients_of(np.log(np.append(self.values, 1.0)), index)


def coefficients_of(log_values: Floats, index: Mapping[str, NDArray[np.intp]]) -> Coefficients:
    """Multiplies the factors. `log_values`: logarithm of every row's value, then 0 for 'no such row'."""
    products = {name: np.exp(log_values[rows].sum(axis=0)) for name, rows in index.items()}
    for name, ceiling in CEILING.items():
        products[name] = np.minimum(products[name], ceiling)
    return Coefficients(**products)
