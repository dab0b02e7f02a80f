"""What has really gone wrong at price pages, replayed on real pages: through the real parser, then the guards.

Each page is read twice: as it was, and mutated in the way it once broke. The wrong number must not be usable, what
was right stays usable, and the run says what happened.
"""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import polars as pl
import pytest

from scrapers.contract import Capture, Request, Source
from scrapers.reading import RunReading, read
from tests.transforms.quality.desk import RUN, START, Desk, asked, frame, price, usable
from transforms import quality

pytestmark = pytest.mark.captures

ANTHROPIC = "/docs/en/about-claude/pricing.md"
OPENAI = "/api/docs/pricing"
OPENAI_MD = "/api/docs/pricing.md"
DEEPSEEK = "/quick_start/pricing"
ENDPOINTS = "/api/v1/models/deepseek/deepseek-v4.1-flash/endpoints"
Bodies = Mapping[str, bytes]
Mutation = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Run:
    """One run of one source: what its parser made of the bodies, and what the guards made of that."""

    reading: RunReading
    checked: quality.Checked

    @property
    def report(self) -> str:
        """All the words the run leaves behind: refusals, findings, verdicts, reasons and logged changes."""
        refused = [str(error) for _, error in self.reading.refused]
        findings = [finding for _, reading in self.reading.readings for finding in reading.findings]
        said = [f"{finding.kind} {finding.where} {finding.what}" for finding in findings]
        reasons = self.checked.prices["reasons"].explode().drop_nulls().unique().to_list()
        verdicts = self.checked.sources["reasons"].explode().drop_nulls().to_list()
        return "\n".join([*refused, *said, *reasons, *verdicts, *self.checked.changes["evidence"]])


class Newsstand:
    """One source, asked every six hours, and the desk that remembers what it said."""

    def __init__(self, name: str) -> None:
        self.source: Source = importlib.import_module(f"scrapers.api.{name}").SOURCE
        self.desk = Desk()

    def run(self, bodies: Bodies) -> Run:
        self.desk.now += RUN
        captures = [self._capture(path, body) for path, body in bodies.items()]
        reading = read(self.source, captures)
        set_apart = reading.truncated or any(
            finding.kind.startswith("quarantined") for _, part in reading.readings for finding in part.findings
        )
        outcome = "failed" if not reading.settled.prices else "partial" if set_apart or reading.refused else "ok"
        sources = asked(**{self.source.name: outcome}).with_columns(
            canaries=pl.lit(list(self.source.canaries), pl.List(pl.String)),
            min_records=pl.lit(min(self.source.min_records, 6), pl.Int64),
        )
        checked = self.desk.check(frame(reading.settled.prices, self.desk.now), sources)
        counted = checked.sources.filter(pl.col("outcome") == "ok").select("source", "records")
        self.desk.counts = pl.concat([self.desk.counts, counted])
        return Run(reading, checked)

    def believe(self, bodies: Bodies) -> Run:
        """A run that must find nothing wrong."""
        run = self.run(bodies)
        assert usable(run.checked)
        assert run.checked.sources["verdict"].to_list() == ["healthy"]
        return run

    def _capture(self, path: str, body: bytes) -> Capture:
        return Capture(
            source=self.source.name,
            request=Request(path),
            url=self.source.origin + path,
            status=200,
            content_type="text/html" if body.lstrip()[:1] == b"<" else "text/plain",
            fetched_at=self.desk.now,
            body=body,
            sha256=sha256(body).hexdigest(),
        )


@pytest.fixture
def api(captures: Path) -> Path:
    return captures / "api"


def column(after: str, name: str, filling: str) -> Mutation:
    """Adds a column to every Markdown table with the header `after`, to the right of it."""

    def mutate(body: bytes) -> bytes:
        lines, at = body.decode().splitlines(), None
        for number, line in enumerate(lines):
            parts = line.split("|")
            stripped = [part.strip() for part in parts]
            if after in stripped:
                at = stripped.index(after) + 1
                lines[number] = "|".join([*parts[:at], f" {name} ", *parts[at:]])
            elif at is not None and line.startswith("|"):
                ruler = set(stripped) <= {"", ":---", "---"} or re.fullmatch(r"[|:\- ]+", line)
                lines[number] = "|".join([*parts[:at], " --- " if ruler else f" {filling} ", *parts[at:]])
            else:
                at = None
        return "\n".join(lines).encode()

    return mutate


