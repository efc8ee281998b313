"""The way in: a plain request is read right here, any other is aiohttp's, with its connection and all its bytes.

Nearly every call of an old client is one small HTTP/1.1 request that arrives whole. Reading that takes a fraction of
what a general server needs, which is a third of an accept. Whatever is not exactly of that kind - a body in pieces,
chunks, `Expect`, another version, a method or a header out of the ordinary - is handed over, and the connection stays
with aiohttp. A test holds both ways to the same bytes.

Clients of 2008 write å in a query as it is, which aiohttp refuses: it is given such letters percent-encoded, and its
connection ends with the answer to a query, so that the next one is read here again.
"""

import asyncio
import re
from typing import Any, NamedTuple, cast

import structlog
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

from gateway.connections import Connections
from gateway.peers import Socket
from gateway.ports import Call, Reply
from gateway.replies import encoded
from gateway.sockets import Connection
from gateway.web import Mounted, Streams, Web

log = structlog.get_logger()

MAX_LINE = 64 * 1024
"""Bytes of a request line: 2,000 characters of UTF-8, percent-encoded, in a query string, with room to spare."""
KEEPALIVE = 75.0
"""Seconds that a connection may be idle."""
HEAD = 30.0
"""Seconds within which the head of a request comes that has begun to."""
MAX_HEAD = 3 * MAX_LINE
"""Bytes of a request line and all its headers."""
UNREAD = 30.0
"""Seconds that a client may take to read an answer."""
MAX_WAITING = 64 * 1024
"""Bytes a client may send ahead while its last request is being answered."""

_HEAD = re.compile(
    rb"(GET|POST) (/[!-~\x80-\xff]*) HTTP/1\.1\r\n((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e]*\r\n)+)\r\n"
)
_BEGINS = re.compile(rb"[A-Z]{1,8}(?: /| ?\Z)").match
_IN_LINE = re.compile(rb"[!-~\x80-\xff ]*").fullmatch
_TOO_LONG = b"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_NOT_PLAIN = ("Transfer-Encoding", "Content-Encoding", "Expect", "Upgrade", "TE", "Trailer")


class Plain(NamedTuple):
    """A whole request, and what the client sent after it."""

    mounted: Mounted
    call: Call
    rest: bytes


