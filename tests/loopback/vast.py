"""A stand-in for Vast.ai's search: filters, order, the anonymous cap of 64, storage in the price, plain-text 429."""

from __future__ import annotations

import gzip
import json
import operator
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal

from tests.loopback.server import Answer, Ask, Routes, as_json

Offer = dict[str, Any]

ANONYMOUS_CAP = 64
KEYED_CAP = 512
DEFAULT_STORAGE_GB = 8.0
MONTH_HOURS = 720
RENTALS = {"on-demand": "on-demand", "ondemand": "on-demand", "ask": "on-demand", "bid": "bid"}
OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "neq": operator.ne,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "in": lambda value, wanted: value in wanted,
    "notin": lambda value, wanted: value not in wanted,
}
VIRTUAL: dict[str, Callable[[Offer], Any]] = {
    "verified": lambda offer: offer["verification"] == "verified",
    "datacenter": lambda offer: (offer["hosting_type"] or 0) > 0,
    "geolocation": lambda offer: (offer["geolocation"] or "")[-2:],
}
NOT_FILTERS = {"type", "order", "limit", "allocated_storage", "disable_bundling", "select_cols"}


def on_the_wire(row: Mapping[str, Any], rental: str) -> Offer:
    """A whole offer as the API sends it, from the fields a trimmed book keeps; what is lacking is made from the ids."""
    chance = random.Random(int(row["machine_id"]))
    gpus, ram, total = row["num_gpus"], row["gpu_ram"], row["dph_base"] + row["storage_cost"] * 8 / MONTH_HOURS
    cores = chance.choice([16, 32, 64, 128, 256])
    fabric = any(word in row["gpu_name"] for word in ("SXM", "B200", "B300")) or row["gpu_name"] == "H200"
    made = {
        "ask_contract_id": row["id"],
        "bundle_id": chance.randrange(10**9, 2 * 10**9),
        "bundled_results": None,
        "bw_nvlink": 478.1 if fabric and gpus > 1 else 0.0,
        "cpu_cores": cores,
        "cpu_cores_effective": cores * gpus / 8,
        "cpu_name": "AMD EPYC 9554 64-Core Processor",
        "cpu_ram": cores * 2048,
        "credit_discount_max": chance.choice([0.0, 0.0, 0.1, 0.4]),
        "disk_space": float(chance.choice([120, 500, 1000, 4000])),
        "dph_total": total,
        "external": None,
        "gpu_frac": min(1.0, gpus / 8),
        "gpu_ids": list(range(gpus)),
        "gpu_max_power": 350.0,
        "gpu_mem_bw": 900.0,
        "gpu_total_ram": ram * gpus,
        "hostname": f"host-{row['host_id']}.example.net" if chance.random() < 0.3 else None,
        "is_bid": rental == "bid",
        "logo": "/static/logos/vastai_small2.png",
        "mobo_name": None,
        "pcie_bw": chance.choice([6.2, 12.4, 24.8, 49.8]),
        "public_ipaddr": f"203.0.113.{chance.randrange(1, 255)}",
        "reliability": row["reliability2"],
        "rentable": True,
        "resource_type": "gpu",
        "search": {"totalHour": total},
        "storage_total_cost": row["storage_cost"] * 8 / MONTH_HOURS,
        "time_remaining": "",
        "webpage": None,
    }
    return made | {name: value for name, value in row.items() if name not in ("rental_type", "scraped_at")}


def book(path: Path) -> dict[str, list[Offer]]:
    """The offers of one day's file, per rental type."""
    offers: dict[str, list[Offer]] = {"on-demand": [], "bid": []}
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            offers[row["rental_type"]].append(on_the_wire(row, row["rental_type"]))
    return offers


def invented(count: int, seed: int = 1, prices: Sequence[float] | None = None) -> list[Offer]:
    """`count` offers of no real machine, at prices drawn from `prices` (default: spread over three decades)."""
    chance = random.Random(seed)
    cards = [("RTX 4090", 24564), ("RTX 5090", 32607), ("H100 SXM", 81559), ("A100 SXM4", 40960), ("RTX 3090", 24576)]
    return [_invented(chance, number, *chance.choice(cards), prices) for number in range(count)]