def replaced(old: str, new: str, count: int = -1) -> Mutation:
    def mutate(body: bytes) -> bytes:
        assert old.encode() in body, old
        return body.replace(old.encode(), new.encode(), count)

    return mutate


def swapped(first: str, second: str) -> Mutation:
    """Swaps two columns' cells in every table with both headers; the headers stay where they were."""

    def mutate(body: bytes) -> bytes:
        lines, places = body.decode().splitlines(), None
        for number, line in enumerate(lines):
            parts = line.split("|")
            stripped = [part.strip() for part in parts]
            if first in stripped and second in stripped:
                places = (stripped.index(first), stripped.index(second))
            elif places and line.startswith("|"):
                a, b = places
                parts[a], parts[b] = parts[b], parts[a]
                lines[number] = "|".join(parts)
            else:
                places = None
        return "\n".join(lines).encode()

    return mutate


def anthropic(api: Path) -> bytes:
    return (api / "anthropic" / "pricing.2026-08-21.md").read_bytes()


def island(api: Path) -> bytes:
    return (api / "openai" / "developers-pricing-island.2026-08.excerpt.html").read_bytes()


# ------------------------------------------------------------------------------------------------ the incidents


def test_an_added_column_moves_no_price(api: Path) -> None:
    stand = Newsstand("openai")
    body = (api / "openai" / "pricing.2026-09-25.trimmed.md").read_bytes()
    before = stand.believe({OPENAI_MD: body})
    run = stand.run({OPENAI_MD: column("Short context cached input", "Short context cache storage", "$6.25")(body)})
    assert usable(run.checked) == usable(before.checked)
    assert "short context cache storage" in run.report


def test_a_row_of_unknown_arity_moves_no_price(api: Path) -> None:
    """OpenAI's rows grew from four cells to five on 2026-07-09: an output price of 30 was published as 6.25."""
    stand = Newsstand("openai")
    before = stand.believe({OPENAI: island(api)})
    sixth = re.sub(rb"(\[0,&quot;gpt-4o&quot;\],)", rb"\1[0,9.99],[0,9.99],", island(api))
    assert sixth != island(api)
    run = stand.run({OPENAI: sixth})
    assert usable(run.checked) == usable(before.checked)
    assert "9.99" not in usable(run.checked).values()
    assert "unknown arity" in run.report


def test_the_output_price_a_shifted_parser_once_published_is_held() -> None:
    desk = Desk()
    desk.run([price("5"), price("30", "output")])
    checked = desk.run([price("5"), price("6.25", "output")])
    assert usable(checked) == {"m1 input": "5", "m1 output": "30"}


@pytest.mark.parametrize("layout", ["pricing.2026-05-08.layoutB.html", "pricing.2026-09.layoutC.excerpt.html"])
def test_a_column_more_in_deepseeks_grid_moves_no_price(api: Path, layout: str) -> None:
    stand = Newsstand("deepseek")
    body = (api / "deepseek" / layout).read_bytes()
    before = stand.believe({DEEPSEEK: body})
    assert before.checked.prices["status"].unique().to_list() == ["ok"]
    shifted = re.sub(rb"(<td[^>]*>\s*1M (?:INPUT|OUTPUT) TOKENS)", rb"<td>NEW LABEL</td>\1", body)
    assert shifted != body
    run = stand.run({DEEPSEEK: shifted})
    assert usable(run.checked) == usable(before.checked)
    assert run.reading.refused or "quarantined" in run.report


def test_one_models_prices_under_anothers_name_are_held(api: Path) -> None:
    """After its new layout of 2026-08-18 the dear model was published at the cheap one's price."""
    stand = Newsstand("deepseek")
    body = (api / "deepseek" / "pricing.2026-09.layoutC.excerpt.html").read_bytes()
    before = stand.believe({DEEPSEEK: body})
    run = stand.run({DEEPSEEK: body.replace(b"$0.66", b"$0.22").replace(b"$1.98", b"$0.66")})
    assert usable(run.checked) == usable(before.checked)
    assert {"jump_2x", "carried_forward"} <= set(run.report.split("\n"))


