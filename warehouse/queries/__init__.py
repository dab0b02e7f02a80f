"""SQL the store runs, one question per file. Parameters are bound by name."""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def query(name: str) -> str:
    """Text of queries/NAME.sql."""
    return (Path(__file__).parent / f"{name}.sql").read_text("utf-8")
