"""A recording answers what the network answered, through the same walk and the same checks."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scrapers.contract import Capture, Request
from scrapers.fetch import fetch
from scrapers.recorded_responses import INDEX, recorded, recorded_all, write_recording
from tests.scrapers.misbehaving import SOURCE, asking, reply, site

SEARCH = Request("/search", "POST", {"type": "bid", "order": [["price", "asc"]]}, "bids")


def follow(capture: Capture) -> list[Request]:
    return [SEARCH, Request("/offers?page=2&cursor=a%2Fb", label="page 2")] if capture.request.path == "/offers" else []


SHOP = replace(SOURCE, follow=follow, scrub=lambda body: body.replace(b"203.0.113.9", b""))


async def record(folder: Path) -> list[Capture]:
    pages = [b'{"offers":[1],"ip":"203.0.113.9"}', b'{"offers":[2]}', '{"offers":["é"]}'.encode()]
    async with site(*map(reply, pages)) as wire:
        captures = list((await fetch(SHOP, asking(wire))).captures)
    write_recording(folder / "shop", captures)
    return captures


def edit(folder: Path, number: int, **changes: Any) -> None:
    path = folder / "shop" / INDEX
    index = json.loads(path.read_text())
    index[number].update(changes)
    path.write_text(json.dumps(index))


async def test_a_recording_gives_back_what_was_captured(tmp_path: Path) -> None:
    captures = await record(tmp_path)
    fetched = await recorded(SHOP, tmp_path)
    assert (fetched.error, fetched.truncated, fetched.notes) == (None, False, ())
    assert [replace(c, url="") for c in fetched.captures] == [replace(c, url="") for c in captures]
    assert [c.url for c in fetched.captures] == [SHOP.origin + c.request.path for c in captures]
    assert len(captures) == 3
    assert b"203.0.113.9" not in b"".join(path.read_bytes() for path in (tmp_path / "shop").iterdir())


async def test_the_index_is_written_for_people(tmp_path: Path) -> None:
    captures = await record(tmp_path)
    index = json.loads((tmp_path / "shop" / INDEX).read_text())
    assert index[1] == {
        "method": "POST",
        "path": "/search",
        "json": {"type": "bid", "order": [["price", "asc"]]},
        "status": 200,
        "content_type": "application/json",
        "fetched_at": captures[1].fetched_at.isoformat().replace("+00:00", "Z"),
        "file": "002-bids.json",
    }


async def test_a_new_recording_replaces_the_old_one(tmp_path: Path) -> None:
    captures = await record(tmp_path)
    write_recording(tmp_path / "shop", captures[:1])
    assert sorted(path.name for path in (tmp_path / "shop").iterdir()) == ["001-the-first-page.json", INDEX]


async def test_a_request_that_was_not_recorded_ends_its_branch_and_is_noted(tmp_path: Path) -> None:
    await record(tmp_path)
    edit(tmp_path, 1, json={"type": "bid"})
    fetched = await recorded(SHOP, tmp_path)
    assert (len(fetched.captures), fetched.error, fetched.truncated) == (2, None, False)
    (note,) = fetched.notes
    assert "POST https://shop.example/search, bids" in note


async def test_a_recording_is_checked_like_an_answer(tmp_path: Path) -> None:
    await record(tmp_path)
    edit(tmp_path, 2, status=403)
    fetched = await recorded(SHOP, tmp_path)
    assert len(fetched.captures) == 2
    assert fetched.error is not None and fetched.error.fault == "denied"


@pytest.mark.parametrize("index", [None, "[]", "{", '[{"method":"GET"}]'])
async def test_no_recording_at_all_is_an_error(tmp_path: Path, index: str | None) -> None:
    (tmp_path / "shop").mkdir()
    if index is not None:
        (tmp_path / "shop" / INDEX).write_text(index)
    fetched = await recorded(SHOP, tmp_path)
    assert fetched.error is not None and fetched.error.fault == "not_recorded"
    assert not fetched.captures


async def test_a_recording_reads_no_file_outside_its_folder(tmp_path: Path) -> None:
    await record(tmp_path)
    (tmp_path / "secret").write_bytes(b'{"offers":["secret"]}')
    edit(tmp_path, 0, file="../secret")
    fetched = await recorded(SHOP, tmp_path)
    assert fetched.error is not None
    assert not fetched.captures


async def test_sources_without_a_recording_are_absent(tmp_path: Path) -> None:
    await record(tmp_path)
    names = [fetched.source async for fetched in recorded_all([replace(SHOP, name="other"), SHOP], tmp_path)]
    assert names == ["shop"]
