"""Damage done to an answer at random: to its bytes, to its JSON, to the lines and cells of a page.

Every kind says in its name what it touches. Kinds that change no number leave each as it is, drop it, or repeat it, so
a price that changes under them was misread, unless its name was moved (`OF_PLACES`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

Damage = Callable[[Random, bytes], bytes]

NUMBER = re.compile(rb"\d+(?:[.,]\d+)*(?:[eE][+-]?\d+)?")
SPLICES = (
    *(b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\xc3", b"\xe2\x80\xae", b"\xed\xa0\x80", b"&#0;", b"\r\n"),
    *(b'"', b"\\", b"{", b"}", b"[", b"]", b"<", b">", b"|", b"$", b",", b"-"),
    *(b"NaN", b"null", b"</td>", b"<!--", b"<script>", b"```"),
)
NO_DIGITS = bytes(byte for byte in range(256) if byte not in b"0123456789")
OTHER_WORDS = (b"x", b"Batch", b"per", b"EUR", b"hour", b"<del>")
HOSTILE: tuple[Any, ...] = (
    *(None, True, False, "", " ", "free", "-", [], {}, [None], {"": None}, [[[[[[]]]]]]),
    *("\ud83d", "\x00", "💥" * 40, "x" * 5000, "=1+1", "<b>", "NaN", "Infinity"),
)
"""JSON values without a digit."""
HOSTILE_NUMBERS: tuple[Any, ...] = (
    *(0, -1, -0.5, 1e308, -1e308, 10**400, -(10**400), 2**63, 1e-320, 0.1 + 0.2, 1.0, 7),
    *("0", "-1", "1e9", "1E-12", "12,5", "１２", "0x10", "1_000", "1/0", "1/3", " 5 ", "+5", "5.", ".5", "9" * 400),
)


# --- bytes -----------------------------------------------------------------------------------------------------------


def cut_short(chance: Random, body: bytes) -> bytes:
    return body[: chance.randrange(len(body))] if body else body


def cut_out(chance: Random, body: bytes) -> bytes:
    start, end = _span(chance, body)
    return body[:start] + body[end:]


def repeat_part(chance: Random, body: bytes) -> bytes:
    start, end = _span(chance, body)
    return body[:end] + body[start:end] + body[end:]


def splice_in(chance: Random, body: bytes) -> bytes:
    at = _number_edge(body, chance.randint(0, len(body)))
    return body[:at] + chance.choice(SPLICES) + body[at:]


def break_byte(chance: Random, body: bytes) -> bytes:
    """A byte that is no part of a number becomes another that is none."""
    at = _number_edge(body, chance.randint(0, len(body)))
    if at >= len(body) or _numeric(body[at]):
        return body
    return body[:at] + bytes([chance.choice(NO_DIGITS)]) + body[at + 1 :]


def change_digits(chance: Random, body: bytes) -> bytes:
    found = list(NUMBER.finditer(body))
    if not found:
        return body
    number = chance.choice(found)
    return body[: number.start()] + _number(chance).encode() + body[number.end() :]


def shift_the_point(chance: Random, body: bytes) -> bytes:
    points = [found.start() for found in re.finditer(rb"(?<=\d)\.(?=\d)", body)]
    if not points:
        return body
    at = chance.choice(points)
    return body[:at] + chance.choice([b"", b",", b"..", b" "]) + body[at + 1 :]


# --- lines, cells and words of a page --------------------------------------------------------------------------------


def lose_a_line(chance: Random, body: bytes) -> bytes:
    lines = body.split(b"\n")
    del lines[chance.randrange(len(lines))]
    return b"\n".join(lines)


def move_a_line(chance: Random, body: bytes) -> bytes:
    lines = body.split(b"\n")
    line = lines.pop(chance.randrange(len(lines)))
    lines.insert(chance.randint(0, len(lines)), line)
    return b"\n".join(lines)


def lose_a_cell(chance: Random, body: bytes) -> bytes:
    """A cell of a table, Markdown or HTML, is gone: what stood right of it moves left."""
    cells = [found.span() for found in re.finditer(rb"\|[^|\n]*(?=\|)|<t[dh]\b.*?</t[dh]>", body, flags=re.S)]
    if not cells:
        return body
    start, end = chance.choice(cells)
    return body[:start] + body[end:]


def rename_a_word(chance: Random, body: bytes) -> bytes:
    """A word (a header, a key, a unit, a name) becomes another word, of this answer or of others."""
    words = list(re.finditer(rb"[A-Za-z_]{3,40}", body))
    if not words:
        return body
    word, other = chance.choice(words), chance.choice([chance.choice(words).group(), chance.choice(OTHER_WORDS)])
    return body[: word.start()] + other + body[word.end() :]


# --- JSON ------------------------------------------------------------------------------------------------------------


def hostile_value(chance: Random, body: bytes) -> bytes:
    return _in_json(chance, body, lambda owner, key: _set(owner, key, chance.choice(HOSTILE)))


def hostile_number(chance: Random, body: bytes) -> bytes:
    return _in_json(chance, body, lambda owner, key: _set(owner, key, chance.choice(HOSTILE_NUMBERS)))


def lose_a_field(chance: Random, body: bytes) -> bytes:
    return _in_json(chance, body, lambda owner, key: owner.pop(key))


def wrap_a_value(chance: Random, body: bytes) -> bytes:
    def wrapped(owner: Any, key: Any) -> None:
        owner[key] = chance.choice([[owner[key]], {"value": owner[key]}])

    return _in_json(chance, body, wrapped)


def number_as_text(chance: Random, body: bytes) -> bytes:
    """The same number as another type: 0.5 as "0.5", "3" as 3."""

    def other_type(owner: Any, key: Any) -> None:
        value = owner[key]
        if isinstance(value, str) and re.fullmatch(r"(0|[1-9]\d*)(\.\d+)?", value, re.A):
            owner[key] = json.loads(value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            owner[key] = json.dumps(value)

    return _in_json(chance, body, other_type)


def double_an_element(chance: Random, body: bytes) -> bytes:
    def twice(owner: Any, key: Any) -> None:
        if isinstance(owner, list):
            owner.insert(key, owner[key])
        else:
            owner[f"{key} "] = owner[key]

    return _in_json(chance, body, twice)


KINDS: Mapping[str, Damage] = {
    damage.__name__: damage
    for damage in (
        *(cut_short, cut_out, repeat_part, splice_in, break_byte, change_digits, shift_the_point),
        *(lose_a_line, move_a_line, lose_a_cell, rename_a_word),
        *(hostile_value, hostile_number, lose_a_field, wrap_a_value, number_as_text, double_an_element),
    )
}
OF_PLACES = frozenset(
    {"cut_short", "cut_out", "repeat_part", "lose_a_line", "move_a_line", "rename_a_word", "double_an_element"}
    | {"splice_in", "break_byte"}
)
"""These may put a price, as it stands, under another name, key or heading: to a reader an answer that says so.
`cut_short` may also end in the middle of a number."""


def damaged(chance: Random, body: bytes) -> tuple[tuple[str, ...], bytes]:
    """One to three kinds of damage, one after the other: their names and the body they leave."""
    names = tuple(chance.choice(list(KINDS)) for _ in range(chance.randint(1, 3)))
    for name in names:
        body = KINDS[name](chance, body)
    return names, body


# --- how -------------------------------------------------------------------------------------------------------------


def _span(chance: Random, body: bytes, longest: int = 400) -> tuple[int, int]:
    """A part that neither begins nor ends inside a number: half a number is another number."""
    start = chance.randint(0, len(body))
    end = min(len(body), start + chance.randint(0, longest))
    return _number_edge(body, start), _number_edge(body, end)


def _number_edge(body: bytes, at: int) -> int:
    """The next place that is not inside a number."""
    while 0 < at < len(body) and _numeric(body[at - 1]) and _numeric(body[at]):
        at += 1
    return at


def _numeric(byte: int) -> bool:
    return byte in b"0123456789.,eE+-_"


def _number(chance: Random) -> str:
    """Digits with or without sign, point and exponent; sometimes none."""
    whole = "".join(chance.choices("0123456789", k=chance.randint(0, 6)))
    part = "." + "".join(chance.choices("0123456789", k=chance.randint(0, 8))) if chance.random() < 0.5 else ""
    exponent = f"e{chance.randint(-400, 400)}" if chance.random() < 0.1 else ""
    return chance.choice(["", "", "", "-"]) + whole + part + exponent


def _set(owner: Any, key: Any, value: Any) -> None:
    owner[key] = value


def _in_json(chance: Random, body: bytes, change: Callable[[Any, Any], object]) -> bytes:
    """The body with one place of its JSON changed; as it is where it is no JSON with a place in it."""
    try:
        tree = json.loads(body)
    except (ValueError, RecursionError):
        return body
    places: list[tuple[Any, Any]] = []
    pending = [tree]
    while pending:
        owner = pending.pop()
        for key in owner if isinstance(owner, dict) else range(len(owner)) if isinstance(owner, list) else ():
            places.append((owner, key))
            pending.append(owner[key])
    if places:
        change(*chance.choice(places))
    return json.dumps(tree).encode()
