"""Real answers of all kinds of sources, read for the first time together: the guards let the true prices through."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from scrapers.contract import Capture, Request
from scrapers.frames import prices_frame
from scrapers.reading import read
from tests.transforms.quality.desk import NO_DECISIONS, START, asked
from transforms import normalise, quality
from warehouse.reference import tables

pytestmark = pytest.mark.captures

PAGES = {
    "anthropic": "anthropic/pricing.2026-08-21.md",
    "openai": "openai/developers-pricing-island.2026-08.excerpt.html",
    "deepseek": "deepseek/pricing.2026-09.layoutC.excerpt.html",
    "gemini": "gemini/pricing.2026-06-05.md",
    "groq": "groq/models.2026-08.md",
    "cerebras": "cerebras/public-v1-models.2026-08.json",
    "mistral": "mistral/pricing.2026-05-08.html",
    "litellm": "registries/litellm.1.109.1.json",
    "models_dev": "registries/models-dev.2026-03-01.json",
}
HOSTS = "openrouter/snapshot.2026-05-04.json"


def capture(source: str, request: Request, body: bytes) -> Capture:
    return Capture(source, request, request.path, 200, "", START, body, sha256="")


def hosts(snapshot: Path) -> Iterable[Capture]:
    """The endpoint objects of a snapshot of 148 models, as the answers they were taken from."""
    for model in json.loads(snapshot.read_bytes())["models"]:
        body = json.dumps({"data": {"id": model["id"], "endpoints": model["endpoints"]}}).encode()
        yield capture("openrouter", Request(f"/api/v1/models/{model['id']}/endpoints"), body)


@pytest.fixture(scope="module")
def checked(captures: Path) -> quality.Checked:
    """Everything, named and judged as in a first run."""
    readings = []
    for name in [*PAGES, "openrouter"]:
        source = importlib.import_module(f"scrapers.api.{name}").SOURCE
        if name == "openrouter":
            answers = list(hosts(captures / "api" / HOSTS))
        else:
            answers = [capture(name, source.first[-1], (captures / "api" / PAGES[name]).read_bytes())]
        reading = read(source, answers)
        assert not reading.refused
        readings.append(reading.settled)
    reference = tables()
    rows = prices_frame(readings).with_columns(
        run_id=pl.lit("r1"), observed_at=pl.lit(START), provenance=pl.lit("recorded")
    )
    named, _ = normalise.api_prices(rows, reference["model_names"], reference["quant_names"])
    blank = named.clear().with_columns(price_key=pl.lit(""), status=pl.lit(""), reasons=pl.lit([], pl.List(pl.String)))
    return quality.check_prices(
        named,
        asked(**dict.fromkeys([*PAGES, "openrouter"], "ok")),
        START,
        last_good=blank,
        previous=blank,
        decisions=NO_DECISIONS,
        trailing_counts=pl.DataFrame(schema={"source": pl.String, "records": pl.Int64}),
        exceptions=reference["price_exceptions"],
        provider_names=reference["provider_names"],
    )


def test_no_true_price_of_a_publisher_or_a_host_is_set_apart(checked: quality.Checked) -> None:
    priced = checked.prices.filter(pl.col("channel") != "registry", pl.col("usd_per_mtok").is_not_null())
    assert priced.height > 1000
    assert set(priced["status"]) <= {"ok", "retired"}
    reasons = priced["reasons"].explode().drop_nulls()
    flags = reasons.filter(~reasons.str.starts_with("disagrees:"))
    assert set(flags) <= {"batch_not_half", "output_far_above_input"}
    assert flags.len() < 10


def test_what_is_sold_without_a_price_is_told_from_what_is_wrong(checked: quality.Checked) -> None:
    prices = checked.prices.filter(pl.col("source") == "groq")
    assert set(prices.filter(pl.col("status") == "contact_sales")["usd_per_mtok"]) == {None}
    assert "ok" in set(prices["status"])


def test_independent_sources_agree_on_nearly_everything(checked: quality.Checked) -> None:
    compared = checked.agreement
    assert compared.height > 1000
    assert compared["agrees"].mean() > 0.95  # type: ignore[operator]
    pages = compared.filter(pl.col("source").is_in(["openai", "anthropic"]), pl.col("second_source") == "openrouter")
    assert pages.height > 100
    assert pages["agrees"].all()


def test_a_model_gone_from_its_page_keeps_its_last_known_price_as_retired(checked: quality.Checked) -> None:
    gone = checked.prices.filter(pl.col("model") == "claude-3.5-sonnet", pl.col("component").is_in(["input", "output"]))
    retired = gone.filter(pl.col("source") == "models_dev")
    assert set(retired["status"]) == {"retired"}
    assert set(retired["usd_per_mtok"]) == {Decimal(3), Decimal(15)}
