"""How fast one host may be asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Pace:
    """One request at a time, each at least `gap_s` after the answer to the one before.

    A leaky bucket counts from its own permission, so a slow connection lets two requests arrive closer together than
    the limit; a site counts arrivals. Counting from the answer is never faster than the limit, also across retries.
    """

    def __init__(self, requests_per_minute: float) -> None:
        self.gap_s = 60.0 / requests_per_minute
        self._opens_at = 0.0
        self._turn = asyncio.Lock()

    def wait_s(self) -> float:
        """Seconds until the next request may go out."""
        return max(0.0, self._opens_at - asyncio.get_running_loop().time())

    def hold(self, seconds: float) -> None:
        """Nothing goes out for this long: the host said it was too much."""
        self._opens_at = max(self._opens_at, asyncio.get_running_loop().time() + seconds)

    def slow_to(self, gap_s: float) -> None:
        """Leave at least this long between requests: the host asks for it in robots.txt."""
        self.gap_s = max(self.gap_s, gap_s)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """The right to send one request and to read its answer."""
        async with self._turn:
            while (wait := self.wait_s()) > 0:
                await asyncio.sleep(wait)
            try:
                yield
            finally:
                self.hold(self.gap_s)
