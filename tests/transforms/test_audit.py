from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from tests.transforms import books
from tests.transforms.books import reference
from transforms import audit, audit_document

CLAIMS = reference("article_claims")
HOLDS = [f"C{n:02}" for n in (1, 4, *range(7, 12), *range(15, 21), 22, 23, *range(25, 30), 38, 41, 42)]
INCONSISTENT = ["C03", "C05", "C13", "C40"]


@pytest.fixture(scope="module")
def audited() -> pl.DataFrame:
    return audit.claims(CLAIMS)


def test_all_46_claims_are_judged(audited: pl.DataFrame) -> None:
    verdicts = dict(audited.select("claim_id", "verdict").rows())
    assert len(verdicts) == audited.height == 46
    assert [claim for claim, verdict in verdicts.items() if verdict == "holds"] == HOLDS
    assert [claim for claim, verdict in verdicts.items() if verdict == "inconsistent"] == INCONSISTENT
    assert sum(verdict == "fails" for verdict in verdicts.values()) == 19


@pytest.mark.parametrize(
    ("claim", "numbers"),
    [
        ("C03", ["0.63 USD/1M", "1,889"]),
        ("C05", ["4.0x to 15.9x", "15x to 60x"]),
        ("C14", ["batch 39", "batch 156", "6.8 %"]),
        ("C21", ["2.397 USD/h", "4.44 USD/1M"]),
        ("C24", ["-5.0 GiB"]),
        ("C30", ["6.3 %", "1.7 %", "0.432 and 0.540"]),
        ("C31", ["34,000", "9,000"]),
        ("C33", ["1,000 USD a day"]),
        ("C34", ["30,000 USD a month"]),
        ("C35", ["16.67", "17.00", "17.28"]),
        ("C36", ["500.00", "510.00", "518.40"]),
        ("C37", ["29,500 USD a month"]),
        ("C39", ["3,888", "5,832 and 11,664", "1.29"]),
        ("C40", ["833 to 1,667", "3.4x to 6.8x"]),
        ("C43", ["0.78x", "5.5x"]),
        ("C44", ["0.98x to 180x"]),
        ("C46", ["92 %", "247 %: never"]),
    ],
)
def test_the_right_number_stands_beside_the_verdict(audited: pl.DataFrame, claim: str, numbers: list[str]) -> None:
    right = audited.filter(claim_id=claim)["right_number"].item()
    assert [number for number in numbers if number not in right] == []


def test_a_verdict_follows_the_inputs() -> None:
    """With the whole GPU's price in place of the slice's, the row of the table no longer holds."""
    whole = CLAIMS.with_columns(pl.col("inputs").str.replace("usd_per_hour=0.34", "usd_per_hour=2.397"))
    row = audit.claims(whole).filter(claim_id="C15").row(0, named=True)
    assert (row["verdict"], row["recomputed"]) == ("fails", "4.44 USD/1M")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("formula", "magic"),
        ("inputs", "price=1"),
        ("comparison", "roughly"),
        ("claimed", "many"),
        ("shown", "{} {} {}"),
    ],
)
def test_a_row_that_cannot_be_read_is_named(column: str, value: str) -> None:
    broken = CLAIMS.with_columns(pl.when(claim="C11").then(pl.lit(value)).otherwise(column).alias(column))
    with pytest.raises(ValueError, match=r"article_claims.csv: C11: "):
        audit.claims(broken)


def test_the_articles_twelve_rows_come_out_as_printed() -> None:
    rows = audit.article_rows(reference("article_rows"))
    assert rows.group_by("article_table").len().sort("len")["len"].to_list() == [3, 4, 5]
    assert rows["usd_per_mtok_article"].to_list() == pytest.approx(rows["claimed_usd_per_mtok"].to_list(), abs=1e-12)
    assert rows["usd_per_mtok_exact"].to_list() != pytest.approx(rows["claimed_usd_per_mtok"].to_list(), abs=1e-3)


def test_prices_of_the_day_stand_beside_the_claims_they_bear_on(audited: pl.DataFrame) -> None:
    at = datetime(2026, 7, 27, 5, 19, tzinfo=UTC)
    gpu_prices = pl.DataFrame(
        {
            "board": ["trusted", "trusted", "community"],
            "gpu": ["a100-sxm-80gb", "a100-pcie-80gb", "a100-sxm-80gb"],
            "source": ["vast", "vultr", "vast"],
            "gpu_count": [1, 8, 1],
            "price_kind": "on_demand",
            "usd_per_gpu_hour_any_size": [1.067, None, 0.2],
            "freshness": "fresh",
            "observed_at": [at, at, at],
        }
    )
    prices = books.prices(books.price("input", "2.5"), books.price("output", "10"))
    said = audit.evidence(audited, CLAIMS, gpu_prices, prices)
    assert said.height == 46
    a100 = said.filter(claim_id="C21").row(0, named=True)
    assert a100["live_evidence"] == "a100-sxm-80gb: 1.067 USD per GPU and hour at vast (trusted)"
    assert a100["evidence_at"] == at
    assert said.filter(claim_id="C04")["live_evidence"].item() == "gpt-4o: 2.50 in, 10.00 out at openai"
    assert "can be priced" in said.filter(claim_id="C17")["live_evidence"].item()
    assert said.filter(claim_id="C25")["live_evidence"].item() is None


def test_the_document_in_docs_is_the_one_the_audit_writes(audited: pl.DataFrame) -> None:
    document = books.REFERENCE.parents[1] / "docs" / "article-audit.md"
    written = document.read_text(encoding="utf-8")
    fresh = audit_document.as_markdown(audited, audit.article_rows(reference("article_rows")), pl.DataFrame(THROUGHPUT))
    for heading in ("## Claims", "## The article's tables, reproduced"):
        assert section(written, heading) == section(fresh, heading)
    measured = [row["measured_tokens_per_s"] for row in reference("article_throughput").iter_rows(named=True)]
    assert all(f"| {number:,.0f} |" in written for number in measured if number is not None)


THROUGHPUT = {
    "figure": ["f"],
    "condition": ["c"],
    "article_tokens_per_s": [150.0],
    "our_tokens_per_s": [None],
    "our_tokens_per_s_low": [None],
    "our_tokens_per_s_high": [None],
    "measured_tokens_per_s": [None],
    "source": ["s"],
}


def section(text: str, heading: str) -> str:
    return text.split(heading, 1)[1].split("\n## ", 1)[0]
