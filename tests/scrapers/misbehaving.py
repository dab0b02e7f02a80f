"""Servers that misbehave byte by byte, on the loopback interface, and the source and settings that ask them."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from scrapers.contract import Capture, Reading, Request, Source
from scrapers.fetch import FetchSettings

Script = Callable[[asyncio.StreamWriter], Awaitable[None]]
"""Plays one answer. Returning keeps the connection open for the next request."""


def reply(
    body: bytes = b'{"offers":[]}', status: int = 200, kind: str | None = "application/json", **headers: str
) -> Script:
    """A well-formed answer; header names with underscores. `content_length` may lie."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"HTTP/1.1 {status} Whatever", *(f"{name}: {value}" for name, value in named.items())]
    if kind is not None:
        lines.append(f"content-type: {kind}")
    if "content-length" not in named and status != 304:
        lines.append(f"content-length: {len(body)}")
    return raw("\r\n".join(lines).encode() + b"\r\n\r\n" + body)


def raw(sent: bytes) -> Script:
    async def play(writer: asyncio.StreamWriter) -> None:
        writer.write(sent)
        await writer.drain()

    return play


def then(*scripts: Script) -> Script:
    async def play(writer: asyncio.StreamWriter) -> None:
        for script in scripts:
            await script(writer)

    return play


async def close(writer: asyncio.StreamWriter) -> None:
    writer.close()


async def reset(writer: asyncio.StreamWriter) -> None:
    """RST: the bytes sent so far have arrived, then the connection is gone."""
    await asyncio.sleep(0.02)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def silence(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(30)


def forever(piece: bytes, pause_s: float = 0.0) -> Script:
    async def play(writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause_s)

    return play


@dataclass
class Site:
    """Plays its scripts in turn, one per request, the last one for all that follow; notes what arrived and when."""

    scripts: Sequence[Script]
    origin: str = ""
    heads: list[str] = field(default_factory=list)
    arrived_at: list[float] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = next((int(li.split(":")[1]) for li in head.lower().split("\r\n") if "content-length" in li), 0)
                await reader.readexactly(length)
                self.heads.append(head)
                self.arrived_at.append(asyncio.get_running_loop().time())
                await self.scripts[min(len(self.heads), len(self.scripts)) - 1](writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        except asyncio.CancelledError:
            # The server is closing; a cancelled connection is not an error to report.
            pass
        finally:
            writer.transport.abort()


@asynccontextmanager
async def site(*scripts: Script, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> AsyncIterator[Site]:
    served = Site(scripts)
    connections: set[asyncio.Task[Any]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        await served.serve(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    served.origin = f"{'https' if tls else 'http'}://{host}:{port}"
    try:
        yield served
    finally:
        server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
        await server.wait_closed()


SOURCE = Source(
    name="shop",
    kind="gpu",
    origin="https://shop.example",
    first=[Request("/offers", label="the first page")],
    parse=lambda capture: Reading(),
    requests_per_minute=60.0,
    max_body_bytes=1_000_000,
    anchors=(b'"offers"', b"offers table"),
)

QUICK = FetchSettings(
    project_url="https://project.example",
    paces={"shop": 60_000.0, "other": 60_000.0},
    attempts=2,
    backoff_s=0.01,
    rate_limit_s=100.0,  # at a pace a thousand times the source's own: 0.1 s
    connect_timeout_s=2.0,
    read_timeout_s=2.0,
    write_timeout_s=2.0,
    response_timeout_s=3.0,
    source_deadline_s=10.0,
)
IMPATIENT = replace(QUICK, connect_timeout_s=0.2, read_timeout_s=0.2, response_timeout_s=0.4)


def asking(site: Site, settings: FetchSettings = QUICK, **origins: str) -> FetchSettings:
    """The settings that send the source to this site."""
    return replace(settings, origins={"shop": site.origin, **origins})


def chain(paths: Mapping[str, Sequence[str]]) -> Callable[[Capture], Sequence[Request]]:
    """A `follow` that leads from path to paths."""
    return lambda capture: [Request(path) for path in paths.get(capture.request.path, ())]
