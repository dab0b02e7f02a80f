"""The weekly report and the alerts as Prefect flows around plain functions; no logic of their own."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prefect import State, flow, get_run_logger
from prefect.artifacts import create_markdown_artifact
from prefect.states import Completed, Failed

from flows import alerts, settings
from flows.settings import BadSetting, Settings
from warehouse.errors import WarehouseError
from warehouse.export.report import Written, report


@flow(name="weekly-report", persist_result=False)
def weekly_report() -> State[Any]:
    """Write the report and the feed next to the site, or into `report` beside the prices where there is no site."""
    try:
        written = write(settings.read(()), datetime.now(UTC))
    except (WarehouseError, BadSetting) as error:
        return Failed(message=str(error))
    try:
        create_markdown_artifact(written.text, key="weekly-report", description="The week in prices")
    except Exception:
        get_run_logger().exception("the report is written, its artifact could not be")
    return Completed(message=f"wrote {written.html}")


def write(current: Settings, made_at: datetime) -> Written:
    """The report of what is published now."""
    return report(current.published, current.site or current.home / "report", made_at=made_at)


@flow(name="alerts", persist_result=False)
def watch_prices(config: str = "alerts.toml") -> State[Any]:
    """Judge the rules of a TOML file and send what was not sent today."""
    current = settings.read(())
    try:
        rules = alerts.read_config(Path(config))
        summary = alerts.report_due(current.published, rules, current, datetime.now(UTC))
    except (WarehouseError, BadSetting) as error:
        return Failed(message=str(error))
    return Completed(message=summary)