@pytest.mark.parametrize(("per", "report"), [(Decimal("1e-6"), "below_minimum"), (Decimal("1e6"), "above_maximum")])
def test_a_host_that_changes_its_unit_changes_no_price(api: Path, per: Decimal, report: str) -> None:
    stand = Newsstand("openrouter")
    body = (api / "openrouter" / "endpoints.deepseek-v4.1-flash.2026-09.json").read_bytes()
    before = stand.believe({ENDPOINTS: body})
    answer = json.loads(body)
    wrong = answer["data"]["endpoints"][0]
    for name in ("prompt", "completion", "input_cache_read"):
        wrong["pricing"][name] = f"{Decimal(wrong['pricing'][name]) * per:f}"
    run = stand.run({ENDPOINTS: json.dumps(answer).encode()})
    assert usable(run.checked) == usable(before.checked)
    assert report in run.report
    untouched = run.checked.prices.filter(pl.col("endpoint") != wrong["tag"])
    assert untouched["status"].unique().to_list() == ["ok"]


def test_even_a_first_answer_in_another_unit_is_set_apart(api: Path) -> None:
    answer = json.loads((api / "openrouter" / "endpoints.deepseek-v4.1-flash.2026-09.json").read_bytes())
    for endpoint in answer["data"]["endpoints"]:
        for name in ("prompt", "completion", "input_cache_read"):
            endpoint["pricing"][name] = f"{Decimal(endpoint['pricing'].get(name) or 0) * Decimal('1e-6'):f}"
    run = Newsstand("openrouter").run({ENDPOINTS: json.dumps(answer).encode()})
    assert usable(run.checked) == {}


def test_a_spurious_zero_stops_nothing_but_itself(api: Path) -> None:
    stand = Newsstand("anthropic")
    before = stand.believe({ANTHROPIC: anthropic(api)})
    zeroed = re.sub(rb"(?m)^(\| Claude Sonnet 5 +\| )\$2 ", rb"\g<1>$0 ", anthropic(api), count=1)
    assert zeroed != anthropic(api)
    run = stand.run({ANTHROPIC: zeroed})
    assert usable(run.checked) == usable(before.checked)
    assert "unpriced" in run.report
    fresh = run.checked.prices.filter((pl.col("status") == "ok") & (pl.col("observed_at") == stand.desk.now))
    assert fresh.height == before.checked.sources["ok"][0] - 1


@pytest.mark.parametrize(
    ("name", "path", "good", "empty"),
    [
        (
            "openrouter",
            ENDPOINTS,
            "openrouter/endpoints.deepseek-v4.1-flash.2026-09.json",
            '{"data":{"id":"x","endpoints":[]}}',
        ),
        ("cerebras", "/public/v1/models", "cerebras/public-v1-models.2026-08.json", '{"object":"list","data":[]}'),
    ],
)
def test_an_empty_list_with_200_delists_nobody(api: Path, name: str, path: str, good: str, empty: str) -> None:
    stand = Newsstand(name)
    before = stand.believe({path: (api / good).read_bytes()})
    for _ in range(3):
        run = stand.run({path: empty.encode()})
    assert usable(run.checked) == usable(before.checked)
    assert "source_failed" in run.report
    assert run.checked.sources["verdict"].to_list() == ["failed"]


def test_a_reworded_header_we_know_by_meaning_is_read(api: Path) -> None:
    """Case changed and "&" became "and" in September 2026; a watcher was blind for ten days."""
    stand = Newsstand("anthropic")
    before = stand.believe({ANTHROPIC: anthropic(api)})
    words = [("Base Input Tokens", "Base input tokens"), ("5m Cache Writes", "5m cache writes"),
             ("Cache Hits & Refreshes", "Cache hits and refreshes"), ("Output Tokens", "Output tokens")]  # fmt: skip
    body = anthropic(api)
    for old, new in words:
        body = replaced(old, new)(body)
    run = stand.run({ANTHROPIC: body})
    assert usable(run.checked) == usable(before.checked)
    assert run.checked.sources["ok"].to_list() == before.checked.sources["ok"].to_list()


def test_a_reworded_header_we_do_not_know_is_set_apart_and_said(api: Path) -> None:
    stand = Newsstand("anthropic")
    before = stand.believe({ANTHROPIC: anthropic(api)})
    run = stand.run({ANTHROPIC: replaced("Base Input Tokens", "Reading fee")(anthropic(api))})
    assert usable(run.checked) == usable(before.checked)
    assert "reading fee" in run.report.casefold()


