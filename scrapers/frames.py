"""Records into polars frames: one column per field, the full schema also where there is no record."""

from __future__ import annotations

import types
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
import polars as pl

from scrapers.contract import ApiPrice, GpuOffer, GpuOffers, Reading

USD_PER_MTOK = pl.Decimal(18, 9)

_DTYPES: dict[Any, pl.DataType] = {
    str: pl.String(),
    float: pl.Float64(),
    int: pl.Int64(),
    bool: pl.Boolean(),
    date: pl.Date(),
    Decimal: USD_PER_MTOK,
}


def _dtype(annotation: Any) -> pl.DataType:
    if get_origin(annotation) in (Union, types.UnionType):
        (annotation,) = (part for part in get_args(annotation) if part is not type(None))
    if get_origin(annotation) is Literal:
        annotation = str
    return _DTYPES[annotation]


def _schema(record: type[msgspec.Struct]) -> dict[str, pl.DataType]:
    hints = get_type_hints(record)
    return {name: _dtype(hints[name]) for name in record.__struct_fields__}


OFFER_SCHEMA = _schema(GpuOffer)
PRICE_SCHEMA = _schema(ApiPrice)


def offers_frame(readings: Iterable[Reading]) -> pl.DataFrame:
    """GPU offers, columns and order of `GpuOffer`."""
    parts = [GpuOffers.of(reading.offers) for reading in readings]
    offers = parts[0] if len(parts) == 1 else GpuOffers.together(parts)
    return _frame(offers.columns.values(), OFFER_SCHEMA)


def prices_frame(readings: Iterable[Reading]) -> pl.DataFrame:
    """API prices, columns and order of `ApiPrice`; prices are Decimal(18, 9). Rows equal in every field are one."""
    prices = [msgspec.structs.astuple(price) for reading in readings for price in reading.prices]
    columns = zip(*prices, strict=True) if prices else [()] * len(PRICE_SCHEMA)
    return _frame(columns, PRICE_SCHEMA).unique(maintain_order=True)


def _frame(columns: Iterable[Sequence[Any]], schema: dict[str, pl.DataType]) -> pl.DataFrame:
    return pl.DataFrame(
        [pl.Series(name, column, dtype=dtype) for (name, dtype), column in zip(schema.items(), columns, strict=True)]
    )
