"""The examples of docs/cli.md: every `$ pertoken …` in it, and the files it tells the reader to write.

`PERTOKEN_HOME=… python -m tests.flows.examples` runs them and writes what they print into the document, shortened to
as many lines as stand there before and after a line with nothing but an ellipsis.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

DOCUMENT = Path(__file__).parents[2] / "docs" / "cli.md"
FILES = re.compile(r"^```\w+ title=(\S+)\n(.*?)^```$", re.M | re.S)
EXAMPLES = re.compile(r"^```console\n\$ pertoken (.+?)\n(.*?)^```$", re.M | re.S)
WIDTH = 116


def write_files(folder: Path) -> None:
    """The files of the document, as a reader would write them."""
    for name, content in FILES.findall(DOCUMENT.read_text("utf-8")):
        (folder / name).write_text(content, "utf-8")


def commands() -> list[list[str]]:
    """Arguments of every example."""
    return [shlex.split(line) for line, _ in EXAMPLES.findall(DOCUMENT.read_text("utf-8"))]


def _renewed(example: re.Match[str], folder: Path, home: str) -> str:
    program = Path(sys.executable).with_name("pertoken")
    asked = subprocess.run([program, *shlex.split(example[1])], cwd=folder, capture_output=True, text=True, check=False)
    printed = (asked.stdout + asked.stderr).replace(home, "data")
    lines = [line.rstrip() for line in printed.splitlines() if line[:1] not in ("╭", "│", "╰")]  # the banner
    told = re.sub(r"\n{2,}", "\n\n", "\n".join(lines).strip("\n")).split("\n")
    before, ellipsis, after = example[2].partition("\n…\n")
    first, last = len(before.splitlines()), len(after.splitlines())
    if ellipsis and len(told) > first + last:
        told = [*told[:first], "…", *told[len(told) - last :]]
    cut = [line if len(line) <= WIDTH else line[: WIDTH - 2].rstrip() + " …" for line in told]
    return "\n".join(["```console", f"$ pertoken {example[1]}", *cut, "```"])


def renew(home: Path) -> None:
    """Run the examples on the data folder `home`, and write what they print into the document."""
    text = DOCUMENT.read_text("utf-8")
    with tempfile.TemporaryDirectory() as folder:
        write_files(Path(folder))
        text = EXAMPLES.sub(lambda example: _renewed(example, Path(folder), str(home)), text)
    DOCUMENT.write_text(text, "utf-8")


if __name__ == "__main__":
    renew(Path(os.environ["PERTOKEN_HOME"]).resolve())
