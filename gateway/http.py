"""The one outbound HTTP client: performs a Call, and maps what can go wrong into errors that carry the decision.

The line that matters runs between "it never left" (Unreachable: safe to try again) and "it may have been read"
(Unanswered: never tried again blindly).
"""

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import AsyncIterator, Iterator
from types import SimpleNamespace
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from gateway.errors import RequestError, Unanswered, Unreachable
from gateway.pool import KEEPALIVE, Pool, request
from gateway.ports import Call, Reply, Stream


class Http:
    """A pool of connections. `public_only` refuses private, loopback and link-local targets (for callers' URLs)."""

    def __init__(self, *, connections: int = 256, public_only: bool = False) -> None:
        resolver = _PublicResolver() if public_only else ThreadedResolver()
        tracing = aiohttp.TraceConfig()
        tracing.on_request_headers_sent.append(_leaves)
        self._pool = Pool(resolver, connections)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=connections, keepalive_timeout=KEEPALIVE, resolver=resolver, ttl_dns_cache=30
            ),
            auto_decompress=True,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "sluss", "Accept": "application/json"},
            raise_for_status=False,
            trace_configs=[tracing],
        )

    async def perform(self, call: Call, *, connect: float, total: float) -> Reply:
        """Send it and read the whole answer; times in seconds, redirects not followed.

        Raises Unreachable where it never left, Unanswered where it left and no whole answer came.
        """
        fate = _Fate()
        with _telling(fate):
            origin, said = request(call)
            return await self._pool.ask(origin, said, fate.leaves, connect=connect, total=total)

    @contextlib.asynccontextmanager
    async def stream(
        self, call: Call, body: AsyncIterator[bytes] | None, *, connect: float, total: float
    ) -> AsyncIterator[Stream]:
        """Send it with this body and give back the answer while it comes; its URL stays as it is written.

        No piece of either is waited for longer than `total` seconds. Raises Unreachable and Unanswered as `perform`
        does, and what reading `body` raises.
        """
        url = URL(f"{call.path}?{call.query}" if call.query else call.path, encoded=True)
        fate = _Fate()
        with _telling(fate):
            async with asyncio.timeout(connect + total) as deadline:
                response = await self._session.request(
                    call.method,
                    url,
                    data=None if body is None else _watched(body, deadline, total, fate),
                    headers=call.headers,
                    timeout=_limits(connect, total),
                    allow_redirects=False,
                    trace_request_ctx=fate,
                )
                fate.answered = True
        if response.status < 200:
            response.close()
            raise Unanswered("The upstream wants to speak another protocol")
        try:
            yield Stream(response.status, response.headers, _coming(response, fate))
        finally:
            response.close()

    async def close(self) -> None:
        """Close what is open."""
        self._pool.close()
        await self._session.close()


class _Fate:
    """Whether any of a request may have left, whether its answer has begun, and what was wrong with its own body."""

    __slots__ = ("answered", "broken", "left")

    def __init__(self) -> None:
        self.left = self.answered = False
        self.broken: RequestError | None = None

    def leaves(self) -> None:
        """From now on any of it may have left."""
        self.left = True


@contextlib.contextmanager
def _telling(fate: _Fate) -> Iterator[None]:
    """What goes wrong at the sockets is told as an error that carries the decision."""
    try:
        yield
    except (aiohttp.ClientError, OSError, ValueError) as error:
        if fate.broken is not None:
            raise fate.broken from error
        # ValueErrors are names that cannot be resolved and URLs that cannot be called.
        if not fate.left:
            raise Unreachable(f"Cannot connect: {_reason(error)}") from error
        if isinstance(error, TimeoutError):
            raise Unanswered("The upstream did not answer in time") from error
        raise Unanswered(f"The connection broke after the request was sent: {_reason(error)}") from error


def _limits(connect: float, total: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None, connect=connect, sock_connect=connect, sock_read=total)


async def _leaves(_session: aiohttp.ClientSession, trace: SimpleNamespace, _params: object) -> None:
    """Called by aiohttp before it writes the first byte of a request."""
    fate: _Fate = trace.trace_request_ctx
    if fate.left:
        # aiohttp sends a GET anew where no answer came; to an older provider that is a second SMS.
        raise aiohttp.ClientConnectionError
    fate.leaves()


async def _watched(
    body: AsyncIterator[bytes], deadline: asyncio.Timeout, total: float, fate: _Fate
) -> AsyncIterator[bytes]:
    """The body; while more of it is awaited, which is not the upstream's doing, its deadline rests."""
    now = asyncio.get_running_loop().time

    def rest(until: float | None) -> None:
        if not fate.answered:
            deadline.reschedule(until)

    try:
        rest(None)
        async for chunk in body:
            rest(now() + total)
            yield chunk
            rest(None)
        rest(now() + total)
    except RequestError as error:
        fate.broken = error
        raise


async def _coming(response: aiohttp.ClientResponse, fate: _Fate) -> AsyncIterator[bytes]:
    with _telling(fate):
        async for chunk in response.content.iter_any():
            yield chunk


def _reason(error: BaseException) -> str:
    # A message of aiohttp's may hold the URL, and a URL may hold a password: the class and errno say enough.
    cause = getattr(error, "os_error", None) or error
    return (isinstance(cause, OSError) and cause.strerror) or type(cause).__name__


# IPv6 forms that hold an IPv4 address, which a network may unpack: compatible, translated, NAT64 and 6to4.
_EMBEDDING = tuple(
    ipaddress.ip_network(block) for block in ("::/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16")
)


class _PublicResolver(AbstractResolver):
    """Resolves names to public addresses only, so that a caller's URL cannot reach into our network (SSRF).

    The pool asks it about a literal address, too; aiohttp, which `stream` goes through, would not.
    """

    def __init__(self) -> None:
        self._inner = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        public = [entry for entry in found if is_public(entry["host"])]
        if not public:
            raise OSError(None, "the name leads to a private address")
        return public

    async def close(self) -> None:
        await self._inner.close()


def is_public(host: str | None) -> bool:
    """Whether a host name or literal address may be reached; a name is judged when it is resolved."""
    if not host:
        return False
    try:
        address: Any = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        # Forms like 0x7f.1 or 2130706433 are numbers to the C library: only what looks like a name may pass.
        return any(char.isalpha() for char in host.rpartition(".")[2]) and not host.lower().startswith("0x")
    address = getattr(address, "ipv4_mapped", None) or address
    if any(address in network for network in _EMBEDDING if network.version == address.version):
        return False
    return bool(address.is_global and not address.is_multicast)
