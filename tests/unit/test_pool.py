"""Keep-alive connections against real sockets: which of them are used again, and what is read of an answer."""

import asyncio
import gzip
import ssl
import zlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from certificates import Authority, Issued
from scripted import OK, Server

from gateway import pool
from gateway.errors import SendError, Unanswered, Unreachable
from gateway.http import Http
from gateway.ports import Call, Reply

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n"


@pytest.fixture
async def http() -> AsyncIterator[Http]:
    """The client that has the pool."""
    http = Http()
    yield http
    await http.close()


def post(port: int, **over: Any) -> Call:
    """A request."""
    return Call(**{"method": "POST", "path": f"http://127.0.0.1:{port}/a", "body": b"x"} | over)


async def ask(http: Http, call: Call) -> Reply:
    """Its answer."""
    return await http.perform(call, connect=5, total=5)


def saying(*answers: bytes, times: int = 10) -> Server:
    """A server that answers each request on a connection with all of these, and never hangs up."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(times):
            await server.request(reader)
            for answer in answers:
                writer.write(answer)
                await writer.drain()
                await asyncio.sleep(0)

    server = Server(script)
    return server


async def test_a_connection_is_used_again(http: Http) -> None:
    """One after the other, requests share a connection; at the same time, each has its own."""
    async with saying(OK) as server:
        for _ in range(3):
            assert (await ask(http, post(server.port))).body == b"ok"
        assert server.connections == 1
        await asyncio.gather(*(ask(http, post(server.port)) for _ in range(4)))
        assert server.connections == 4


SPOILT = [
    ("it says that it closes", HEAD + b"Connection: close\r\nContent-Length: 2\r\n\r\nok"),
    ("an older server's is closed unless it says otherwise", b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    ("it says more than was asked", OK + b"HTTP/1.1 408 Late\r\nX-A: b\r\nContent-Length: 4\r\n\r\nlate"),
    ("there is rubbish behind the answer", OK + b"rubbish"),
]


@pytest.mark.parametrize(("label", "answer"), SPOILT, ids=[case[0] for case in SPOILT])
async def test_a_connection_that_is_spoilt_is_not_used_again(http: Http, label: str, answer: bytes) -> None:
    """The answer counts; the next request has a connection of its own, and never the rest of another's answer."""
    async with saying(answer) as server:
        for _ in range(2):
            reply = await ask(http, post(server.port))
            assert (reply.status, reply.body, "X-A" in reply.headers) == (200, b"ok", False)
        assert server.connections == 2


