"""The commands that decide, on what the recorded responses publish."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import typer
from typer.testing import CliRunner, Result

from flows import pipeline, shell, terminal
from flows.cli import app
from flows.commands import estimate, market
from flows.progress import Silent
from flows.settings import BadSetting, Settings
from scrapers.registry import SOURCES
from tests.flows import examples
from tests.flows.market import Clock
from transforms import ranking
from warehouse.reference import tables as reference_tables

MODEL = "llama-3.3-70b"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data folder with the recorded responses, named by the environment. Its boards hold the models used here."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as environment:
        environment.setattr(pipeline, "reference_tables", _with_few_models)
        report = pipeline.refresh_recorded(Settings(home=folder), SOURCES, Silent(), Clock(datetime.now(UTC)))
        assert report.published is not None
        environment.setenv("PERTOKEN_HOME", str(folder))
        yield folder


def _with_few_models() -> dict[str, pl.DataFrame]:
    reference = reference_tables()
    hosted = pl.col("model").is_in([MODEL, "qwen3-32b"])
    fewer = reference["models"].with_columns(serve_quants=pl.when(hosted).then("serve_quants"))
    return reference | {"models": fewer}


@pytest.fixture(scope="module")
def published(home: Path) -> Path:
    return Settings(home=home).recorded().published


def pertoken(*arguments: str) -> str:
    """What a command prints; whatever it raises is raised."""
    result: Result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def answer(*arguments: str) -> Any:
    return json.loads(pertoken(*arguments, "--format", "json"))


# --- documents -------------------------------------------------------------------------------------------------------


def _commands(group: Any, path: str = "pertoken") -> Iterator[tuple[str, Any]]:
    for name, command in getattr(group, "commands", {}).items():
        yield f"{path} {name}", command
        yield from _commands(command, f"{path} {name}")


def test_every_command_has_help_an_example_and_its_place_in_the_document() -> None:
    text = examples.DOCUMENT.read_text("utf-8")
    headings = {line.lstrip("#").strip() for line in text.splitlines() if line.startswith("#") and "pertoken" in line}
    found = dict(_commands(typer.main.get_command(app)))
    assert headings == found.keys()
    for name, command in found.items():
        assert command.help, f"{name} has no help"
        assert "Example" in (command.epilog or ""), f"the help of {name} shows no example"
        assert name in text.replace("$ ", ""), name


@pytest.mark.parametrize("arguments", examples.commands(), ids=" ".join)
def test_the_examples_of_the_document_run(
    arguments: list[str], home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    examples.write_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert pertoken(*arguments).strip()


# --- plan ------------------------------------------------------------------------------------------------------------


def test_pricing_anew_gives_the_published_board(published: Path) -> None:
    """Own workloads, models and prices go through the same steps as a refresh: without any, its rows come out."""
    anew = market.board(published, reference_tables(), (), [MODEL], "chat")
    stored = terminal.frame(published, "board_rows", boards=None, workload="chat", models=[MODEL])
    order = [*ranking.KEY, "place"]
    same = ["place", "usd_per_mtok", "usd_per_hour", "output_tokens_per_s", "exclusion_reason", *ranking.KEY]
    left = anew.filter(model=MODEL).sort(order).select(same)
    assert left.height > 50
    assert left.equals(stored.sort(order).select(same))


def test_a_private_price_below_the_market_wins_and_one_above_does_not(home: Path, tmp_path: Path) -> None:
    prices = tmp_path / "prices.csv"
    asked = ("plan", MODEL, "--tokens-per-day", "50M", "--quant", "fp8", "--custom", str(prices))
    for usd, wins in ((0.5, True), (500, False)):
        prices.write_text(f"gpu,gpu_count,usd_per_hour,source\nh100-sxm-80gb,2,{usd},rack\n", "utf-8")
        fleets = answer(*asked, "--top", "1000")["fleets"]
        assert (fleets[0]["source"] == "rack") is wins
        (own,) = [fleet for fleet in fleets if fleet["source"] == "rack"]
        assert own["usd_per_month_bare"] == pytest.approx(own["machines_serving"] * usd * 730)


def test_a_config_json_of_a_known_architecture_weighs_what_the_known_model_does(home: Path, tmp_path: Path) -> None:
    examples.write_files(tmp_path)
    asked = ("--quant", "fp8", "--gpu", "h100-sxm-80gb", "--gpus", "4", "--isl", "1000", "--osl", "100")
    known = answer("estimate", MODEL, *asked)
    own = answer("estimate", "our-70b", *asked, "--config", str(tmp_path / "config.json"))
    for fact in ("weights_gb", "cache_gb_per_sequence", "cache_budget_gb_per_gpu"):
        assert own[fact] == pytest.approx(known[fact], rel=0.01), fact
    fleets = answer("plan", "our-70b", "--tokens-per-day", "100M", "--custom", str(tmp_path / "ours.toml"))["fleets"]
    assert {fleet["quant"] for fleet in fleets} <= {"fp8", "int4"}
    assert "our-rack" in {fleet["source"] for fleet in fleets}


def test_lengths_and_limits_of_ones_own_replace_those_of_the_workload(home: Path) -> None:
    asked = ("plan", MODEL, "--tokens-per-day", "100M")
    chat = answer(*asked, "--workload", "chat")
    same = answer(*asked, "--workload", "chat", "--isl", "1155")
    assert same["fleets"] == chat["fleets"] and same["demand"]["workload"] == "own"
    strict = answer(*asked, "--workload", "chat", "--tokens-per-s", "60")
    assert min(fleet["tokens_per_s_per_user"] for fleet in strict["fleets"]) >= 60
    assert strict["fleets"][0]["usd_per_month"] > chat["fleets"][0]["usd_per_month"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["plan", "lama-3.3-70b", "--tokens-per-day", "1M"], "no model 'lama-3.3-70b'; there is llama-3.3-70b"),
        (["plan", MODEL, "--tokens-per-day", "lots"], "--tokens-per-day is 'lots'; it takes a number"),
        (["plan", MODEL, "--tokens-per-day", "1M", "--isl", "9"], "--isl and --osl go together"),
        (["plan", MODEL, "--tokens-per-day", "1M", "--peak-factor", "0.5"], "peak factor must be 1 or more"),
        (["plan", MODEL, "--tokens-per-day", "1M", "--workload", "chatt"], "no workload 'chatt'; there is .*chat"),
        (["explain", "chat", MODEL, "h100-sxm"], "no word on the boards 'h100-sxm'; there is h100-sxm-80gb"),
        (["explain", "chat", MODEL, "fp8", "bf16"], "no row of any board is named by all of"),
        (["estimate", MODEL, "--gpu", "h100", "--workload", "chat"], "no GPU 'h100'; there is h100-"),
        (["estimate", MODEL, "--gpu", "l40s-48gb"], "say how long prompts and answers are"),
        (["estimate", MODEL], "name a MODEL and a --gpu"),
        (["levers", "lama"], "no model 'lama'; there is llama-"),
    ],
)
def test_what_cannot_be_answered_is_one_sentence(home: Path, arguments: list[str], sentence: str) -> None:
    with pytest.raises(BadSetting, match=sentence) as refused:
        pertoken(*arguments)
    assert "\n" not in str(refused.value)


# --- explain ---------------------------------------------------------------------------------------------------------


def test_a_row_is_found_by_its_words_and_by_its_place(home: Path) -> None:
    by_place = answer("explain", "--board", "trusted", "--workload", "chat", "--model", MODEL, "--place", "3")
    row = by_place["row"]
    assert (row["board"], row["workload"], row["model"], row["place"]) == ("trusted", "chat", MODEL, 3)
    words = f"trusted {row['workload']} {row['quant']} {row['source']} {row['gpu_count']}x {row['gpu']} {MODEL}"
    assert answer("explain", words) == by_place


@pytest.mark.parametrize("words", [f"trusted chat {MODEL}", f"api chat {MODEL}"])
def test_the_sql_that_is_shown_gives_the_rows_that_are_shown(home: Path, published: Path, words: str) -> None:
    found = answer("explain", words)
    seen = shell.ask(published, found["sql"].removesuffix("\n"))
    assert len(seen) == len(found["offers"]) > 0
    key = "offer_id" if "offer_id" in seen[0] else "raw_text"
    assert sorted(row[key] for row in seen) == sorted(row[key] for row in found["offers"])


def test_the_price_of_an_explained_row_follows_from_its_parts(home: Path) -> None:
    found = answer("explain", f"trusted chat {MODEL}")
    row, estimate_behind = found["row"], found["estimate"]
    served = estimate_behind["output_tokens_per_s"] * 3600 / row["osl_tokens"] * row["utilization"]
    tokens = served * (row["isl_tokens"] + row["osl_tokens"])
    assert row["usd_per_hour"] / tokens * 1e6 == pytest.approx(row["usd_per_mtok"])
    assert found["price"]["usd_per_hour"] == row["gpu_usd_per_hour"]


# --- views and levers ------------------------------------------------------------------------------------------------


def test_the_front_of_price_and_speed_only_gets_faster_as_it_gets_dearer(home: Path) -> None:
    front = answer("leaderboard", "--model", MODEL, "--workload", "chat", "--best-slo", "--top", "1000")
    prices, speeds = ([row[name] for row in front] for name in ("usd_per_mtok", "tokens_per_s_per_user"))
    assert len(front) > 5 and prices == sorted(prices)
    assert all(slow < fast for slow, fast in pairwise(speeds))
    assert front[0]["place"] == 1
    fastest = answer("leaderboard", "--model", MODEL, "--workload", "chat", "--fastest", "--top", "1")
    assert fastest[0]["tokens_per_s_per_user"] == speeds[-1]


def test_batching_and_fewer_bits_save_on_todays_prices(home: Path) -> None:
    found = answer("levers", MODEL, "--workload", "batch")
    assert {"batching", "quantisation", "interruptible"} <= {row["lever"] for row in found}
    for row in found:
        assert row["usd_per_mtok_before"] / row["usd_per_mtok_after"] == pytest.approx(row["factor"])
        assert row["lever"] != "batching" or row["factor"] > 3


# --- estimate --------------------------------------------------------------------------------------------------------


def test_the_terms_of_an_estimate_add_up_and_its_measurements_are_near() -> None:
    asked = ("--quant", "fp8", "--gpu", "h100-sxm-80gb", "--gpus", "2", "--workload", "chat")
    found = answer("estimate", MODEL, *asked)
    for phase in ("decode", "prefill"):
        terms = [found[f"{phase}_{name}_ms"] for name in estimate.TERMS if name != "total"]
        assert sum(terms) == pytest.approx(found[f"{phase}_total_ms"], rel=1e-6)
    assert found["output_tokens_per_s_low"] < found["output_tokens_per_s"] < found["output_tokens_per_s_high"]
    for row in found["nearest_measured"]:
        assert row["model"] == MODEL or row["gpu"] == "h100-sxm-80gb"


def test_what_does_not_fit_says_by_how_much_and_gives_no_number() -> None:
    found = answer("estimate", MODEL, "--quant", "bf16", "--gpu", "rtx-4090-24gb", "--isl", "100", "--osl", "100")
    assert found["output_tokens_per_s"] is None and "GB short" in found["reason"]


def test_a_file_of_rows_gives_one_estimate_per_row_however_it_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    examples.write_files(tmp_path)
    whole, cut = tmp_path / "whole.csv", tmp_path / "cut.csv"
    pertoken("estimate", "--rows", str(tmp_path / "tests.csv"), "--out", str(whole))
    monkeypatch.setattr(estimate, "BATCH_ROWS", 1)
    pertoken("estimate", "--rows", str(tmp_path / "tests.csv"), "--out", str(cut))
    assert whole.read_bytes() == cut.read_bytes()
    found = pl.read_csv(whole)
    assert found.columns == ["id", "output_tok_s", "low", "high", "ttft_ms", "tpot_ms", "fits", "basis", "reason"]
    assert found["id"].to_list() == ["a", "b", "c"]
    assert found["output_tok_s"].is_null().to_list() == [False, False, True]
    assert found["reason"].to_list()[2] == "unknown gpu"


def test_rows_without_a_needed_column_leave_no_file(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("id,gpu\n1,h100\n", "utf-8")
    with pytest.raises(BadSetting, match="column model is missing"):
        pertoken("estimate", "--rows", str(tmp_path / "rows.csv"), "--out", str(tmp_path / "out.csv"))
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]
