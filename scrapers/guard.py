"""A transport that reaches one origin, at addresses that were looked at before connecting."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import httpx

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""(host, port) -> addresses, most wanted first; raises OSError."""

NAT64 = IPv6Network("64:ff9b::/96")


class NoAddress(Exception):
    """The host's name leads nowhere."""


class ForbiddenAddress(Exception):
    """The host is, or its name leads to, an address that must not be asked."""


async def system_resolve(host: str, port: int) -> Sequence[str]:
    """The addresses the operating system knows for a host."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def is_public(address: Address) -> bool:
    """Whether an address is one of the open internet: not private, loopback, link-local, multicast or a wrapped one."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return is_public(address.ipv4_mapped)
        if address in NAT64:
            return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
        if address.sixtofour or address.teredo:
            return False
    return address.is_global and not address.is_multicast


def anywhere(address: Address) -> bool:
    """Where an origin was overridden on purpose, its address may be any."""
    return True


class OneOrigin(httpx.AsyncBaseTransport):
    """Connects to `origin` and nothing else, and there only to addresses that `permitted` lets through.

    The name is resolved once, and requests go to the addresses that were looked at: a name that resolves differently
    a moment later changes nothing.
    """

    def __init__(
        self, origin: str, permitted: Callable[[Address], bool], resolve: Resolve, tls: ssl.SSLContext
    ) -> None:
        self._origin = httpx.URL(origin)
        self._permitted = permitted
        self._resolve = resolve
        self._inner = httpx.AsyncHTTPTransport(verify=tls, trust_env=False)
        self._addresses: list[Address] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if _place(request.url) != _place(self._origin):
            raise ForbiddenAddress(f"{request.url.host} is not the origin {self._origin}")
        if not self._addresses:
            self._addresses = await asyncio.wait_for(self._vetted(), _connect_timeout_s(request))
        for address in self._addresses[:-1]:
            try:
                return await self._inner.handle_async_request(_pinned(request, address))
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
        return await self._inner.handle_async_request(_pinned(request, self._addresses[-1]))

    async def _vetted(self) -> list[Address]:
        host = self._origin.host
        try:
            # A scope id ("fe80::1%eth0") is refused by the check anyway.
            found = [ip_address(text.partition("%")[0]) for text in await self._resolve(host, _place(self._origin)[2])]
        except OSError as error:
            raise NoAddress(f"no address found for {host}") from error
        permitted = [address for address in found if self._permitted(address)]
        if found and not permitted:
            raise ForbiddenAddress(f"{host} leads to {found[0]}, which is not a public address")
        if not found:
            raise NoAddress(f"no address found for {host}")
        return permitted

    async def aclose(self) -> None:
        await self._inner.aclose()


def _place(url: httpx.URL) -> tuple[str, str, int]:
    return url.scheme, url.host, url.port or (443 if url.scheme == "https" else 80)


def _connect_timeout_s(request: httpx.Request) -> float | None:
    timeout: float | None = request.extensions.get("timeout", {}).get("connect")
    return timeout


def _pinned(request: httpx.Request, address: Address) -> httpx.Request:
    """The same request, to this address; certificate and Host header stay those of the name."""
    return httpx.Request(
        request.method,
        _at(request.url, address),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": request.url.host},
    )


@lru_cache(maxsize=64)
def _at(url: httpx.URL, address: Address) -> httpx.URL:
    """A search is asked hundreds of times at one url, and parsing one takes long."""
    return url.copy_with(host=str(address))
