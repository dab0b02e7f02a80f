"""Alerts: rules of a TOML file, judged on the published file, sent to wherever Apprise can send.

    [[best_price]]   # the first place of a board
    workload = "chat"
    model = "llama-3.3-70b"
    board = "combined"
    below_usd_per_mtok = 0.20

    [[gpu_price]]    # the cheapest ranked price of a GPU
    gpu = "h100-sxm-80gb"
    below_usd_per_gpu_hour = 1.80

    [[move]]         # a price that moved beyond a share over a window
    kind = "api"
    window_hours = 24
    percent = 20

    [[silent]]       # a source that has not answered
    hours = 24

A cause is reported at most once a UTC day and target. What was sent is written down before it is sent, so a crash in
between costs a message and never doubles one; what could not be sent is tried again at the next call.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from flows.settings import BadSetting, Settings
from flows.terminal import known
from warehouse.export.figures import band, change, moment, plural, span, usd
from warehouse.export.text import plain
from warehouse.published import open_published
from warehouse.queries import answer
from warehouse.swap import write_whole

Above0 = Annotated[float, msgspec.Meta(gt=0)]
BoardName = Literal["trusted", "community", "interruptible", "api", "combined"]
Row = Mapping[str, Any]
Ask = Callable[..., list[dict[str, Any]]]
LINES = 20
"""Alerts spelled out in one message; the rest is counted."""
LONGEST_NAME = 80
_shown_as = str.maketrans({"<": "‹", ">": "›", "@": "＠", "*": "∗", "`": "'", "[": "(", "]": ")"})


# --- rules -----------------------------------------------------------------------------------------------------------


class BestPrice(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The first place of a board is below a price."""

    workload: str
    model: str
    below_usd_per_mtok: Above0
    board: BoardName = "combined"


