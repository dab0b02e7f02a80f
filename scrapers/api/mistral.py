"""Mistral's price page, two layouts: a list of models inside the scripts of a Next.js page, and Astro's price cards.

Prices are per 1M tokens where the label says so, "Input (/M tokens)"; every other label is another good or unknown. The
prose on the page contradicts the list and is not read. Models go by their displayed names: endpoint ids are shared.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec
from selectolax.lexbor import LexborHTMLParser

from scrapers.contract import ApiPrice, Capture, Component, Reading, Request, Source, UnexpectedPage
from scrapers.pricelist import PriceList
from scrapers.tables import UnreadableCell, fold, plain, usd_per_mtok

NAME = "mistral"
API_PAGE = "/pricing/api"
COMPONENTS: Mapping[str, Component] = {
    "input (/m tokens)": "input",
    "cached input (/m tokens)": "cache_read",
    "output (/m tokens)": "output",
    "input (per min / per m tok)": "input",
}
OTHER_GOODS = re.compile(
    r"ocr.*|annotations?.*|audio.*|available on|api endpoint|training cost.*|storage cost|price|indexing|call"
    r"|.*per 1k? (pages|characters|calls|images)\)?|.*/min\)?"
)
OTHER_TYPES = frozenset({"classifier models", "embedding models", "tools"})
"""Groups of the list that hold no chat model."""


class WirePrice(msgspec.Struct):
    value: str
    price_dollar: str


class WireApi(msgspec.Struct):
    name: str
    type: str
    price: list[WirePrice]
    api_endpoint: str | None = None


Row = tuple[str, str]
"""Label and price as shown."""


def parse(capture: Capture) -> Reading:
    """Raises UnexpectedPage where the API price page holds no list of models.

    The plans page has held it as well; there its absence says nothing.
    """
    text = capture.body.decode("utf-8", "replace")
    prices = PriceList()
    models = [*_next_models(text), *_astro_models(text)]
    for name, rows in models:
        _add_model(name, rows, prices)
    if prices.empty and capture.request.path.rstrip("/") == API_PAGE:
        raise UnexpectedPage(NAME, capture.request.path, f"{len(models)} models, none with a price per 1M tokens")
    return prices.reading()


def settle(captures: Sequence[Capture], reading: Reading) -> Reading:
    """One price where both pages hold the list; none where they contradict one another."""
    prices = PriceList()
    for price in reading.prices:
        prices.add(price)
    return prices.reading()


def _next_models(text: str) -> Iterator[tuple[str, Sequence[Row]]]:
    """Models of the `apis` list in the page's flight payload: JSON inside JSON strings inside scripts."""
    pieces = re.findall(r'self\.__next_f\.push\(\[1,("(?:[^"\\]|\\.)*")\]\)', text)
    try:
        payload = "".join(json.loads(piece) for piece in pieces)
    except ValueError as error:
        raise UnexpectedPage(NAME, "self.__next_f", str(error)) from error
    for found in re.finditer(r'"apis":(?=\[)', payload):
        try:
            listed, _ = json.JSONDecoder().raw_decode(payload, found.end())
            apis = msgspec.convert(listed, list[WireApi])
        except (ValueError, RecursionError) as error:
            raise UnexpectedPage(NAME, "apis", str(error)) from error
        for api in apis:
            if api.type.casefold() not in OTHER_TYPES:
                # The payload writes a leading dollar sign twice.
                yield api.name, [(row.value, row.price_dollar.replace("$$", "$")) for row in api.price]


def _astro_models(text: str) -> Iterator[tuple[str, Sequence[Row]]]:
    """Models of the cards: a title, and prices whose label is the paragraph before them."""
    page = LexborHTMLParser(text)
    for card in page.css(".model-item, mistral-block-card-model"):
        title = card.css_first(".text-h5") or card.css_first("h3")
        rows: list[Row] = []
        for atom in card.css("mistral-atom-text-price"):
            label = atom.prev
            while label is not None and label.tag != "p":
                label = label.prev
            shown = _usd(atom.attributes.get("data-prices")) or atom.text(strip=True)
            rows.append((label.text(strip=True) if label is not None else "", shown))
        if title is not None and rows:
            yield plain(title.text(strip=True)), rows


def _usd(written: str | None) -> str | None:
    """The dollars of {"priceUsd": 0.15, "priceEur": …}, as a cell would show them."""
    try:
        prices: Any = json.loads(written or "null", parse_float=Decimal)
    except (ValueError, RecursionError):
        return None
    usd = prices.get("priceUsd") if isinstance(prices, dict) else None
    suffix = str(prices.get("suffix") or "") if isinstance(prices, dict) else ""
    return f"${usd}{suffix}" if isinstance(usd, int | Decimal) and not isinstance(usd, bool) else None


def _add_model(name: str, rows: Sequence[Row], prices: PriceList) -> None:
    found: dict[Component, tuple[Decimal | None, str]] = {}
    for label, shown in rows:
        component = COMPONENTS.get(fold(label))
        if component is not None:
            try:
                price = (_amount(plain(shown)), plain(shown))
            except UnreadableCell as error:
                prices.quarantine(f"{name}, {plain(label)}", str(error))
                continue
            if found.setdefault(component, price)[0] != price[0]:
                prices.quarantine(name, f"{plain(label)}: both {found[component][1]} and {price[1]}")
                return
        elif not OTHER_GOODS.fullmatch(fold(label)):
            prices.quarantine(f"{name}, {plain(label)}", f"unknown label: {plain(shown)}")
        elif plain(shown).casefold() == "free":
            prices.unpriced(name, "free for a limited period")
    for component, (amount, shown) in found.items() if {"input", "output"} <= found.keys() else ():
        prices.add(
            ApiPrice(
                source=NAME,
                provider=NAME,
                channel="first_party",
                model_name=name,
                component=component,
                usd_per_mtok=amount,
                raw_text=shown,
            )
        )


def _amount(shown: str) -> Decimal | None:
    """One amount, or the text one of "$0.004 (audio) / $0.1 (text)"."""
    both = re.fullmatch(r"\$[\d.]+ \(audio\) / (\$[\d.]+) \(text\)", shown)
    return usd_per_mtok(both[1] if both else shown)


SOURCE = Source(
    name=NAME,
    kind="api",
    origin="https://mistral.ai",
    first=(Request(API_PAGE, label="API prices"), Request("/pricing", label="plans, once with API prices")),
    parse=parse,
    settle=settle,
    robots=True,
    content_types=("text/html",),
    anchors=(b"mistral-atom-text-price", b"price_dollar", b"Mistral AI"),
    canaries=("Mistral Large 3", "Codestral"),
    min_records=10,
)
