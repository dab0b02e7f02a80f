"""Serve every stand-in, one port per source, until interrupted:

python -m tests.loopback --port 9000 --date 2026-07-21

Prints the lines that point `pertoken` at them, to be evaluated by a shell.
"""

from __future__ import annotations

import argparse
import sys
import threading
from contextlib import ExitStack
from datetime import date
from pathlib import Path

from tests.conftest import ROOT
from tests.loopback.server import Site
from tests.loopback.sites import routes


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--port", type=int, default=9000, help="the first of as many ports as there are sources")
    asked.add_argument("--date", type=date.fromisoformat, default=date(2026, 7, 27), help="the day to serve")
    asked.add_argument("--captures", type=Path, default=ROOT.parent / "shared" / "captures", help="real responses")
    chosen = asked.parse_args()
    captures = chosen.captures if chosen.captures.is_dir() else None
    with ExitStack() as running:
        for port, (name, served) in enumerate(routes(captures, chosen.date).items(), start=chosen.port):
            site = running.enter_context(Site(served, port))
            sys.stdout.write(
                f"export PERTOKEN_ORIGIN_{name.upper()}={site.origin} PERTOKEN_PACE_{name.upper()}=60000\n"
            )
        sys.stdout.flush()
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            sys.stderr.write("stopped\n")


if __name__ == "__main__":
    main()
