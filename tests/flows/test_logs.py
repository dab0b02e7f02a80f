"""Log lines as JSON, in a process of their own: logging is global."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from flows import settings
from flows.settings import BadSetting
from tests.conftest import ROOT

SCRIPT = """
import logging, warnings
from rich.console import Console
from flows import logs
console = logging.getLogger("other"); console.propagate = False
console.addHandler(logging.StreamHandler())
logs.to_json()
with logs.Lines() as lines:
    lines.stage("publishing\\nsecond line")
    lines.fetching("vast", 3, 2, 9.0, "page 3")
    lines.fetching("vast", 5, 0, 0.0, "done")
console.warning("from a library with a console of its own")
warnings.warn("old")
try:
    1 / 0
except ZeroDivisionError:
    logging.getLogger("pertoken").exception("failed")
"""


def test_every_line_is_one_object() -> None:
    said = subprocess.run([sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, timeout=60)
    lines = [json.loads(line) for line in said.stderr.splitlines()]
    stage, answered, library, warning, failed = lines
    assert (stage["message"], stage["level"], stage["logger"]) == ("publishing\nsecond line", "INFO", "pertoken")
    assert (answered["message"], answered["source"], answered["answers"]) == ("vast gave 5 answers", "vast", 5)
    assert (library["logger"], library["level"]) == ("other", "WARNING")
    assert "old" in warning["message"] and warning["logger"] == "py.warnings"
    assert "ZeroDivisionError" in failed["exc_info"]
    assert all(line["time"].endswith("+00:00") for line in lines) and said.stdout == ""


def test_what_is_wanted_is_text_or_json() -> None:
    assert not settings.read((), {}).json_logs
    assert settings.read((), {"PERTOKEN_LOG": "json"}).json_logs
    with pytest.raises(BadSetting, match=r"PERTOKEN_LOG is 'yaml'; it takes text or json"):
        settings.read((), {"PERTOKEN_LOG": "yaml"})
