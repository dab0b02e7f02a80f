"""Every figure that is our choice and not a fact, by name. The values are rows of reference/assumptions.csv."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import polars as pl


@dataclass(frozen=True, slots=True)
class Assumptions:
    """Units and reasons stand beside the values in the reference table; fractions are 0..1."""

    trusted_reliability_min: float
    bait_share: float
    p10_machines_min: float
    median_machines_min: float
    gpu_fresh_hours: float
    gpu_expired_hours: float
    api_fresh_hours: float
    api_uptime_min: float
    disk_weights_factor: float
    disk_spare_gb: float
    storage_usd_per_gb_month_unsaid: float
    storage_month_hours: float
    egress_bytes_per_output_token: float
    ingress_bytes_per_input_token: float
    month_hours: float
    peak_factor: float
    headroom: float
    machine_availability: float
    availability_target: float
    interruptions_per_hour: float
    restart_hours: float
    provision_seconds: float
    engine_start_seconds: float
    download_mbit_per_s: float
    load_gb_per_s: float
    people_setup_hours: float
    people_hours_per_month: float
    people_usd_per_hour: float
    people_months: float

    @classmethod
    def of(cls, table: pl.DataFrame) -> Self:
        """Reads columns `assumption` and `value`.

        Raises ValueError where a name is missing, unknown or given twice.
        """
        known = {field.name for field in fields(cls)}
        names = table["assumption"].to_list()
        wrong = sorted(known.symmetric_difference(names)) or sorted({name for name in names if names.count(name) > 1})
        if wrong:
            raise ValueError(f"assumptions.csv: missing, unknown or repeated: {', '.join(wrong)}")
        return cls(**dict(zip(names, table["value"].cast(pl.Float64).to_list(), strict=True)))
