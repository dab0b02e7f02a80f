"""What a run says while it works, as log lines; as JSON, one object a line, where `PERTOKEN_LOG` is json."""

from __future__ import annotations

import logging
import sys
from types import TracebackType
from typing import Self

LOGGER = logging.getLogger("pertoken")


class Lines:
    """A watcher that logs: each stage, and each source when it is done. Takes the place of the progress bars."""

    def __init__(self, logger: logging.Logger | logging.LoggerAdapter[logging.Logger] = LOGGER) -> None:
        self._logger = logger

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def fetching(self, source: str, done: int, pending: int, remaining_s: float, label: str) -> None:
        if label == "done":
            self._logger.info("%s gave %s answers", source, done, extra={"source": source, "answers": done})

    def stage(self, name: str) -> None:
        self._logger.info(name)


def to_json() -> None:
    """From here on every line that goes to a console is a JSON object: ours, Prefect's, and warnings."""
    from pythonjsonlogger.json import JsonFormatter

    formatter = JsonFormatter(
        ["levelname", "name", "message"], rename_fields={"levelname": "level", "name": "logger"}, timestamp="time"
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.captureWarnings(True)
    root = logging.getLogger()
    for logger in (root, *(known for known in root.manager.loggerDict.values() if isinstance(known, logging.Logger))):
        if consoles := [known for known in logger.handlers if isinstance(known, logging.StreamHandler)]:
            logger.handlers = [known for known in logger.handlers if known not in consoles] + [handler]
    if handler not in root.handlers:
        root.addHandler(handler)
    LOGGER.setLevel(logging.INFO)