async def test_what_is_said_unasked_is_no_answer(http: Http) -> None:
    """A server that speaks while nobody asks (408, for instance) is not understood as the answer to what comes next."""
    asked = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.request(reader)
        writer.write(OK)
        if server.connections == 1:
            await asked.wait()
            writer.write(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
        await server.request(reader)

    async with Server(script) as server:
        await ask(http, post(server.port))
        asked.set()
        await asyncio.sleep(0.05)
        assert (await ask(http, post(server.port))).status == 200
        assert server.connections == 2


async def test_a_connection_that_was_closed_meanwhile_is_replaced(http: Http) -> None:
    """A server that hangs up on an idle connection costs nothing: the request has not left, and goes by another one."""
    async with saying(OK, times=1) as server:
        for _ in range(3):
            await ask(http, post(server.port))
            await asyncio.sleep(0.05)
        assert server.connections == 3


async def test_a_connection_that_is_closing_is_not_written_to(http: Http) -> None:
    """Until the event loop says that it is over, what is written to it would be dropped, and told as unanswered."""
    async with saying(OK) as server:
        await ask(http, post(server.port))
        ((connection,),) = http._pool._idle.values()
        connection.transport.close()
        assert (await ask(http, post(server.port))).body == b"ok"
        assert server.connections == 2


async def test_who_asks_for_a_name_at_the_same_time_shares_the_answer(
    http: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One lookup for all of them: each takes a thread, and others' names wait for one."""
    asked: list[object] = []

    async def silent(*args: object, **_more: object) -> None:
        asked.append(args)
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", silent)
    calls = [Call("POST", "http://slow.invalid/", body=b"x")] * 8
    results = await asyncio.gather(*(http.perform(c, connect=0.05, total=1) for c in calls), return_exceptions=True)

    assert {type(result) for result in results} == {Unreachable}
    assert len(asked) == 1


async def test_an_idle_connection_is_closed_before_the_server_does(http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    """After its time it is closed from here, whether or not anything more is asked."""
    monkeypatch.setattr(pool, "KEEPALIVE", 0.05)
    gone = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.request(reader)
        writer.write(OK)
        await reader.read(1)
        gone.set()

    async with Server(script) as server:
        await ask(http, post(server.port))
        await asyncio.wait_for(gone.wait(), 5)


async def test_no_more_connections_than_allowed() -> None:
    """Who finds none free waits for one; for longer than connecting may take, and nothing has left."""
    http = Http(connections=1)
    answer = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await server.request(reader)
            await answer.wait()
            writer.write(OK)

    try:
        async with Server(script) as server:
            first = asyncio.create_task(ask(http, post(server.port)))
            await asyncio.sleep(0.05)
            with pytest.raises(Unreachable):
                await http.perform(post(server.port), connect=0.05, total=5)
            second = asyncio.create_task(ask(http, post(server.port)))
            answer.set()
            assert [(await first).body, (await second).body] == [b"ok", b"ok"]
            assert (server.connections, len(server.requests)) == (1, 2)
    finally:
        await http.close()


async def test_who_gives_up_leaves_room_and_no_half_answer(http: Http) -> None:
    """A request that is cancelled takes its connection with it: its answer is nobody's."""
    async with saying() as silent:
        asking = asyncio.create_task(ask(http, post(silent.port)))
        await asyncio.sleep(0.05)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        with pytest.raises(Unanswered):
            await http.perform(post(silent.port), connect=5, total=0.05)
        assert silent.connections == 2


DEFLATED = zlib.compressobj(wbits=-15)
READ: list[tuple[str, tuple[bytes, ...], bytes]] = [
    ("byte by byte", tuple(bytes([byte]) for byte in OK), b"ok"),
    (
        "after interim answers",
        (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n" + OK),
        b"ok",
    ),
    (
        "gzip in pieces",
        (
            CHUNKED + b"Content-Encoding: GZIP\r\n\r\n",
            *(b"1\r\n" + bytes([byte]) + b"\r\n" for byte in gzip.compress(b"hello")),
            b"0\r\n\r\n",
        ),
        b"hello",
    ),
    (
        "deflate",
        (HEAD + b"Content-Encoding: deflate\r\nContent-Length: 13\r\n\r\n", zlib.compress(b"hello")),
        b"hello",
    ),
    (
        "deflate without its wrapping",
        (
            HEAD + b"Content-Encoding: deflate\r\nContent-Length: 7\r\n\r\n",
            DEFLATED.compress(b"hello") + DEFLATED.flush(),
        ),
        b"hello",
    ),
    (
        "an empty body that says it is packed",
        (HEAD + b"Content-Encoding: gzip\r\nContent-Length: 0\r\n\r\n",),
        b"",
    ),
    (
        "a field behind the last chunk",
        (CHUNKED + b"\r\n2\r\nok\r\n0\r\nA: b\r\n\r\n",),
        b"ok",
    ),
]


@pytest.mark.parametrize(("label", "pieces", "body"), READ, ids=[case[0] for case in READ])
async def test_an_answer_is_read_in_whatever_pieces_it_comes(
    http: Http, label: str, pieces: tuple[bytes, ...], body: bytes
) -> None:
    """What is read is the final answer, unpacked; the connection can be used again."""
    async with saying(*pieces) as server:
        for _ in range(2):
            reply = await ask(http, post(server.port))
            assert (reply.status, reply.body) == (200, body)
        assert server.connections == 1


NO_ANSWERS = [
    ("another protocol's status line", b"RTSP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"),
    (
        "a protocol that nobody asked for",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    ),
    ("two lengths", HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok!"),
    ("a length and chunks", HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("a head without end", HEAD + b"X-A: b\r\n" * 10_000),
    ("interim answers without end", b"HTTP/1.1 102 Processing\r\n\r\n" * 4_000),
    (
        "gzip that is cut off",
        HEAD + b"Content-Encoding: gzip\r\nContent-Length: 9\r\n\r\n" + gzip.compress(b"a")[:9],
    ),
]


BOMB = gzip.compress(b"x" * (64 * pool.MAX_REPLY))
NO_ANSWERS += [
    (
        "gzip with more behind it",
        HEAD + b"Content-Encoding: gzip\r\nContent-Length: 42\r\n\r\n" + gzip.compress(b"a") * 2,
    ),
    ("fields behind the last chunk, without end", CHUNKED + b"\r\n2\r\nok\r\n0\r\n" + b"X-A: bcdefgh\r\n" * 700_000),
    ("a bomb", HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB) + BOMB),
]


@pytest.mark.parametrize(("label", "answer"), NO_ANSWERS, ids=[case[0] for case in NO_ANSWERS])
async def test_what_cannot_be_understood_is_unanswered(http: Http, label: str, answer: bytes) -> None:
    """The request was read, so nobody knows; the connection is not used again."""
    async with saying(answer) as server:
        with pytest.raises(Unanswered):
            await http.perform(post(server.port), connect=5, total=1)
        with pytest.raises(Unanswered):
            await http.perform(post(server.port), connect=5, total=1)
        assert server.connections == 2


async def test_a_header_field_may_come_twice_and_in_any_letters(http: Http) -> None:
    """Fields are looked up without regard to case; what is no UTF-8 stays readable."""
    answer = HEAD + b"X-ID:  a \r\nx-id: b\r\nX-Other: \xe5\r\nContent-Length: 0\r\n\r\n"
    async with saying(answer) as server:
        headers = (await ask(http, post(server.port))).headers

    assert (headers["x-Id"], headers["X-OTHER"]) == ("a", "\udce5")


WRITTEN: list[tuple[str, dict[str, Any], bytes]] = [
    (
        "defaults",
        {},
        b"POST /a HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUser-Agent: sluss\r\nAccept: application/json\r\n",
    ),
    ("no body to GET", {"method": "GET", "body": b""}, b"Accept-Encoding: gzip, deflate\r\n\r\n"),
    ("an empty body to POST", {"body": b""}, b"\r\nContent-Length: 0\r\n\r\n"),
    ("a body", {"body": "å".encode()}, b"\r\nContent-Length: 2\r\n\r\n\xc3\xa5"),
    ("one's own instead of a default", {"headers": {"user-agent": "a"}}, b"\r\nuser-agent: a\r\n"),
    ("a query behind a query", {"path": "http://127.0.0.1:{port}/a?b=c", "query": "d=%e5"}, b"POST /a?b=c?d=%e5 HTTP"),
    ("a query with letters", {"query": "d=å b"}, b"POST /a?d=%C3%A5+b HTTP"),
    ("no path", {"path": "http://127.0.0.1:{port}"}, b"POST / HTTP"),
    ("credentials in the URL", {"path": "http://u:p@127.0.0.1:{port}/"}, b"\r\nAuthorization: Basic dTpw\r\n"),
]


@pytest.mark.parametrize(("label", "over", "expected"), WRITTEN, ids=[case[0] for case in WRITTEN])
async def test_how_a_request_is_written(http: Http, label: str, over: dict[str, Any], expected: bytes) -> None:
    """Byte for byte, and nothing twice."""
    async with saying(OK) as server:
        port = str(server.port)
        given = {name: value.replace("{port}", port) if name == "path" else value for name, value in over.items()}
        await ask(http, post(server.port, **given))

    (said,) = server.requests
    assert expected.replace(b"{port}", port.encode()) in said
    names = [line.partition(b":")[0].lower() for line in said.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]]
    assert len(names) == len(set(names))


UNSAYABLE: list[tuple[str, dict[str, Any]]] = [
    ("a line break in a header", {"headers": {"X-A": "a\r\nX-B: c"}}),
    ("a NUL in a header", {"headers": {"X-A": "a\0"}}),
    ("a header without a name", {"headers": {"": "a"}}),
    ("a header's name that is two", {"headers": {"X-A: b\r\nX-B": "c"}}),
    ("no URL", {"path": "/a"}),
    ("another scheme", {"path": "ftp://127.0.0.1/"}),
]


@pytest.mark.parametrize(("label", "over"), UNSAYABLE, ids=[case[0] for case in UNSAYABLE])
async def test_what_cannot_be_said_does_not_leave(http: Http, label: str, over: dict[str, Any]) -> None:
    """Nothing that a caller or a configuration gives becomes a second header or a second request."""
    async with saying(OK) as server:
        with pytest.raises(Unreachable):
            await ask(http, post(server.port, **over))

    assert server.connections == 0


async def over_tls(http: Http, issued: Issued) -> Reply | SendError:
    """What becomes of a request to a server with this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.certificate, issued.key)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        try:
            return await ask(http, Call("GET", url))
        except SendError as error:
            return error


@pytest.mark.parametrize(
    ("host", "known", "expected"),
    [("127.0.0.1", True, Reply), ("127.0.0.1", False, Unreachable), ("127.0.0.2", True, Unreachable)],
)
async def test_who_answers_over_tls_is_who_was_asked(
    http: Http, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, expected: Callable[..., Any], *, known: bool
) -> None:
    """A certificate that nobody vouches for, or of another host, ends it before a byte of the request has left."""
    authority = Authority(tmp_path)
    if known:
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))

    assert type(await over_tls(http, authority.issue("provider", host=host))) is expected