class GpuPrice(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The cheapest ranked price of a GPU is below a price."""

    gpu: str
    below_usd_per_gpu_hour: Above0
    board: Literal["trusted", "community", "interruptible"] = "trusted"


class Move(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A price moved, up or down, by at least a share over a window."""

    kind: Literal["api", "gpu"]
    percent: Above0
    window_hours: Literal[24, 168, 720] = 24
    source: str | None = None
    gpu: str | None = None
    model: str | None = None


class Silent(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A source has not answered for so long, as of now. No sources: any."""

    hours: Above0
    sources: tuple[str, ...] = ()


class Config(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`max_age_hours`: older prices are not judged, for they say nothing about now."""

    notify: tuple[str, ...] = ()
    max_age_hours: Above0 = 24
    best_price: tuple[BestPrice, ...] = ()
    gpu_price: tuple[GpuPrice, ...] = ()
    move: tuple[Move, ...] = ()
    silent: tuple[Silent, ...] = ()


def read_config(path: Path) -> Config:
    """The rules of a TOML file. Raises BadSetting that names the field and what it should be."""
    try:
        return msgspec.toml.decode(path.read_bytes(), type=Config)
    except OSError as error:
        raise BadSetting(f"{path} cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadSetting(f"{path}: {error}") from error


# --- judging ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Alert:
    """`cause` is what is reported once a day; `text` is one line, harmless wherever it is shown."""

    cause: str
    text: str


@dataclass(frozen=True, slots=True)
class Judged:
    """A rule in words, the alerts it gives now, and what is to be known where it gives none."""

    rule: str
    alerts: Sequence[Alert] = ()
    note: str = ""


def judge(published: Path, config: Config, now: datetime) -> list[Judged]:
    """Every rule, judged on the published file as of `now`. Raises BadSetting for a name the file does not know."""
    with open_published(published) as connection:

        def ask(question: str, **values: object) -> list[dict[str, Any]]:
            return answer(connection, f"alert_{question}", **values)

        _check_names(ask("names"), config)
        oldest = now - timedelta(hours=config.max_age_hours)
        return [
            *(_best_price(ask, rule, oldest) for rule in config.best_price),
            *(_gpu_price(ask, rule, oldest) for rule in config.gpu_price),
            *(_move(ask, rule, oldest) for rule in config.move),
            *(_silent(ask, rule, now) for rule in config.silent),
        ]


def _check_names(rows: Sequence[Row], config: Config) -> None:
    """A misspelt rule would be silent for ever."""
    wanted = [
        *(("workload", rule.workload) for rule in config.best_price),
        *(("model", rule.model) for rule in config.best_price),
        *(("gpu", rule.gpu) for rule in config.gpu_price),
        *((kind, getattr(rule, kind)) for rule in config.move for kind in ("source", "gpu", "model")),
        *(("source", source) for rule in config.silent for source in rule.sources),
    ]
    for kind, name in wanted:
        if name is not None:
            known(kind, name, (row["name"] for row in rows if row["kind"] == kind))


def _best_price(ask: Ask, rule: BestPrice, oldest: datetime) -> Judged:
    what = f"{rule.workload}, {rule.model}, {rule.board} board"
    words = f"{what} below {usd(rule.below_usd_per_mtok)} per 1M tokens"
    rows = ask("best_price", board=rule.board, workload=rule.workload, model=rule.model)
    if note := _unusable(rows, oldest):
        return Judged(words, note=note)
    row = rows[0]
    price = f"{usd(row['usd_per_mtok'])} per 1M tokens"
    if row["usd_per_mtok"] >= rule.below_usd_per_mtok:
        return Judged(words, note=f"now {price}")
    bands = band(row["usd_per_mtok_low"], row["usd_per_mtok_high"])
    where = f"{_machine(row)} from {_name(row['source'])}" if row["gpu"] else _name(row["provider"] or row["source"])
    text = (
        f"{what}: {price}{f' (band {bands})' if bands else ''}, below {usd(rule.below_usd_per_mtok)}; "
        f"{where}, {_read(row)}"
    )
    return Judged(words, [Alert(f"best_price|{what}|{rule.below_usd_per_mtok}", text)])


def _gpu_price(ask: Ask, rule: GpuPrice, oldest: datetime) -> Judged:
    what = f"{rule.gpu}, {rule.board} board"
    words = f"{what} below {usd(rule.below_usd_per_gpu_hour)} per GPU-hour"
    rows = ask("gpu_price", board=rule.board, gpu=rule.gpu)
    if note := _unusable(rows, oldest):
        return Judged(words, note=note)
    row = rows[0]
    price = f"{usd(row['usd_per_gpu_hour'])} per GPU-hour"
    if row["usd_per_gpu_hour"] >= rule.below_usd_per_gpu_hour:
        return Judged(words, note=f"now {price}")
    machines = plural(row["n_machines"] or 0, "machine")
    text = (
        f"{what}: {price}, below {usd(rule.below_usd_per_gpu_hour)}; {_machine(row)} from {_name(row['source'])}, "
        f"{machines}, {_read(row)}"
    )
    return Judged(words, [Alert(f"gpu_price|{what}|{rule.below_usd_per_gpu_hour}", text)])


def _move(ask: Ask, rule: Move, oldest: datetime) -> Judged:
    only = ", ".join(name for name in (rule.source, rule.gpu, rule.model) if name)
    words = f"{rule.kind} prices that move by {rule.percent:g} % over {rule.window_hours} h{only and f' ({only})'}"
    rows = ask(
        "moves",
        kind=rule.kind,
        window_hours=rule.window_hours,
        smallest_move=rule.percent / 100,
        source=rule.source,
        gpu=rule.gpu,
        model=rule.model,
    )
    if note := _unusable(rows, oldest):
        return Judged(words, note=note if rows else "nothing moved so far")
    return Judged(words, [_moved(rule, row) for row in rows])


def _moved(rule: Move, row: Row) -> Alert:
    if row["kind"] == "gpu":
        what = f"{_machine(row)} at {_name(row['source'])}, {row['board']} board"
        key = "|".join(map(str, (row["board"], row["source"], row["gpu"], row["gpu_count"])))
    else:
        what = f"{_name(row['provider'])} {_name(row['model'] or row['model_name'])} {row['component']} {row['tier']}"
        key = row["price_key"]
    text = (
        f"{what}: {usd(row['old_usd'])} to {usd(row['new_usd'])} per {row['per']} over {rule.window_hours} h, "
        f"{change(row['factor'])}{_recorded(row)}"
    )
    return Alert(f"move|{rule.window_hours}|{key}", text)


def _silent(ask: Ask, rule: Silent, now: datetime) -> Judged:
    words = f"{', '.join(rule.sources) or 'any source'} silent for {rule.hours:g} h"
    late = [
        row
        for row in ask("sources")
        if (not rule.sources or row["source"] in rule.sources)
        and (row["last_success_at"] is None or now - row["last_success_at"] >= timedelta(hours=rule.hours))
    ]
    return Judged(words, [_lateness(row, now) for row in late], "" if late else "all answered in time")


def _lateness(row: Row, now: datetime) -> Alert:
    last = row["last_success_at"]
    since = f"silent for {span(now - last)}, since {moment(last)}" if last else "has never answered"
    why = f": {_name(row['error'])}" if row["error"] else ""
    return Alert(f"silent|{row['source']}", f"{_name(row['source'])} {since}{why}")


def _unusable(rows: Sequence[Row], oldest: datetime) -> str:
    if not rows:
        return "no ranked price"
    at: datetime = rows[0]["observed_at"]
    return f"not judged: the price is of {moment(at)}" if at < oldest else ""


def _read(row: Row) -> str:
    return f"read {moment(row['observed_at'])}{_recorded(row)}"


def _recorded(row: Row) -> str:
    return "" if row["provenance"] == "live" else ", recorded, not live"


def _machine(row: Row) -> str:
    return _name(f"{row['gpu_count']}x {row['gpu']}")


def _name(text: str) -> str:
    """Without what a mail, a chat or a terminal would take for markup, a link or a call to everybody."""
    return plain(text, LONGEST_NAME).translate(_shown_as).replace("://", ":⁄⁄").replace("www.", "www·")


# --- sending ---------------------------------------------------------------------------------------------------------


def report_due(published: Path, config: Config, current: Settings, now: datetime) -> str:
    """Judges the rules, sends what was not sent today to the targets of the file and of PERTOKEN_NOTIFY; says how much.

    Raises BadSetting where there is no target, or one does not work.
    """
    targets = [*config.notify, *current.notify]
    if not targets:
        raise BadSetting("nowhere to send to: name Apprise URLs in PERTOKEN_NOTIFY, or as `notify` in the TOML")
    found = [alert for rule in judge(published, config, now) for alert in rule.alerts]
    sent = send(found, targets, _state(current), now)
    return f"{plural(len(found), 'alert')}, {plural(sent, 'message')} sent"


def told_everywhere(alert: Alert, config: Config, current: Settings, now: datetime) -> bool:
    """Whether every target has heard of it today."""
    targets = [*config.notify, *current.notify]
    told = _told(_state(current), now)
    return bool(targets) and all(_digest(alert.cause) in told.get(_digest(target), []) for target in targets)


def _state(current: Settings) -> Path:
    return current.home / "alerts.json"


def message(alerts: Sequence[Alert]) -> tuple[str, str]:
    """Title and body of one message for many alerts."""
    lines = [f"• {alert.text}" for alert in alerts[:LINES]]
    if len(alerts) > LINES:
        lines.append(f"• and {len(alerts) - LINES} more")
    return f"pertoken: {plural(len(alerts), 'alert')}", "\n".join(lines)


def send(alerts: Sequence[Alert], targets: Sequence[str], state: Path, now: datetime) -> int:
    """Sends each target what it was not told today, in one message. Returns how many messages went out.

    `targets` are Apprise URLs; `state` is the file that says what was sent. Raises BadSetting where a target does not
    work, after the others have been served, or where `state` cannot be trusted.
    """
    if find_spec("apprise") is None:
        raise BadSetting("alerts need Apprise: pip install 'pertoken[alerts]'")
    services = [(_digest(target), _service(target, number)) for number, target in enumerate(targets, start=1)]
    causes = {_digest(alert.cause): alert for alert in alerts}
    failed, sent = [], 0
    with _alone(state):
        for target, service in services:
            told = _told(state, now)
            before = told.get(target, [])
            fresh = {cause: alert for cause, alert in causes.items() if cause not in before}
            if not fresh:
                continue
            _remember(state, now, {**told, target: [*before, *fresh]})
            title, body = message(list(fresh.values()))
            if service.notify(body=body, title=title, body_format="text"):
                sent += 1
            else:
                failed.append(service[0].url(privacy=True))
                _remember(state, now, told)
    if failed:
        raise BadSetting(f"no message reached {', '.join(failed)}; it will be tried again at the next call")
    return sent


def _service(target: str, number: int) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Apprise's mail plugin imports imghdr
        import apprise

        service = apprise.Apprise()
        if not service.add(target):
            # Named by its number: the URL may hold a secret.
            raise BadSetting(f"target {number} is no URL that Apprise knows, or is not complete")
    return service


@contextmanager
def _alone(state: Path) -> Iterator[None]:
    """One sender at a time: two that read the same state would send the same message."""
    state.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(state.with_name(f"{state.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _told(state: Path, now: datetime) -> dict[str, list[str]]:
    """What each target was told today."""
    if not state.exists():
        return {}
    try:
        kept = json.loads(state.read_bytes())
        told: dict[str, list[str]] = kept["told"]
        return told if kept["day"] == _day(now) else {}
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise BadSetting(f"{state} cannot be read, so nothing is sent; remove it to begin anew") from error


def _remember(state: Path, now: datetime, told: Mapping[str, Sequence[str]]) -> None:
    try:
        write_whole(state, json.dumps({"day": _day(now), "told": told}, indent=1).encode())
    except OSError as error:
        raise BadSetting(f"{state} cannot be written, so nothing is sent: {error.strerror}") from error


def _day(now: datetime) -> str:
    return f"{now.astimezone(UTC):%Y-%m-%d}"


def _digest(text: str) -> str:
    """Neither a secret URL nor a hostile name stands in the state."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:24]
