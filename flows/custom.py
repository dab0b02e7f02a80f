"""What a user adds in files of their own: workloads, models, GPU prices. They become rows like the reference's.

A TOML file holds `[workloads.NAME]`, `[models.NAME]` and `[[gpu_prices]]` with the fields of the classes below; a CSV
file holds GPU prices, its header naming the fields. Whatever is unknown, missing or senseless is one sentence that
names file and key or line.
"""

from __future__ import annotations

import csv
import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec
import polars as pl
from msgspec import Meta

from flows.settings import BadSetting
from flows.terminal import known
from scrapers.contract import GpuOffer, Reading
from scrapers.frames import offers_frame

Fraction = Annotated[float, Meta(ge=0, le=1)]
Positive = Annotated[float, Meta(gt=0, le=1e9)]
NotNegative = Annotated[float, Meta(ge=0, le=1e9)]
Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
Tokens = Annotated[int, Meta(ge=1, le=10_000_000)]

CONFIG_BYTES_MAX = 4_000_000
"""No model's config.json comes near it."""


class OwnWorkload(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a request looks like and what it must hold."""

    isl_tokens: Annotated[int, Meta(ge=0, le=10_000_000)]
    osl_tokens: Tokens
    cached_input_fraction: Fraction = 0.0
    ttft_slo_ms: Positive | None = None
    min_tokens_per_s_per_user: Positive | None = None
    utilization: Annotated[float, Meta(gt=0, le=1)] = 0.3
    spot_allowed: bool = False
    api_tier: Literal["standard", "batch"] = "standard"
    purpose: str = "own workload"


class OwnModel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`config`: a Hugging Face config.json in the folder of the TOML file, or below it."""

    config: str
    quants: Annotated[Sequence[str], Meta(min_length=1)]


class OwnPrice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A machine, or a kind of machine of which there are enough, at a price for the whole of it."""

    gpu: str
    usd_per_hour: Annotated[float, Meta(gt=0, le=100_000)]
    gpu_count: Annotated[int, Meta(ge=1, le=64)] = 1
    source: Name = "own"
    interruptible: bool = False
    memory_gib: Positive | None = None
    """Per GPU; what the driver of that GPU reports where left out."""
    reliability: Annotated[float, Meta(gt=0, le=1)] | None = None
    included_disk_gb: NotNegative | None = None
    max_disk_gb: Positive | None = None
    storage_usd_per_gb_month: NotNegative | None = None
    egress_usd_per_gb: NotNegative | None = None
    ingress_usd_per_gb: NotNegative | None = None


@dataclass(frozen=True, slots=True)
class Custom:
    """Rows of `reference.workloads`, of `reference.models`, and offers as the price guards leave them."""

    workloads: pl.DataFrame
    models: pl.DataFrame
    prices: Sequence[OwnPrice]

    def beside(self, reference: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
        """The reference tables with the user's rows under them."""
        return {
            **reference,
            "workloads": pl.concat([reference["workloads"], self.workloads]),
            "models": pl.concat([reference["models"], self.models]),
        }


def read(paths: Iterable[Path], reference: Mapping[str, pl.DataFrame]) -> Custom:
    """Everything the files add. Raises BadSetting with one sentence that names file and key or line."""
    workloads: dict[str, OwnWorkload] = {}
    models: list[pl.DataFrame] = []
    prices: list[OwnPrice] = []
    for path in paths:
        if path.suffix.lower() == ".csv":
            prices += _prices_of_csv(path, reference)
            continue
        document = _toml(path)
        for name, table in _named(path, document, "workloads", reference["workloads"]["workload"]):
            workloads[name] = _as(OwnWorkload, table, f"{path}: workloads.{name}")
        for name, table in _named(path, document, "models", reference["models"]["model"]):
            models.append(_model(path, name, table, reference))
        for number, table in enumerate(document.get("gpu_prices", []), start=1):
            prices.append(_price(table, f"{path}: gpu_prices, table {number}", reference))
    return Custom(
        workloads=workload_rows(workloads, reference["workloads"].schema),
        models=pl.concat([reference["models"].clear(), *models]),
        prices=prices,
    )


def workload_rows(workloads: Mapping[str, OwnWorkload], schema: pl.Schema) -> pl.DataFrame:
    """Own workloads as rows of `reference.workloads`, each with a board."""
    rows = [
        {
            "workload": name,
            "purpose": own.purpose,
            "isl_tokens": own.isl_tokens,
            "osl_tokens": own.osl_tokens,
            "cached_input_fraction": own.cached_input_fraction,
            "ttft_slo_ms": own.ttft_slo_ms,
            "min_tokens_per_s_per_user": own.min_tokens_per_s_per_user,
            "default_utilization": own.utilization,
            "spot_allowed": "yes" if own.spot_allowed else "no",
            "on_board": "yes",
            "api_tier": own.api_tier,
        }
        for name, own in workloads.items()
    ]
    return pl.DataFrame(rows, schema=schema)


def model_of_config(path: Path, model: str, reference: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """A Hugging Face config.json as a row of `reference.models`. Raises BadSetting."""
    from transforms.throughput import model_from_config

    try:
        if path.stat().st_size > CONFIG_BYTES_MAX:
            raise BadSetting(f"{path} is larger than any model's config.json: name the config, not the weights")
        config = json.loads(path.read_bytes())
    except OSError as error:
        raise BadSetting(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise BadSetting(f"{path} is not JSON: {error}") from error
    if not isinstance(config, dict):
        raise BadSetting(f"{path} is not a model's config.json: it holds no keys")
    try:
        return model_from_config(config, model, reference["models"])
    except (ValueError, TypeError) as error:
        raise BadSetting(f"{path}: {error}") from error


def offers_of(prices: Sequence[OwnPrice], reference: Mapping[str, pl.DataFrame], as_of: datetime) -> pl.DataFrame:
    """Own prices as checked offers of a cloud, read at `as_of`: the rows `transforms.offers.gpu_prices` takes."""
    nominal = dict(reference["gpus"].select("gpu", "memory_gib").iter_rows())
    records = [
        GpuOffer(
            source=own.source,
            offer_id=str(number),
            offer_key=f"{own.source}:{own.gpu_count}x{own.gpu}",
            market="cloud",
            price_kind="preemptible" if own.interruptible else "on_demand",
            usd_per_hour=own.usd_per_hour,
            gpu_name=own.gpu,
            gpu_count=float(own.gpu_count),
            memory_gib=own.memory_gib or nominal[own.gpu],
            in_stock=True,
            reliability=own.reliability,
            storage_usd_per_gb_month=own.storage_usd_per_gb_month,
            included_disk_gb=own.included_disk_gb,
            max_disk_gb=own.max_disk_gb,
            egress_usd_per_gb=own.egress_usd_per_gb,
            ingress_usd_per_gb=own.ingress_usd_per_gb,
        )
        for number, own in enumerate(prices, start=1)
    ]
    return offers_frame([Reading(offers=records)]).with_columns(
        run_id=pl.lit("own"),
        observed_at=pl.lit(as_of).cast(pl.Datetime("us", "UTC")),
        provenance=pl.lit("own"),
        gpu=pl.col("gpu_name"),
        gpu_fraction=pl.lit(1.0),
        is_slice=pl.lit(False),
        usd_per_gpu_hour=pl.col("usd_per_hour") / pl.col("gpu_count"),
        status=pl.lit("ok"),
        reasons=pl.lit([], pl.List(pl.String)),
    )


# --- reading the files -----------------------------------------------------------------------------------------------


def _toml(path: Path) -> dict[str, Any]:
    if path.suffix.lower() != ".toml":
        raise BadSetting(f"{path}: own rows come from a .toml or a .csv file")
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise BadSetting(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadSetting(f"{path} is not UTF-8: save it as such") from error
    except tomllib.TOMLDecodeError as error:
        raise BadSetting(f"{path} is not TOML: {error}") from error
    for key, kind in document.items():
        known("key", key, ("workloads", "models", "gpu_prices"), where=str(path))
        if not isinstance(kind, list if key == "gpu_prices" else dict):
            raise BadSetting(f"{path}: write {'[[gpu_prices]]' if key == 'gpu_prices' else f'[{key}.NAME]'}")
    return document


def _named(path: Path, document: Mapping[str, Any], key: str, taken: pl.Series) -> Iterator[tuple[str, Any]]:
    for name, table in document.get(key, {}).items():
        if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,63}", name):
            raise BadSetting(f"{path}: {key}.{name}: a name is of lower-case letters, digits, dots and dashes")
        if name in taken:
            raise BadSetting(f"{path}: {key}.{name}: that name is taken, choose another")
        yield name, table


def _model(path: Path, name: str, table: Any, reference: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    where = f"{path}: models.{name}"
    own = _as(OwnModel, table, where)
    for quant in own.quants:
        known("quantisation", quant, reference["quants"]["quant"], where=where)
    folder = path.parent.resolve()
    config = (folder / own.config).resolve()
    if not config.is_relative_to(folder):
        raise BadSetting(f"{where}.config: {own.config} lies outside the folder of the file")
    row = model_of_config(config, name, reference)
    return row.with_columns(serve_quants=pl.lit("|".join(own.quants)))


def _prices_of_csv(path: Path, reference: Mapping[str, pl.DataFrame]) -> list[OwnPrice]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True, restkey="")
            return [
                _price(
                    {key: cell for key, cell in row.items() if cell != ""}, f"{path}, line {reader.line_num}", reference
                )
                for row in reader
            ]
    except OSError as error:
        raise BadSetting(f"{path} cannot be read: {error.strerror}") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise BadSetting(f"{path}: {error}: save it as UTF-8 with commas and double quotes") from error


def _price(table: Any, where: str, reference: Mapping[str, pl.DataFrame]) -> OwnPrice:
    own = _as(OwnPrice, table, where)
    known("GPU", own.gpu, reference["gpus"]["gpu"], where=where)
    return own


Table = TypeVar("Table", bound=msgspec.Struct)


def _as(kind: type[Table], table: Any, where: str) -> Table:
    try:
        # A CSV holds text: numbers are read from it, as they are from TOML.
        return msgspec.convert(table, kind, strict=False)
    except msgspec.ValidationError as error:
        raise BadSetting(f"{where}: {_sentence(error)}") from error


def _sentence(error: msgspec.ValidationError) -> str:
    """ "Expected `int` >= 1 - at `$.osl_tokens`" -> "osl_tokens: expected `int` >= 1"."""
    what, _, at = str(error).partition(" - at ")
    key = at.strip("`").removeprefix("$").removeprefix(".")
    what = what.replace("Object missing required field", "lacks the field")
    what = what.replace("Object contains unknown field", "there is no field").replace("Expected", "expected")
    return f"{key}: {what}" if key else what
