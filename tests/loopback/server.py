"""Sites on the loopback interface: a route table per site, a port per site, a log of what was asked."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True, slots=True)
class Ask:
    """One request, as it arrived."""

    method: str
    path: str
    """Without the query."""
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body or b"null")


@dataclass(frozen=True, slots=True)
class Answer:
    body: bytes
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


def as_json(value: Any, status: int = 200) -> Answer:
    return Answer(json.dumps(value, separators=(",", ":")).encode(), status)


NOT_FOUND = Answer(b'{"error":"not found"}', 404)
Handler = Callable[[Ask], Answer]
Routes = Mapping[str, Handler]
"""Path -> handler. A path that ends in * stands for all that start with it; of several the longest counts."""


@dataclass
class Site:
    """One source's stand-in. Entering it starts the server, leaving it stops it."""

    routes: Routes
    port: int = 0
    """0 lets the system choose."""
    asked: list[Ask] = field(default_factory=list)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer(self, ask: Ask) -> Answer:
        self.asked.append(ask)
        fitting = [p for p in self.routes if p == ask.path or (p.endswith("*") and ask.path.startswith(p[:-1]))]
        return self.routes[max(fitting, key=len)](ask) if fitting else NOT_FOUND

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), _handler(self))
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(site: Site) -> type[BaseHTTPRequestHandler]:
    class SiteHandler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def reply(self) -> None:
            url = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            ask = Ask(self.command, url.path, dict(parse_qsl(url.query)), headers, self.rfile.read(length))
            answer = site.answer(ask)
            body, encoding = answer.body, dict(answer.headers)
            if "gzip" in headers.get("accept-encoding", "") and len(body) > 1000 and "Content-Encoding" not in encoding:
                body, encoding["Content-Encoding"] = gzip.compress(body, 1), "gzip"
            self.send_response(answer.status)
            for name, value in {"Content-Type": answer.content_type, **encoding}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = reply

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    return SiteHandler
