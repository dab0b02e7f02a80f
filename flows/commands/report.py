"""`pertoken report` and `pertoken alerts`: the week as a document, and what should not wait for it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from flows import settings
from flows.terminal import File, published_file, stderr, stdout

app = typer.Typer()


@app.command(epilog="Example: pertoken report site")
def report(
    folder: Annotated[Path, typer.Argument(help="Folder to write into, best the one of the site.")], file: File = None
) -> None:
    """Write the weekly report (HTML and Markdown, with charts) and the Atom feed of price changes."""
    from warehouse.export.report import report as write_report

    written = write_report(published_file(file), folder)
    stderr.print(f"wrote {written.html}, {written.markdown} and {written.feed}", markup=False, soft_wrap=True)


@app.command(epilog="Examples: pertoken alerts alerts.toml --dry-run · pertoken alerts alerts.toml")
def alerts(
    config: Annotated[Path, typer.Argument(help="TOML with the rules; docs/alerts.md says how they are written.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print every rule and what would be sent.")] = False,
    file: File = None,
) -> None:
    """Judge the rules on the published prices and send what was not sent today."""
    from flows import alerts as rules

    chosen, published, now = rules.read_config(config), published_file(file), datetime.now(UTC)
    current = settings.read(())
    if not dry_run:
        stderr.print(rules.report_due(published, chosen, current, now), markup=False)
        return
    for rule in rules.judge(published, chosen, now):
        _say(f"{rule.rule}: {rule.note or f'{len(rule.alerts)} to report'}")
        for alert in rule.alerts:
            told = rules.told_everywhere(alert, chosen, current, now)
            _say(f"  • {alert.text}{' (sent today)' if told else ''}")


def _say(line: str) -> None:
    stdout.print(line, markup=False, highlight=False, soft_wrap=True)
