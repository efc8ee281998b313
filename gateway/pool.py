"""Keep-alive connections to HTTP/1.1 servers: one request at a time on each, answers read whole, nothing asked twice.

What calling a provider's interface needs, and no more: no redirects, no cookies, no pipelining. The caller is told the
moment from which on a byte of its request may have left.
"""

import asyncio
import re
import ssl
import zlib
from base64 import b64encode
from collections import defaultdict, deque
from collections.abc import Callable
from functools import lru_cache, partial
from socket import SOCK_STREAM, AddressFamily
from typing import Any, NamedTuple, cast

import httptools
from aiohappyeyeballs import start_connection
from aiohttp.abc import AbstractResolver
from multidict import CIMultiDict
from yarl import URL

from gateway.errors import Unanswered
from gateway.ports import Call, Reply

MAX_REPLY = 1024 * 1024
"""Bytes of an answer that are read; the largest honest one, a list of 500 messages, is a tenth of that."""
_MAX_HEAD = 64 * 1024
_MAX_READ = 8 * MAX_REPLY
"""Bytes on the wire of a whole answer: its body, and what frames it."""
KEEPALIVE = 4.0
"""Seconds an idle connection is kept. Shorter than any common server's own limit, because a request that meets a
closing connection cannot be told from one that was read."""
_NAMES_KEPT = 30.0
"""Seconds for which is remembered where a name leads."""
_NEXT_ADDRESS = 0.25
"""Seconds after which a name's next address is tried beside the one before."""
_DEFAULTS = {"User-Agent": "sluss", "Accept": "application/json", "Accept-Encoding": "gzip, deflate"}

_SAYABLE = re.compile(r"[!-~]*")
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_LINE_BREAK = re.compile(r"[\r\n\0]")


class Origin(NamedTuple):
    """Where a connection leads."""

    tls: bool
    host: str
    port: int


class _Target(NamedTuple):
    origin: Origin
    authority: str
    path: str
    authorization: str | None


def _target(url: str) -> _Target:
    """Raises ValueError where it cannot be called."""
    parsed = URL(url)
    if parsed.scheme not in ("http", "https") or not parsed.raw_host or parsed.port is None:
        raise ValueError("not a URL that can be called")
    host = f"[{parsed.raw_host}]" if ":" in parsed.raw_host else parsed.raw_host
    authority = host if parsed.is_default_port() else f"{host}:{parsed.port}"
    secret = None
    if parsed.user is not None or parsed.password is not None:
        secret = "Basic " + b64encode(f"{parsed.user or ''}:{parsed.password or ''}".encode()).decode()
    return _Target(
        Origin(parsed.scheme == "https", parsed.raw_host, parsed.port), authority, parsed.raw_path_qs, secret
    )


_known = lru_cache(maxsize=64)(_target)
"""The same for the addresses of upstreams. Those of callers may name a message, and are not kept in memory."""