def _invented(chance: random.Random, number: int, name: str, ram: int, prices: Sequence[float] | None) -> Offer:
    price = chance.choice(prices) if prices else round(10 ** chance.uniform(-1.5, 1.5), 4)
    row = {
        "id": 50_000_000 + number * 7,
        "machine_id": 10_000 + number,
        "host_id": 1_000 + number // 3,
        "gpu_name": name,
        "num_gpus": chance.choice([1, 1, 1, 2, 4, 8]),
        "gpu_ram": ram,
        "dph_base": price,
        "min_bid": price / 2,
        "storage_cost": 0.2,
        "inet_up_cost": 0.002,
        "inet_down_cost": 0.002,
        "geolocation": chance.choice(["Norway, NO", ", US", "Washington, US", None]),
        "verification": chance.choice(["verified", "verified", "unverified", "deverified"]),
        "reliability2": round(chance.uniform(0.6, 0.9998), 6),
        "inet_down": 900.0,
        "inet_up": 700.0,
        "duration": 2_000_000.0,
        "rented": False,
        "hosting_type": chance.choice([0, 0, 0, 1]),
    }
    return on_the_wire(row, "on-demand")


@dataclass
class Vast:
    """Answers searches over `offers` (per rental type).

    `cap` limits an answer without a key, `keyed_cap` one with a key; `per_minute` turns the rate limit on.
    `honesty`: "ordered" answers the first offers in the order asked for; "sampled" a sample of all that fit, in that
    order; "shuffled" a sample in no order. The last two were seen in June 2026.
    """

    offers: Mapping[str, Sequence[Offer]]
    cap: int = ANONYMOUS_CAP
    keyed_cap: int = KEYED_CAP
    per_minute: int | None = None
    honesty: Literal["ordered", "sampled", "shuffled"] = "ordered"
    recent: list[float] = field(default_factory=list)

    def routes(self) -> Routes:
        return {"/api/v0/bundles/": self.bundles, "/api/v0/search/asks/": self.asks}

    def bundles(self, ask: Ask) -> Answer:
        return self._search(ask, json.loads(ask.query.get("q", "{}")) if ask.method == "GET" else ask.json())

    def asks(self, ask: Ask) -> Answer:
        return self._search(ask, (ask.json() or {}).get("q"))

    def _search(self, ask: Ask, query: Any) -> Answer:
        if self._too_frequent():
            return Answer(b"API requests too frequent: endpoint threshold=6.0", 429, "text/plain; charset=utf-8")
        if not isinstance(query, dict) or query.get("type", "on-demand") not in RENTALS:
            return as_json({"success": False, "error": "invalid_args", "msg": "Invalid query."}, 400)
        cap = self.keyed_cap if "authorization" in ask.headers else self.cap
        found = list(self._matching(query))
        size = min(cap, int(query.get("limit", ANONYMOUS_CAP)), len(found))
        if self.honesty != "ordered":
            found = random.Random(len(found)).sample(found, size)
        if self.honesty != "shuffled":
            for name, direction in reversed(query.get("order", [])):
                found.sort(key=itemgetter(name), reverse=direction == "desc")
        page = found[:size]
        return as_json({"offers": page})

    def _matching(self, query: Mapping[str, Any]) -> Iterator[Offer]:
        storage = float(query.get("allocated_storage", DEFAULT_STORAGE_GB))
        filters = [
            (VIRTUAL.get(name, itemgetter(name)), OPERATORS[word], wanted)
            for name, bounds in query.items()
            if name not in NOT_FILTERS
            for word, wanted in bounds.items()
        ]
        for offer in self.offers[RENTALS[query.get("type", "on-demand")]]:
            priced = offer if storage == DEFAULT_STORAGE_GB else _with_storage(offer, storage)
            if all(compare(value(priced), wanted) for value, compare, wanted in filters):
                yield priced

    def _too_frequent(self) -> bool:
        if self.per_minute is None:
            return False
        now = time.monotonic()
        self.recent = [moment for moment in self.recent if now - moment < 60] + [now]
        return len(self.recent) > self.per_minute


def _with_storage(offer: Offer, allocated_gb: float) -> Offer:
    storage = offer["storage_cost"] * allocated_gb / MONTH_HOURS
    return offer | {"storage_total_cost": storage, "dph_total": offer["dph_base"] + storage}