def test_read_and_write_prices_in_each_others_place_are_set_apart(api: Path) -> None:
    stand = Newsstand("anthropic")
    before = stand.believe({ANTHROPIC: anthropic(api)})
    wrong = swapped("5m Cache Writes", "Cache Hits & Refreshes")(anthropic(api))
    run = stand.run({ANTHROPIC: wrong})
    assert usable(run.checked) == usable(before.checked)
    assert "cache_read_above_input" in run.report
    first_ever = Newsstand("anthropic").run({ANTHROPIC: wrong})
    assert not [name for name in usable(first_ever.checked) if "cache" in name]
    assert {"Claude Opus 5 output"} <= usable(first_ever.checked).keys()


def test_rows_that_collapse_to_two_delist_nobody_and_say_so(api: Path) -> None:
    stand = Newsstand("anthropic")
    before = stand.believe({ANTHROPIC: anthropic(api)})
    few = re.sub(rb"(?m)^\| Claude (?!Haiku 4.5|Opus 5 ).*MTok.*\n", b"", anthropic(api))
    for _ in range(3):
        run = stand.run({ANTHROPIC: few})
    assert usable(run.checked) == usable(before.checked)
    assert "fewer_rows_than_usual" in run.report


def test_a_challenge_page_with_200_is_no_price_list(api: Path) -> None:
    challenge = (api / "openai" / "challenge-403.2026-05-08.html").read_bytes()
    for name, path, body in [("openai", OPENAI, island(api)), ("anthropic", ANTHROPIC, anthropic(api))]:
        stand = Newsstand(name)
        before = stand.believe({path: body})
        run = stand.run({path: challenge})
        assert usable(run.checked) == usable(before.checked)
        assert run.reading.refused
        assert "source_failed" in run.report


def test_prices_in_another_currency_are_no_prices(api: Path) -> None:
    body = (api / "deepseek" / "pricing.2026-09.layoutC.excerpt.html").read_bytes()
    chinese = re.sub(rb'lang="en[^"]*"', b'lang="zh-CN"', body)
    yuan = body.replace(b"$", "¥".encode())
    for wrong in (chinese, yuan):
        stand = Newsstand("deepseek")
        before = stand.believe({DEEPSEEK: body})
        run = stand.run({DEEPSEEK: wrong})
        assert usable(run.checked) == usable(before.checked)
        assert run.reading.refused


def test_a_footnote_digit_stuck_to_a_price_is_not_part_of_it(api: Path) -> None:
    body = (api / "anthropic" / "pricing.2026-09-25.trimmed.md").read_bytes()
    assert b"MTok<sup>1</sup>" in body
    stand = Newsstand("anthropic")
    before = stand.believe({ANTHROPIC: body})
    assert usable(before.checked)["Claude Opus 5.5 cache_read"] == "0.2"
    assert usable(before.checked)["Claude Fable 5.1 cache_read"] == "0.25"
    run = stand.run({ANTHROPIC: replaced("$50 / MTok", "$501 / MTok")(body)})
    assert usable(run.checked) == usable(before.checked)
    assert "jump_10x" in run.report or "output_beyond_belief" in run.report


def test_a_promotions_two_amounts_in_one_cell_are_not_confused(api: Path) -> None:
    stand = Newsstand("deepseek")
    before = stand.believe({DEEPSEEK: (api / "deepseek" / "pricing.2026-05-08.layoutB.html").read_bytes()})
    assert usable(before.checked)["deepseek-v4-pro input"] == "0.435"


def test_a_page_that_moved_away_ages_and_then_leaves_the_board(api: Path) -> None:
    stand = Newsstand("anthropic")
    before = stand.believe({ANTHROPIC: anthropic(api)})
    for hours in (6, 12, 18, 24):
        run = stand.run({ANTHROPIC: b"<html><body>Not found. See our documentation index.</body></html>"})
        assert usable(run.checked) == (usable(before.checked) if hours <= 18 else {})
    stale = run.checked.prices.filter(pl.col("status") == "stale")
    assert stale.height == before.checked.sources["ok"][0]
    assert stale["observed_at"].unique().to_list() == [START]
    assert stand.desk.now - START == timedelta(hours=24)
