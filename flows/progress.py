"""What a person sees while a refresh works: one line per source, with the wait that rate limits impose."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from warehouse.export.text import plain

LONGEST_LABEL = 60


class Watcher(Protocol):
    """Told about every step of a refresh; `remaining_s` is how long the known requests take at the source's pace."""

    def fetching(self, source: str, done: int, pending: int, remaining_s: float, label: str) -> None: ...
    def stage(self, name: str) -> None: ...


class Silent:
    """Watches nothing: scheduled runs and tests."""

    def fetching(self, source: str, done: int, pending: int, remaining_s: float, label: str) -> None: ...
    def stage(self, name: str) -> None: ...


class Bars:
    """Progress bars on a terminal; on anything else one plain line per stage."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            TextColumn("{task.description:<12}"),
            BarColumn(bar_width=24),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            TextColumn("{task.fields[note]}", style="dim", markup=False),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Bars:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def fetching(self, source: str, done: int, pending: int, remaining_s: float, label: str) -> None:
        if source not in self._tasks:
            self._tasks[source] = self._progress.add_task(source, total=1, note="")
        wait = f", about {remaining_s:.0f} s at this source's rate limit" if remaining_s >= 2 else ""
        self._progress.update(
            self._tasks[source], completed=done, total=max(done + pending, 1), note=plain(label, LONGEST_LABEL) + wait
        )

    def stage(self, name: str) -> None:
        self._console.print(f"[dim]{name} …[/dim]", highlight=False)