class Server(web.Server):
    """Gives each new connection to a Front, and ends those that are idle when the gateway stops."""

    def __init__(self, handler: Web, connections: Connections) -> None:
        """The listener of a gateway's public side."""
        super().__init__(
            self._handled,
            access_log=None,
            max_line_size=MAX_LINE,
            max_field_size=MAX_LINE,
            keepalive_timeout=KEEPALIVE,
        )
        self.web = handler
        self.clients = connections
        self.fronts: set[Front] = set()

    def __call__(self) -> Any:
        """As asyncio asks for it: the protocol of a new connection."""
        return Front(self)

    async def _handled(self, request: web.BaseRequest) -> web.StreamResponse:
        transport = request.transport
        if transport is not None:
            self.clients.busy(transport)
        try:
            response = await self.web.handle(request)
            if "Content-Encoding" in request.headers and not request.content.is_eof():
                cast("Connection", request.protocol).leave()
            return response
        finally:
            if transport is not None:
                self.clients.idle(transport)

    def aiohttp_connection(self) -> web.RequestHandler:
        """What a connection becomes that is not plain."""
        return _Connection.of(self)

    def pre_shutdown(self) -> None:
        """Close what is idle; what is being answered is closed afterwards."""
        super().pre_shutdown()
        for front in list(self.fronts):
            front.stop()

    async def shutdown(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - aiohttp's signature
        """Give the answers that are being made that many seconds."""
        tasks = {front.task for front in self.fronts if front.task is not None}
        if tasks:
            await asyncio.wait(tasks, timeout=timeout)
        await super().shutdown(timeout)


class Front(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._web = server.web
        self._loop = asyncio.get_running_loop()
        self._waiting = b""
        self._seen = 0
        self._socket = Socket("")
        self._full = False
        self._stopping = False
        self._refused = False
        self._idle_until = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self.task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As asyncio calls it."""
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        secure = transport.get_extra_info("sslcontext") is not None
        self._socket = Socket(str(peer[0]) if isinstance(peer, tuple) else "", secure)
        if not self._server.clients.came(self._transport):
            self._refused = True
            return
        self._server.fronts.add(self)
        self._idle_for(KEEPALIVE)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """The client has gone; an answer that is being made is made, for its message may be stored."""
        self._server.clients.went(self._transport)
        self._let_go()

    def pause_writing(self) -> None:
        """The client does not read; it gets no further answer until it does."""
        self._full = True

    def resume_writing(self) -> None:
        """It reads again."""
        self._full = False
        if self.task is None:
            self._go_on()

    def data_received(self, data: bytes) -> None:
        """Bytes of the client's."""
        if self._refused:
            return
        self._waiting = self._waiting + data if self._waiting else data
        if self.task is None:
            self._next()
        if len(self._waiting) > MAX_WAITING and (self.task is not None or self._full):
            self._transport.pause_reading()

    def stop(self) -> None:
        """End the connection as soon as nothing is being answered."""
        self._stopping = True
        if self.task is None:
            self._transport.close()

    def _next(self) -> None:
        if self.task is not None or not self._waiting or self._full or self._transport.is_closing():
            return
        new = not self._seen
        if self._line_is_coming():
            if new and self._seen:
                self._idle_for(HEAD)
            return
        data = self._waiting
        plain = read(self._web, data, self._socket)
        if plain is None:
            self._hand_over()
            return
        self._waiting = plain.rest
        self._seen = 0
        self._server.clients.busy(self._transport)
        self.task = self._loop.create_task(self._answer(plain, data))

    def _line_is_coming(self) -> bool:
        """Whether there is a part of a request line, and nothing else: it is waited for, for it may hold raw letters.

        However small the pieces, each byte is looked at once.
        """
        if not self._seen:
            # Some clients of old end a body with a line break that they do not count (RFC 9112, 2.2).
            self._waiting = self._waiting.lstrip(b"\r\n")
        if not _BEGINS(self._waiting, 0, 10) or len(self._waiting) > MAX_LINE:
            return not self._waiting
        begun, self._seen = self._seen, len(self._waiting)
        return _IN_LINE(self._waiting, begun) is not None

    async def _answer(self, plain: Plain, data: bytes) -> None:
        try:
            reply = cast("Reply", await self._web.answer(plain.mounted, plain.call))
            if not self._transport.is_closing():
                self._transport.write(encoded(reply, plain.mounted.always(secure=self._socket.secure)))
        except Streams:
            if self._stopping or self._transport.is_closing():
                self._transport.close()
                return
            self._waiting = data[: len(data) - len(plain.rest)] + self._waiting
            self._transport.resume_reading()
            self._hand_over()
            return
        except Exception:
            log.exception("front.crashed", face=plain.mounted.name)
            self._transport.abort()
        finally:
            self.task = None
        if self._stopping:
            self._transport.close()
            return
        self._idle_until = self._loop.time() + KEEPALIVE
        self._server.clients.idle(self._transport)
        self._go_on()

    def _go_on(self) -> None:
        if self._waiting and not self._full and not self._transport.is_closing():
            self._transport.resume_reading()
            self._next()

    def _hand_over(self) -> None:
        self._let_go()
        handler = self._server.aiohttp_connection()
        self._transport.set_protocol(handler)
        handler.connection_made(self._transport)
        handler.data_received(_escaped(self._waiting))

    def _let_go(self) -> None:
        self._server.fronts.discard(self)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _idle_for(self, seconds: float) -> None:
        self._idle_until = self._loop.time() + seconds
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._idle_until, self._look)

    def _look(self) -> None:
        if self.task is None and self._loop.time() >= self._idle_until:
            # Closing waits until the client has read what it was told, which may be never.
            (self._transport.abort if self._transport.get_write_buffer_size() else self._transport.close)()
        else:
            self._timer = self._loop.call_at(max(self._idle_until, self._loop.time() + 1), self._look)


class _Connection(Connection):
    """A client's connection: there are bounds to what it may take its time for, and to how much it may say unasked."""

    __slots__ = ("_begun", "_clients", "_line", "_unread")

    def __init__(self, server: Server, **options: Any) -> None:
        super().__init__(server, **options)
        self._clients = server.clients
        self._begun: asyncio.TimerHandle | None = None
        self._line: asyncio.Transport | None = None
        self._unread = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It was another protocol's until now, with the beginning of a request."""
        super().connection_made(transport)
        self._line = cast("asyncio.Transport", transport)
        self._begun = self._loop.call_later(HEAD, self._look)

    def connection_lost(self, exc: BaseException | None) -> None:
        """The client has gone."""
        if self._line is not None:
            self._clients.went(self._line)
        if self._begun is not None:
            self._begun.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes of the client's."""
        before = self._request_count
        super().data_received(data)
        if self._request_count != before or self._waiter is None:
            self._unread = 0  # a whole head, or what belongs to a request that is being answered
            return
        self._unread += len(data)
        if self._unread > MAX_HEAD and self.transport is not None:
            self.transport.write(_TOO_LONG)
            self.force_close()

    def _look(self) -> None:
        if not self._request_count:
            self.force_close()

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Answer; a client that does not read that in time has gone."""
        try:
            async with asyncio.timeout(UNREAD):
                return await super().finish_response(request, resp, start_time)
        except TimeoutError:
            if self._line is not None:
                self._line.abort()
            return resp, True


def read(handler: Web, data: bytes, socket: Socket) -> Plain | None:
    """The plain request that `data` starts with; None where it is anything else, or not whole."""
    head = _HEAD.match(data)
    if head is None or head.end() > MAX_LINE:
        return None
    path, _, query = head[2].decode("utf-8", "surrogateescape").partition("?")
    mounted = handler.find(path)
    headers = _headers(head[3].decode())
    length = _length(headers, head[1])
    if mounted is None or length is None or length > mounted.face.max_body:
        return None
    end = head.end() + length
    if len(data) < end:
        return None
    call = handler.call(head[1].decode(), path, query, CIMultiDictProxy(headers), data[head.end() : end], socket)
    return Plain(mounted, call, data[end:])


def _escaped(data: bytes) -> bytes:
    """The bytes with a request line that aiohttp takes: letters that are not ASCII are percent-encoded in it."""
    line, end, rest = data.partition(b"\r\n")
    if line.isascii():
        return data
    return re.sub(rb"[\x80-\xff]", lambda byte: b"%%%02X" % byte[0][0], line) + end + rest


def _headers(block: str) -> CIMultiDict[str]:
    headers: CIMultiDict[str] = CIMultiDict()
    for line in block.split("\r\n")[:-1]:
        name, _, value = line.partition(":")
        headers.add(name, value.strip(" \t"))
    return headers


def _length(headers: CIMultiDict[str], method: bytes) -> int | None:
    """Bytes of the body; None where a header says that this is no plain request."""
    if any(name in headers for name in _NOT_PLAIN) or len(headers.getall("Host", [])) != 1:
        return None
    connection = headers.getall("Connection", ["keep-alive"])
    if len(connection) > 1 or connection[0].lower() != "keep-alive":
        return None
    lengths = headers.getall("Content-Length", [])
    if not lengths:
        return 0 if method == b"GET" else None
    if len(lengths) > 1 or not (lengths[0].isascii() and lengths[0].isdigit() and len(lengths[0]) < 9):
        return None
    return int(lengths[0])
