"""The feed of price changes is valid Atom, says each change once, and holds nothing but text."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.warehouse import samples, week
from warehouse.export.feed import ATOM, feed
from warehouse.published import open_published
from warehouse.store import Warehouse

NAMES = {"atom": ATOM, "x": "http://www.w3.org/1999/xhtml"}
MAY_OCCUR = {"feed", "id", "title", "subtitle", "updated", "author", "name", "link", "entry", "category", "content"}
MAY_OCCUR_INSIDE = {"div", "p", "ul", "li"}


def written(published: Path) -> str:
    with open_published(published) as connection:
        return feed(connection)


def entries(text: str) -> dict[str, ElementTree.Element]:
    """By title."""
    return {
        entry.findtext("atom:title", "", NAMES): entry
        for entry in ElementTree.fromstring(text).iterfind("atom:entry", NAMES)
    }


@pytest.fixture(scope="module")
def benign(tmp_path_factory: pytest.TempPathFactory) -> str:
    return written(week.file("benign", tmp_path_factory))


def test_it_says_what_changed_and_not_what_the_first_answers_held(benign: str) -> None:
    assert set(entries(benign)) == {
        "host-a: llama-3.3-70b output: $0.400 → $0.300 per 1M tokens (−25 %)",
        "host-b: Brand New 9B output: new at $0.400 per 1M tokens",
        "vast: 8x h100-sxm-80gb: $2.00 → $1.50 per GPU-hour (−25 %)",
    }


def test_it_is_what_atom_asks_for(benign: str) -> None:
    root = ElementTree.fromstring(benign)
    assert root.tag == f"{{{ATOM}}}feed"
    for parent in (root, *root.iterfind("atom:entry", NAMES)):
        assert [len(parent.findall(f"atom:{tag}", NAMES)) for tag in ("id", "title", "updated")] == [1, 1, 1]
        assert datetime.fromisoformat(parent.findtext("atom:updated", "", NAMES)).tzinfo is not None
    assert root.find("atom:author/atom:name", NAMES) is not None
    ids = [element.text for element in root.iterfind(".//atom:id", NAMES)]
    assert len(ids) == len(set(ids)) == 4
    for content in root.iterfind(".//atom:content", NAMES):
        assert content.get("type") == "xhtml"
        assert [child.tag for child in content] == ["{http://www.w3.org/1999/xhtml}div"]


def test_a_later_run_adds_entries_and_leaves_the_earlier_ones_alone(path: Path) -> None:
    texts = []
    with Warehouse.open(path) as warehouse:
        for number, usd in enumerate(("0.4", "0.3", "0.3", "0.2")):
            samples.whole_run(warehouse, number, usd_per_gpu_hour=2 + number / 100, usd_per_mtok=usd)
            texts.append(feed(warehouse.connection))
    found = [entries(text) for text in texts]
    assert [len(each) for each in found] == [0, 1, 1, 2]  # a cent a GPU-hour is no news
    assert texts[1] == texts[2]
    for title, entry in found[1].items():
        assert ElementTree.tostring(entry).strip() == ElementTree.tostring(found[3][title]).strip()


def test_hostile_names_stay_text(tmp_path_factory: pytest.TempPathFactory, benign: str) -> None:
    hostile = ElementTree.fromstring(written(week.file("hostile", tmp_path_factory)))
    tame = ElementTree.fromstring(benign)
    assert sorted(element.tag for element in hostile.iter()) == sorted(element.tag for element in tame.iter())
    for element in hostile.iter():
        namespace, tag = element.tag[1:].split("}")
        assert tag in (MAY_OCCUR if namespace == ATOM else MAY_OCCUR_INSIDE)
        assert set(element.keys()) <= {"rel", "type", "href", "term"}
        assert len(element.text or "") < 300
    assert [element.get("href") for element in hostile.iter() if element.get("href")] == ["report.html"]
    assert any("<script>" in (element.text or "") for element in hostile.iter())
