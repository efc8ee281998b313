"""The short way out of an answer gives the same bytes as aiohttp's own."""

import asyncio
import re

import pytest
from aiohttp import web

from gateway.ports import Reply
from gateway.replies import encoded, response_of

HEADERS = {"Server": "sluss", "Deprecation": "@1761696000"}
REPLIES = [
    ("an id", Reply(200, b"1001", {"Content-Type": "text/html; charset=utf-8", "Cache-Control": "private"})),
    ("a created batch", Reply(201, b"{}", {"Content-Type": "application/json", "Location": "http://h/v2/batches/1"})),
    ("a refusal", Reply(401, b"{}", {"Content-Type": "application/problem+json", "WWW-Authenticate": "Bearer"})),
    ("a method", Reply(405, b"no", {"Content-Type": "text/plain", "Allow": "GET, POST"})),
    ("a fault", Reply(500, b"<x/>", {"Content-Type": "text/xml; charset=utf-8"})),
    ("later", Reply(503, b"{}", {"Content-Type": "application/json", "Retry-After": "1"})),
    ("nothing", Reply(415, b"", {"Cache-Control": "private"})),
    ("a long one", Reply(200, b"x" * 300_000, {"Content-Type": "text/plain"})),
]
REQUESTS = [
    ("keeps the connection", b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"),
    ("ends the connection", b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
    ("is an HTTP/1.0 client's", b"GET / HTTP/1.0\r\nHost: h\r\n\r\n"),
    ("is an HTTP/1.0 client's that stays", b"GET / HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n"),
    ("asks for the head alone", b"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n"),
]


async def answered(request: bytes, reply: Reply, *, short: bool) -> bytes:
    """What a raw client reads up to the end, or until nothing more comes, with the date blanked."""

    async def handle(asked: web.BaseRequest) -> web.StreamResponse:
        if short:
            return response_of(asked, reply, HEADERS)
        return web.Response(status=reply.status, body=reply.body, headers={**HEADERS, **reply.headers})

    server = await asyncio.get_running_loop().create_server(web.Server(handle), "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"Content-Length: (\d+)", head)
        wanted = int(length[1]) if length and not request.startswith(b"HEAD") else 0
        body = await reader.readexactly(wanted)
        # A second request on the same connection shows whether it was kept.
        writer.write(request)
        kept = b"kept" if await reader.read(1) else b"closed"
        writer.close()
    return re.sub(rb"Date: [^\r]+", b"Date: -", head) + body + kept


@pytest.mark.parametrize("request_", [request for _, request in REQUESTS], ids=[label for label, _ in REQUESTS])
@pytest.mark.parametrize("reply", [reply for _, reply in REPLIES], ids=[label for label, _ in REPLIES])
async def test_the_short_way_is_the_same_bytes(reply: Reply, request_: bytes) -> None:
    """Status line, header lines, their order, the body and what becomes of the connection are as aiohttp has them."""
    expected = await answered(request_, reply, short=False)

    assert await answered(request_, reply, short=True) == expected


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
@pytest.mark.parametrize("rest", [" HTTP/1.1\r\nHost: h", " HTTP/1.0\r\nHost: h\r\nConnection: keep-alive"])
async def test_a_query_ends_its_connection(method: str, rest: str) -> None:
    """The next one may hold letters that aiohttp refuses, so it has to come by the front again."""
    reply = REPLIES[0][1]

    assert (await answered(f"{method} /?a=b{rest}\r\n\r\n".encode(), reply, short=True)).endswith(b"closed")
    assert (await answered(f"{method} /{rest}\r\n\r\n".encode(), reply, short=True)).endswith(b"kept")


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: x", "a\nb", "a\0b"])
def test_no_header_breaks_out_of_its_line(value: str) -> None:
    """A value from outside cannot add a header of its own."""
    with pytest.raises(ValueError, match="line break"):
        encoded(Reply(200, b"x", {"Location": value}), {})
