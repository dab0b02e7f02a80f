"""Strict reading of JSON answers: what is missing, renamed or mistyped raises, what is new is reported once."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from math import isfinite
from typing import TypeVar

import msgspec

from scrapers.contract import Capture, Finding, UnexpectedPage

T = TypeVar("T")

_MISSING = re.compile(r"missing required field `(?P<field>[^`]+)`")
_AT = re.compile(r"^(?P<what>.*?)(?: - at `\$?\.?(?P<path>.*)`)?$", re.S)
_PREVIEW_BYTES = 60


def decode(capture: Capture, model: type[T]) -> T:
    """The body as `model`, strictly typed: unknown fields pass, a missing or mistyped one does not.

    The literals NaN and Infinity, which JSON does not have and Python servers send, are read as null, and so is a
    number too large for a float; half a character (a lone surrogate) becomes U+FFFD.
    Raises UnexpectedPage naming the field, or "body" where the answer is no JSON at all.
    """
    try:
        return msgspec.json.decode(capture.body, type=model)
    except msgspec.ValidationError as error:
        raise _mismatch(capture, error) from error
    except (ValueError, RecursionError):
        return _decode_lenient(capture, model)


def _decode_lenient(capture: Capture, model: type[T]) -> T:
    try:
        tree = json.loads(capture.body, parse_constant=_null, parse_float=_finite)
        text = json.dumps(tree, ensure_ascii=False).encode("utf-8", "surrogatepass").decode("utf-8", "replace")
        return msgspec.json.decode(text, type=model)
    except msgspec.ValidationError as error:
        raise _mismatch(capture, error) from error
    except (ValueError, RecursionError) as error:
        start = capture.body[:_PREVIEW_BYTES].decode("utf-8", "replace")
        what = f"not JSON ({type(error).__name__}), {len(capture.body)} bytes that start {start!r}"
        raise UnexpectedPage(capture.source, "body", f"{what}, capture {capture.sha256[:12]}") from error


def _null(literal: str) -> None:
    return None


def _finite(literal: str) -> float | None:
    number = float(literal)
    return number if isfinite(number) else None


def _mismatch(capture: Capture, error: msgspec.ValidationError) -> UnexpectedPage:
    """msgspec says "Object missing required field `gpu_ram` - at `$.offers[3]`"; ours says where first."""
    found = _AT.match(str(error))
    what, path = (found["what"], found["path"] or "") if found else (str(error), "")
    missing = _MISSING.search(what)
    where = ".".join(part for part in (path, missing["field"] if missing else "") if part) or "body"
    return UnexpectedPage(capture.source, where, f"{what}, capture {capture.sha256[:12]}")


def new_fields(
    capture: Capture, model: type[T], objects: Callable[[T], Iterable[msgspec.Raw]], where: str, known: frozenset[str]
) -> list[Finding]:
    """`extra_fields` of the JSON objects that `objects` picks from the body, where `model` leaves them msgspec.Raw.

    Empty for a body that could be read only leniently.
    """
    try:
        return extra_fields(where, objects(msgspec.json.decode(capture.body, type=model)), known)
    except (ValueError, RecursionError):
        return []


def extra_fields(where: str, objects: Iterable[msgspec.Raw], known: frozenset[str]) -> list[Finding]:
    """One finding per field that is not in `known`, in order of appearance, with the value it was first seen with.

    `objects` are JSON objects, undecoded; `where` names the list they stand in. One that is no valid JSON object is
    passed over.
    """
    new: dict[str, msgspec.Raw] = {}
    for text in objects:
        try:
            fields = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
        except (ValueError, RecursionError):
            continue
        if fields.keys() <= known:
            continue
        new.update({name: value for name, value in fields.items() if name not in known and name not in new})
    return [
        Finding("extra_field", f"{where}[].{name[:80]}", bytes(value)[:_PREVIEW_BYTES].decode("utf-8", "replace"))
        for name, value in new.items()
    ]


def field_names(*models: type[msgspec.Struct]) -> frozenset[str]:
    """The JSON field names that `models` read."""
    return frozenset(name for model in models for name in model.__struct_encode_fields__)
