"""Records whose fields are arrays with one element per configuration."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields
from typing import Any, Self, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Rows = NDArray[np.intp]

Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class Labels:
    """Text per configuration, as codes into the distinct `keys`."""

    keys: tuple[str, ...]
    codes: Rows

    @classmethod
    def of(cls, text: pl.Series) -> Self:
        """Null counts as the empty text."""
        filled = text.cast(pl.String).fill_null("")
        keys = filled.unique().sort()
        return cls(tuple(keys), filled.cast(pl.Enum(keys)).to_physical().to_numpy().astype(np.intp))

    def paired(self, other: Labels) -> Labels:
        """`mine/theirs`, one per configuration."""
        keys = tuple(f"{mine}/{theirs}" for mine in self.keys for theirs in other.keys)
        return Labels(keys, self.codes * len(other.keys) + other.codes)

    def isin(self, keys: Collection[str]) -> Bools:
        return np.array([key in keys for key in self.keys], dtype=np.bool_)[self.codes]

    def text(self) -> pl.Series:
        return pl.Series(self.keys, dtype=pl.String).gather(self.codes)


Traits = dict[str, Labels]


def take(record: Record, rows: Rows) -> Record:
    """The same record for the configurations `rows`, in that order, repeated as often as named."""
    parts = {field.name: getattr(record, field.name) for field in fields(record)}  # type: ignore[arg-type]
    return type(record)(**{name: _take(part, rows) for name, part in parts.items()})


def _take(part: Any, rows: Rows) -> Any:
    if isinstance(part, np.ndarray):
        return part[rows]
    if isinstance(part, dict):
        return {name: _take(value, rows) for name, value in part.items()}
    return part if isinstance(part, tuple) else take(part, rows)