def request(call: Call) -> tuple[Origin, bytes]:
    """Where a request goes, and its bytes, a query as it stands. Raises ValueError where it cannot be said."""
    find = _target if "?" in call.path else _known
    if not call.query:
        target = find(call.path)
        path = target.path
    elif _SAYABLE.fullmatch(call.query):
        target = find(call.path)
        path = f"{target.path}?{call.query}"
    else:
        target = _target(f"{call.path}?{call.query}")
        path = target.path
    given = {name.lower() for name in call.headers}
    headers = {"Host": target.authority, **_DEFAULTS}
    if target.authorization is not None:
        if "authorization" in given:
            raise ValueError("credentials in the URL, and others beside it")
        headers["Authorization"] = target.authorization
    if call.body or call.method not in ("GET", "DELETE", "HEAD"):
        headers["Content-Length"] = str(len(call.body))
    lines = [f"{call.method} {path} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers.items() if name.lower() not in given]
    for name, value in call.headers.items():
        if not _TOKEN.fullmatch(name) or _LINE_BREAK.search(value):
            raise ValueError("a header that cannot be written")
        lines.append(f"{name}: {value}")
    return target.origin, "\r\n".join([*lines, "", ""]).encode() + call.body


class Pool:
    """Connections to any number of servers, at most so many in use at a time (0: any number)."""

    def __init__(self, resolver: AbstractResolver, connections: int = 0) -> None:
        self._resolver = resolver
        self._room = asyncio.Semaphore(connections) if connections else None
        self._idle: defaultdict[Origin, deque[_Connection]] = defaultdict(deque)
        self._names: dict[tuple[str, int], tuple[float, list[Any]]] = {}
        self._lookups: dict[tuple[str, int], asyncio.Task[list[Any]]] = {}
        self._sweeping: asyncio.TimerHandle | None = None
        self._closed = False
        self._tls: ssl.SSLContext | None = None

    async def ask(
        self, origin: Origin, said: bytes, left: Callable[[], None], *, connect: float, total: float
    ) -> Reply:
        """Send a request and read the whole answer; times in seconds. `left` is told just before its first byte leaves.

        Raises OSError (TimeoutError among them) and ValueError, and Unanswered where the answer is too long.
        """
        async with asyncio.timeout(connect):
            if self._room is not None:
                await self._room.acquire()
            try:
                connection = self._idle_one(origin) or await self._connect(origin)
            except BaseException:
                self._release()
                raise
        try:
            if (transport := connection.transport) is None or transport.is_closing():
                raise ConnectionResetError
            left()
            reply = await connection.ask(transport, said, total)
        finally:
            self._release()
            if connection.is_fit() and not self._closed:
                self._keep(origin, connection)
            else:
                connection.close()
        return reply

    def close(self) -> None:
        """Close what is idle."""
        self._closed = True
        if self._sweeping is not None:
            self._sweeping.cancel()
        for lookup in self._lookups.values():
            lookup.cancel()
        for connections in self._idle.values():
            for connection in connections:
                connection.close()
        self._idle.clear()

    def _release(self) -> None:
        if self._room is not None:
            self._room.release()

    def _idle_one(self, origin: Origin) -> "_Connection | None":
        """The one that was used last, for the others have a longer wait behind them."""
        connections = self._idle.get(origin)
        oldest = asyncio.get_running_loop().time() - KEEPALIVE
        while connections:
            connection = connections.pop()
            if connection.is_fit() and connection.idle_since > oldest:
                return connection
            connection.close()
        return None

    def _keep(self, origin: Origin, connection: "_Connection") -> None:
        loop = asyncio.get_running_loop()
        connection.idle_since = loop.time()
        self._idle[origin].append(connection)
        if self._sweeping is None:
            self._sweeping = loop.call_later(KEEPALIVE, self._sweep)

    def _sweep(self) -> None:
        """Close what has been idle for too long."""
        loop = asyncio.get_running_loop()
        oldest = loop.time() - KEEPALIVE
        for origin, connections in list(self._idle.items()):
            while connections and (connections[0].idle_since <= oldest or not connections[0].reusable):
                connections.popleft().close()
            if not connections:
                del self._idle[origin]
        self._sweeping = loop.call_later(KEEPALIVE, self._sweep) if self._idle else None

    async def _connect(self, origin: Origin) -> "_Connection":
        loop = asyncio.get_running_loop()
        addresses = await self._addresses(origin.host, origin.port)
        socket = await start_connection(addresses, happy_eyeballs_delay=_NEXT_ADDRESS, loop=loop)
        if origin.tls and self._tls is None:
            self._tls = ssl.create_default_context()
        try:
            _, connection = await loop.create_connection(
                lambda: _Connection(loop),
                sock=socket,
                ssl=self._tls if origin.tls else None,
                server_hostname=origin.host.rstrip(".") if origin.tls else None,
            )
        except BaseException:
            socket.close()
            raise
        return connection

    async def _addresses(self, host: str, port: int) -> list[Any]:
        until, found = self._names.get((host, port), (0.0, []))
        if until >= asyncio.get_running_loop().time():
            return found
        # Who asks at the same time shares the answer: looking up takes a thread, which a silent name server keeps.
        lookup = self._lookups.get((host, port))
        if lookup is None:
            self._lookups[host, port] = lookup = asyncio.create_task(self._look_up(host, port))
            lookup.add_done_callback(partial(self._looked_up, (host, port)))
        return await asyncio.shield(lookup)

    async def _look_up(self, host: str, port: int) -> list[Any]:
        entries = await self._resolver.resolve(host, port, AddressFamily(0))
        return [
            (entry["family"], SOCK_STREAM, entry["proto"], "", _socket_address(entry["host"], entry["port"]))
            for entry in entries
        ]

    def _looked_up(self, name: tuple[str, int], lookup: asyncio.Task[list[Any]]) -> None:
        del self._lookups[name]
        if lookup.cancelled() or lookup.exception() is not None:
            return  # whoever waits for it is told
        now = asyncio.get_running_loop().time()
        self._names = {known: found for known, found in self._names.items() if found[0] >= now}
        self._names[name] = now + _NAMES_KEPT, lookup.result()


def _socket_address(host: str, port: int) -> tuple[Any, ...]:
    return (host, port, 0, 0) if ":" in host else (host, port)


class _Connection(asyncio.Protocol):
    """One connection; what the parser calls is what it reads of an answer."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.transport: asyncio.Transport | None = None
        """None where the connection does not stand any more."""
        self._answer: asyncio.Future[Reply] | None = None
        self._late: asyncio.TimerHandle | None = None
        self.reusable = False
        self.idle_since = 0.0

    def ask(self, transport: asyncio.Transport, said: bytes, seconds: float) -> "asyncio.Future[Reply]":
        """Send a request; done with its whole answer, or with an OSError or Unanswered."""
        self.reusable = False
        self._parser = httptools.HttpResponseParser(self)
        self._headers: CIMultiDict[str] = CIMultiDict()
        self._body = bytearray()
        self._unpacker: Any = None
        self._read = self._status = 0
        self._begun = self._whole = self._more = self._stays = False
        self._answer = self._loop.create_future()
        self._late = self._loop.call_later(seconds, self._fail, TimeoutError())
        transport.write(said)
        return self._answer

    def is_fit(self) -> bool:
        """Whether another request may be written to it."""
        return self.reusable and self.transport is not None and not self.transport.is_closing()

    def close(self) -> None:
        """Let go of it; what is still to come is not heard."""
        self.reusable = False
        if self._late is not None:
            self._late.cancel()
        if self.transport is not None:
            self.transport.abort()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It stands."""
        self.transport = cast("asyncio.Transport", transport)

    def connection_lost(self, error: Exception | None) -> None:
        """It is gone: which ends an answer that has no other end, and breaks every other one."""
        self.transport = None
        self.reusable = False
        if self._answer is None or self._answer.done():
            return
        if error is None and self._begun and not self._framed():
            self._finish()
        else:
            self._fail(error if isinstance(error, OSError) else ConnectionResetError())

    def eof_received(self) -> None:
        """The server says nothing more, and the event loop closes the connection in its next turns."""
        self.reusable = False

    def data_received(self, data: bytes) -> None:
        """Something came."""
        if self._answer is None or self._answer.done():
            self.close()  # nobody asked for anything
            return
        if not self._read and not data.startswith(b"HTTP/"[: len(data)]):
            self._fail(ConnectionError())
            return
        self._read += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            if not self._whole:
                self._fail(ConnectionError())
                return
            self._more = True
        if self._whole:
            self._finish()
        elif self._read > (_MAX_READ if self._begun else _MAX_HEAD):
            self._fail(Unanswered("The upstream's answer has no end"))

    # What the parser calls.

    def on_message_begin(self) -> None:
        """Bytes behind a whole answer belong to nothing that was asked: nothing of them is read."""
        if self._whole:
            raise ValueError

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of the head; those behind the last chunk say nothing."""
        if self._begun:
            return
        self._headers.add(name.decode("latin-1"), value.decode("utf-8", "surrogateescape").strip())

    def on_headers_complete(self) -> None:
        """The head is whole; an interim one says nothing."""
        self._status = self._parser.get_status_code()
        if self._is_interim():
            self._headers.clear()
            return
        self._begun = True
        packed = self._headers.get("Content-Encoding", "").lower()
        if packed in ("gzip", "x-gzip", "deflate"):
            self._unpacker = _Unpacker(packed)

    def on_body(self, data: bytes) -> None:
        """A piece of the body."""
        if self._answer is None or self._answer.done():
            return  # it was too long already
        try:
            self._body += data if self._unpacker is None else self._unpacker.read(data, MAX_REPLY + 1 - len(self._body))
        except zlib.error:
            self._fail(ConnectionError())
        if len(self._body) > MAX_REPLY:
            self._fail(Unanswered(f"The upstream's answer is longer than {MAX_REPLY} bytes"))

    def on_message_complete(self) -> None:
        """The answer is whole, or an interim one was."""
        self._whole = not self._is_interim()
        self._stays = self._parser.should_keep_alive()

    def _is_interim(self) -> bool:
        return 100 <= self._status < 200 and self._status != 101

    def _framed(self) -> bool:
        """Whether the answer itself says where it ends."""
        return "Content-Length" in self._headers or "Transfer-Encoding" in self._headers

    def _finish(self) -> None:
        if self._answer is None or self._answer.done():
            return
        if self._status == 101 or (self._unpacker is not None and self._unpacker.misses_something):
            self._fail(ConnectionError())
            return
        if self._late is not None:
            self._late.cancel()
        self.reusable = self.transport is not None and self._stays and not self._more
        self._answer.set_result(Reply(self._status, bytes(self._body), self._headers))

    def _fail(self, error: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
        self.close()


class _Unpacker:
    """Reads gzip, and both forms of what is called deflate."""

    def __init__(self, packed: str) -> None:
        self._packed = packed
        self._inner: Any = None

    def read(self, data: bytes, most: int) -> bytes:
        """What comes out, at most so much. Raises zlib.error."""
        if self._inner is None:
            bare = self._packed == "deflate" and data[0] & 0x0F != zlib.DEFLATED
            self._inner = zlib.decompressobj(-zlib.MAX_WBITS if bare else zlib.MAX_WBITS | 32)
        unpacked: bytes = self._inner.decompress(data, most)
        return unpacked

    @property
    def misses_something(self) -> bool:
        """Whether it has begun and has not come to its end, or goes on behind it."""
        return self._inner is not None and (not self._inner.eof or bool(self._inner.unused_data))
