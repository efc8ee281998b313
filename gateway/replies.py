"""A Reply on its way out: plain bytes where nothing is special, aiohttp's own Response otherwise.

Most answers go to an HTTP/1.1 client that keeps its connection; those need none of what a Response can do, and building
one costs a tenth of an accept. Both forms are the same bytes, which a test compares.
"""

from collections.abc import Mapping
from functools import lru_cache
from http import HTTPStatus
from time import time
from wsgiref.handlers import format_date_time

from aiohttp import HttpVersion11, web

from gateway.ports import Reply


def response_of(request: web.BaseRequest, reply: Reply, headers: Mapping[str, str]) -> web.StreamResponse:
    """The response with these headers in front of the reply's own; it ends a connection that speaks in queries.

    The next query may hold letters that are no ASCII, with which only a new connection is read.
    """
    ends = request.method != "POST" and "?" in request.raw_path
    if request.version == HttpVersion11 and request.keep_alive and request.method != "HEAD" and not ends:
        return _Plain(reply, headers)
    headers = {**headers, **reply.headers}
    response = web.Response(status=reply.status, reason=_phrase(reply.status), body=reply.body, headers=headers)
    if ends:
        response.force_close()
    return response


class _Plain(web.StreamResponse):
    """An answer of known length to a connection that stays."""

    def __init__(self, reply: Reply, headers: Mapping[str, str]) -> None:
        # Deliberately not the parent's: all that aiohttp asks of a response is answered below.
        self._reply = reply
        self._before = headers
        self._keep_alive = True
        self._eof_sent = False

    async def prepare(self, request: web.BaseRequest) -> None:
        """Write everything at once; done once the client reads. Raises ConnectionError where it has gone."""
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("The client has gone")
        transport.write(encoded(self._reply, self._before))
        self._eof_sent = True
        await request.writer.drain()  # a client that asks and never reads is not answered further

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing is left to write."""


def encoded(reply: Reply, headers: Mapping[str, str]) -> bytes:
    """The whole answer, its lines in the order aiohttp writes them. Raises ValueError for a line break in a header."""
    lines = [_status_line(reply.status)]
    for name, value in (*headers.items(), *reply.headers.items()):
        if "\n" in value or "\r" in value or "\0" in value:
            raise ValueError(f"{name} holds a line break")
        lines.append(f"{name}: {value}")
    lines.append(f"Content-Length: {len(reply.body)}\r\nDate: {_date(int(time()))}\r\n\r\n")
    return "\r\n".join(lines).encode() + reply.body


@lru_cache(maxsize=64)
def _status_line(status: int) -> str:
    return f"HTTP/1.1 {status} {_phrase(status)}"


def _phrase(status: int) -> str:
    # Python 3.13 renamed this one; old clients read what they always read.
    return "Request Entity Too Large" if status == 413 else HTTPStatus(status).phrase


@lru_cache(maxsize=2)
def _date(second: int) -> str:
    return format_date_time(second)
