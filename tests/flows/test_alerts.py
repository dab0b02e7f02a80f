"""Alerts: a rule fires on what the file says now, and each cause is told once a day and target, whatever breaks."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from pytest_httpserver import HTTPServer
from typer.testing import CliRunner
from werkzeug import Request, Response

from flows import alerts
from flows.alerts import Alert, BestPrice, Config, judge, read_config, report_due, send
from flows.cli import app
from flows.settings import BadSetting, Settings
from tests.conftest import ROOT
from tests.warehouse import week

NOW = week.MADE_AT
RULES = """
[[best_price]]
workload = "chat"
model = "llama-3.3-70b"
below_usd_per_mtok = {best}

[[gpu_price]]
gpu = "h100-sxm-80gb"
below_usd_per_gpu_hour = {gpu}

[[move]]
kind = "gpu"
window_hours = 168
percent = {move}

[[move]]
kind = "api"
window_hours = 168
percent = {move}

[[silent]]
hours = {hours}
"""


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return week.file("benign", tmp_path_factory)


def rules(folder: Path, *, best: float = 0.61, gpu: float = 1.51, move: float = 25, hours: float = 1) -> Config:
    path = folder / "alerts.toml"
    path.write_text(RULES.format(best=best, gpu=gpu, move=move, hours=hours))
    return read_config(path)


def texts(published: Path, config: Config, now: datetime = NOW) -> list[str]:
    return [alert.text for rule in judge(published, config, now) for alert in rule.alerts]


# --- rules -----------------------------------------------------------------------------------------------------------


def test_each_rule_fires_with_the_figures_of_the_file(published: Path, tmp_path: Path) -> None:
    assert texts(published, rules(tmp_path)) == [
        "chat, llama-3.3-70b, combined board: $0.600 per 1M tokens (band 0.480–0.780), below $0.610; "
        "8x h100-sxm-80gb from vast, read 2026-11-08 06:00 UTC",
        "h100-sxm-80gb, trusted board: $1.50 per GPU-hour, below $1.51; 8x h100-sxm-80gb from vast, 12 machines, "
        "read 2026-11-08 06:00 UTC",
        "8x h100-sxm-80gb at vast, trusted board: $2.00 to $1.50 per GPU-hour over 168 h, −25 %",
        "host-a llama-3.3-70b output standard: $0.400 to $0.300 per 1M tokens over 168 h, −25 %",
        "openrouter silent for 1 hour, since 2026-11-08 06:00 UTC: 503 from the site",
        "vast silent for 1 hour, since 2026-11-08 06:00 UTC",
    ]


def test_at_the_threshold_nothing_fires_and_the_rule_says_what_is(published: Path, tmp_path: Path) -> None:
    judged = judge(published, rules(tmp_path, best=0.6, gpu=1.5, move=25.1, hours=1.01), NOW)
    assert [alert for rule in judged for alert in rule.alerts] == []
    assert [rule.note for rule in judged] == [
        "now $0.600 per 1M tokens",
        "now $1.50 per GPU-hour",
        "nothing moved so far",
        "nothing moved so far",
        "all answered in time",
    ]


def test_old_prices_are_not_judged_but_silence_is_counted_until_now(published: Path, tmp_path: Path) -> None:
    judged = judge(published, rules(tmp_path), NOW + timedelta(hours=24))
    assert [rule.note for rule in judged[:4]] == ["not judged: the price is of 2026-11-08 06:00 UTC"] * 4
    assert [alert.text for alert in judged[4].alerts][1] == "vast silent for 25 hours, since 2026-11-08 06:00 UTC"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[[gpu_price]]\ngpu = "h100-sxm-80g"\nbelow_usd_per_gpu_hour = 1', "there is h100-sxm-80gb"),
        ('[[silent]]\nhours = 6\nsources = ["vats"]', "there is no source 'vats'; there is vast"),
        ('[[move]]\nkind = "api"\npercent = -5', "percent"),
        ('[[move]]\nkind = "api"\npercent = 5\nwindow_hours = 48', "window_hours"),
        ("[[silent]]\nhuors = 6", "huors"),
        ("[[silent]\nhours = 6", "alerts.toml"),
    ],
)
def test_a_rule_that_could_never_fire_is_refused(published: Path, tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "alerts.toml"
    path.write_text(text)
    with pytest.raises(BadSetting, match=says):
        judge(published, read_config(path), NOW)


def test_the_documented_rules_can_be_read(tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.+?)```", (ROOT / "docs" / "alerts.md").read_text("utf-8"), re.S)
    (tmp_path / "alerts.toml").write_text(example)
    config = read_config(tmp_path / "alerts.toml")
    assert [len(rules) for rules in (config.best_price, config.gpu_price, config.move, config.silent)] == [1, 1, 1, 1]
    assert config.move[0].window_hours == alerts.Move("api", 1).window_hours
    assert config.max_age_hours == Config().max_age_hours


# --- sending ---------------------------------------------------------------------------------------------------------


class Inbox:
    """A webhook on loopback that keeps what it is sent, and refuses while `down`."""

    def __init__(self, server: HTTPServer, path: str) -> None:
        self.url = f"json://{server.host}:{server.port}{path}"
        self.messages: list[str] = []
        self.down = False
        server.expect_request(path).respond_with_handler(self._answer)

    def _answer(self, request: Request) -> Response:
        if self.down:
            return Response(status=503)
        self.messages.append(json.loads(request.data)["message"])
        return Response(status=200)


@pytest.fixture
def inboxes(httpserver: HTTPServer) -> Iterator[tuple[Inbox, Inbox]]:
    yield Inbox(httpserver, "/one"), Inbox(httpserver, "/two")


CHEAP, SILENT = Alert("cheap", "cheap at last"), Alert("silent", "vast is silent")


def test_a_cause_is_told_once_a_day_and_target(inboxes: tuple[Inbox, Inbox], tmp_path: Path) -> None:
    one, two = inboxes
    state = tmp_path / "alerts.json"
    assert send([CHEAP], [one.url], state, NOW) == 1
    assert send([CHEAP], [one.url], state, NOW + timedelta(hours=6)) == 0
    assert send([CHEAP, SILENT, SILENT], [one.url, two.url], state, NOW + timedelta(hours=7)) == 2
    assert send([CHEAP], [one.url], state, NOW + timedelta(days=1)) == 1
    assert one.messages == ["• cheap at last", "• vast is silent", "• cheap at last"]
    assert two.messages == ["• cheap at last\n• vast is silent"]
    assert one.url not in state.read_text()


def test_what_reached_nobody_is_tried_again_and_the_others_are_not_told_twice(
    inboxes: tuple[Inbox, Inbox], tmp_path: Path
) -> None:
    one, two = inboxes
    state = tmp_path / "alerts.json"
    one.down = True
    with pytest.raises(BadSetting, match="no message reached"):
        send([CHEAP], [one.url, two.url], state, NOW)
    one.down = False
    assert send([CHEAP], [one.url, two.url], state, NOW) == 1
    assert (one.messages, two.messages) == (["• cheap at last"], ["• cheap at last"])


def test_a_crash_while_sending_never_doubles_a_message(
    inboxes: tuple[Inbox, Inbox], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, _ = inboxes
    state = tmp_path / "alerts.json"

    class Dying:
        def notify(self, **message: str) -> bool:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(alerts, "_service", lambda target, number: Dying())
        with pytest.raises(KeyboardInterrupt):
            send([CHEAP], [one.url], state, NOW)
    assert send([CHEAP], [one.url], state, NOW) == 0
    assert one.messages == []


def test_two_senders_at_once_send_one_message(inboxes: tuple[Inbox, Inbox], tmp_path: Path) -> None:
    one, _ = inboxes
    with ThreadPoolExecutor(4) as pool:
        sent = list(pool.map(lambda _: send([CHEAP], [one.url], tmp_path / "alerts.json", NOW), range(4)))
    assert sum(sent) == 1
    assert one.messages == ["• cheap at last"]


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"day": "2026-11-08"}'])
def test_without_a_state_that_can_be_trusted_nothing_is_sent(
    inboxes: tuple[Inbox, Inbox], tmp_path: Path, damage: bytes
) -> None:
    one, _ = inboxes
    (tmp_path / "alerts.json").write_bytes(damage)
    with pytest.raises(BadSetting, match="nothing is sent"):
        send([CHEAP], [one.url], tmp_path / "alerts.json", NOW)
    assert one.messages == []


def test_a_wrong_target_is_named_without_its_secret(tmp_path: Path) -> None:
    with pytest.raises(BadSetting) as refused:
        send([CHEAP], ["json://127.0.0.1:1/x", "nosuchservice://token-of-mine"], tmp_path / "alerts.json", NOW)
    assert "target 2" in str(refused.value)
    assert "token-of-mine" not in str(refused.value)
    assert not (tmp_path / "alerts.json").exists()


def test_the_whole_way_from_the_rules_to_one_message(
    published: Path, inboxes: tuple[Inbox, Inbox], tmp_path: Path
) -> None:
    one, _ = inboxes
    current = Settings(home=tmp_path, notify=(one.url,))
    assert report_due(published, rules(tmp_path), current, NOW) == "6 alerts, 1 message sent"
    assert report_due(published, rules(tmp_path), current, NOW) == "6 alerts, no message sent"
    (message,) = one.messages
    assert len(message.splitlines()) == 6


# --- what a person sees ----------------------------------------------------------------------------------------------


def test_a_dry_run_prints_and_sends_nothing(
    published: Path, inboxes: tuple[Inbox, Inbox], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, _ = inboxes
    rules(tmp_path)
    monkeypatch.setenv("PERTOKEN_HOME", str(tmp_path))
    monkeypatch.setenv("PERTOKEN_NOTIFY", one.url)
    answered = CliRunner().invoke(app, ["alerts", str(tmp_path / "alerts.toml"), "--dry-run", "--file", str(published)])
    assert answered.exit_code == 0
    assert "any source silent for 1 h: 2 to report" in answered.output
    assert one.messages == []
    assert {path.name for path in tmp_path.iterdir()} == {"alerts.toml"}


def test_hostile_names_stay_text_in_messages_and_on_the_terminal(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    hostile = week.file("hostile", tmp_path_factory)
    config = msgspec.structs.replace(
        rules(tmp_path), best_price=(BestPrice("chat", "llama-3.3-70b", below_usd_per_mtok=2, board="api"),)
    )
    answered = CliRunner().invoke(app, ["alerts", str(tmp_path / "alerts.toml"), "--dry-run", "--file", str(hostile)])
    found = texts(hostile, config)
    assert "script" in found[0]  # the seller's name
    assert len(found) == 6
    lines = [*found, *answered.output.splitlines()]
    for line in lines:
        assert not any(unicodedata.category(character) in ("Cc", "Cf") for character in line)
        assert not set(line) & set("<>@*`[]")
        assert "://" not in line
        assert len(line) < 400


def test_a_long_message_is_counted_not_spelt_out() -> None:
    title, body = alerts.message([Alert(str(number), f"number {number}") for number in range(50)])
    assert title == "pertoken: 50 alerts"
    assert body.splitlines()[-1] == "• and 30 more"
    assert len(body.splitlines()) == 21
