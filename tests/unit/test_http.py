"""The outbound client against real sockets: what never left may be tried again, what may have been read may not."""

import asyncio
import contextlib
import gzip
import socket
import ssl
from collections.abc import AsyncIterator, Coroutine
from typing import Any, TypeVar

import pytest
from scripted import OK, Server

from gateway.errors import SendError, Unanswered, Unreachable
from gateway.http import Http, is_public
from gateway.pool import MAX_REPLY
from gateway.ports import Call, Reply

SECRET = "s3cr3t-t0k3n"


@contextlib.asynccontextmanager
async def answering(*pieces: bytes, reset: bool = False) -> AsyncIterator[Server]:
    """A server that reads a request, answers with these bytes, and hangs up."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.request(reader)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        if reset:
            linger_not(writer)

    async with Server(script) as server:
        yield server


def linger_not(writer: asyncio.StreamWriter) -> None:
    """Make the coming close a reset."""
    found: socket.socket = writer.get_extra_info("socket")
    found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    writer.transport.abort()


LOOPS = ["asyncio", "uvloop"]
"""The loop of the standard library, and the one that a gateway runs on where it is installed."""

Result = TypeVar("Result")


def run(loop: str, coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Run on one of the loops."""
    factory = pytest.importorskip("uvloop").new_event_loop if loop == "uvloop" else None
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(coroutine)


@pytest.fixture
async def http() -> AsyncIterator[Http]:
    """The client."""
    http = Http()
    yield http
    await http.close()


def call(target: int | str, method: str = "POST", body: bytes = b'{"a": 1}') -> Call:
    """A request that holds a secret wherever one can stand."""
    base = target if isinstance(target, str) else f"http://127.0.0.1:{target}"
    return Call(method, f"{base}/v2/batches", f"pass={SECRET}", {"Authorization": f"Bearer {SECRET}"}, body)


async def error_of(http: Http, request: Call, *, connect: float = 5.0, total: float = 5.0) -> SendError:
    """The error that a request ends with; none may tell a secret, nor what it was asked."""
    with pytest.raises(SendError) as caught:
        await http.perform(request, connect=connect, total=total)
    for text in (str(caught.value), repr(caught.value), caught.value.detail):
        assert SECRET not in text
        assert "pass=" not in text
    return caught.value


async def test_a_request_goes_out_and_its_answer_comes_back(http: Http) -> None:
    """Method, path, query, headers and body arrive as they were given; status, body and headers come back."""
    async with answering(b"HTTP/1.1 201 Created\r\nX-A: b\r\nContent-Length: 5\r\n\r\nh\xc3\xa4r!") as server:
        reply = await http.perform(call(server.port), connect=5, total=5)

    assert (reply.status, reply.body, reply.headers["x-a"]) == (201, b"h\xc3\xa4r!", "b")
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v2/batches?pass=%s HTTP/1.1\r\n" % SECRET.encode())
    assert b"\r\nAuthorization: Bearer %s" % SECRET.encode() in head
    assert b"\r\nUser-Agent: sluss" in head
    assert body == b'{"a": 1}'


async def test_a_query_leaves_as_it_was_written(http: Http) -> None:
    """An older provider reads ISO 8859-1: escapes are not put into another form on the way."""
    async with answering(OK) as server:
        await http.perform(Call("GET", f"http://127.0.0.1:{server.port}/a", "msg=%E5%2B+%26&to=46"), connect=5, total=5)

    assert server.requests[0].startswith(b"GET /a?msg=%E5%2B+%26&to=46 HTTP/1.1\r\n")


ANSWERS = [
    ("a redirect is an answer, not followed", b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", 302),
    ("an error is an answer", b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", 500),
    ("no content", b"HTTP/1.1 204 No Content\r\n\r\n", 204),
    ("a body until the end of the connection", b"HTTP/1.0 200 OK\r\n\r\nok", 200),
    ("chunks", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 200),
]


@pytest.mark.parametrize(("label", "answer", "status"), ANSWERS, ids=[case[0] for case in ANSWERS])
async def test_every_whole_answer_is_an_answer(http: Http, label: str, answer: bytes, status: int) -> None:
    """What it means is for the adapter to say; one request is one request."""
    async with answering(answer) as server:
        reply = await http.perform(call(server.port), connect=5, total=5)

    assert reply.status == status
    assert reply.body in {b"", b"ok"}
    assert len(server.requests) == 1


async def test_gzip_is_unpacked(http: Http) -> None:
    """Providers may compress their answers."""
    body = gzip.compress(b'{"id":"1"}')
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    async with answering(head + body) as server:
        reply: Reply = await http.perform(call(server.port), connect=5, total=5)

    assert reply.body == b'{"id":"1"}'


BROKEN = [
    ("it hangs up without a word", (), False),
    ("it resets without a word", (), True),
    ("half a status line", (b"HTTP/1.1 20",), False),
    ("half a head", (b"HTTP/1.1 200 OK\r\nContent-Le",), False),
    ("half a body", (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",), False),
    ("a reset inside the body", (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",), True),
    ("half a chunk", (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",), False),
    ("a chunk that is none", (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",), False),
    ("no HTTP at all", (b"220 mail.example ESMTP\r\n",), False),
    ("gzip that is none", (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd",), False),
]


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize(("label", "pieces", "reset"), BROKEN, ids=[case[0] for case in BROKEN])
def test_a_broken_answer_is_unanswered(
    loop: str, label: str, pieces: tuple[bytes, ...], method: str, *, reset: bool
) -> None:
    """The request was read and nobody knows what came of it; it is not sent a second time, not even a GET."""

    async def attempt() -> tuple[SendError, int]:
        http = Http()
        async with answering(*pieces, reset=reset) as server:
            error = await error_of(http, call(server.port, method))
        await http.close()
        return error, len(server.requests)

    error, requests = run(loop, attempt())

    assert type(error) is Unanswered
    assert requests == 1


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_a_reused_connection_that_breaks_is_not_tried_again(http: Http, method: str) -> None:
    """A server that reads a second request and hangs up may have acted on it; an older protocol sends SMS by GET."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.request(reader)
        writer.write(OK)
        await writer.drain()
        await server.request(reader)

    async with Server(script) as server:
        await http.perform(call(server.port, method), connect=5, total=5)
        error = await error_of(http, call(server.port, method))

    assert type(error) is Unanswered
    assert len(server.requests) == 2


async def test_silence_is_unanswered(http: Http) -> None:
    """A server that reads the request and says nothing in time may have acted on it."""
    done = asyncio.Event()

    async def script(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await server.request(reader)
        await done.wait()

    async with Server(script) as server:
        error = await error_of(http, call(server.port), total=0.05)
        done.set()

    assert type(error) is Unanswered
    assert error.detail == "The upstream did not answer in time"


async def test_a_trickle_is_cut_off(http: Http) -> None:
    """A server that says a little now and then does not hold an attempt longer than its lease."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x")
            await asyncio.sleep(0.01)

    async with Server(script) as server:
        error = await error_of(http, call(server.port), connect=0.05, total=0.05)

    assert type(error) is Unanswered


ENDLESS = [
    ("headers", b"HTTP/1.1 200 OK\r\n", b"X-A: y\r\n" * 100),
    ("one header", b"HTTP/1.1 200 OK\r\nX-A: ", b"y" * 1000),
    ("a status line", b"HTTP/1.1 200 ", b"y" * 1000),
    ("words before the answer", b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ("a chunk's extension", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"x" * 1000),
    ("chunks of one byte", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n" * 1000),
    ("trailers", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n" * 100),
    ("a body", b"HTTP/1.1 200 OK\r\n\r\n", b"y" * 1000),
]


@pytest.mark.parametrize(("label", "begins", "goes_on"), ENDLESS, ids=[label for label, *_ in ENDLESS])
async def test_an_answer_without_end_is_unanswered(http: Http, label: str, begins: bytes, goes_on: bytes) -> None:
    """Whatever of an answer does not end: it is given up at a limit of bytes or of time, and the connection with it."""
    left = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.request(reader)
        writer.write(begins)
        try:
            while True:
                writer.write(goes_on)
                await writer.drain()
                await asyncio.sleep(0)
        except ConnectionError:
            left.set()

    async with Server(script) as server:
        error = await error_of(http, call(server.port), connect=1, total=1)
        async with asyncio.timeout(30):
            await left.wait()

    assert isinstance(error, Unanswered)


async def test_a_reply_that_is_too_long_is_unanswered(http: Http) -> None:
    """Beyond a MiB nothing more is read; just so much still is."""
    largest = b"x" * MAX_REPLY
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
    async with answering(head % MAX_REPLY, largest) as server:
        assert (await http.perform(call(server.port), connect=5, total=5)).body == largest
    async with answering(head % (MAX_REPLY + 1), largest, b"x") as server:
        error = await error_of(http, call(server.port))

    assert type(error) is Unanswered
    assert error.detail == "The upstream's answer is longer than 1048576 bytes"


async def test_a_small_reply_that_unpacks_to_a_large_one_is_unanswered(http: Http) -> None:
    """The limit holds for what was unpacked."""
    body = gzip.compress(b"x" * (2 * MAX_REPLY))
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    async with answering(head + body) as server:
        error = await error_of(http, call(server.port))

    assert type(error) is Unanswered


def closed_port() -> int:
    """A port where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


NOWHERE: list[tuple[str, str]] = [
    ("nobody listens", "http://127.0.0.1:{closed}"),
    ("no such name", "http://nosuchhost.invalid"),
    ("a name longer than names are", f"http://{'a' * 64}.invalid"),
    ("an empty part in the name", "http://a..invalid"),
    ("TLS where none is spoken", "https://127.0.0.1:{plain}"),
    ("no URL", "no url"),
    ("a port beyond all ports", "http://127.0.0.1:99999"),
    ("a scheme that is not ours", "ftp://127.0.0.1:{plain}"),
    ("credentials in the URL beside a key", f"http://user:{SECRET}@127.0.0.1:{{plain}}"),
]


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(("label", "url"), NOWHERE, ids=[case[0] for case in NOWHERE])
def test_what_never_left_is_unreachable(loop: str, label: str, url: str) -> None:
    """No server has read a request, so it may be tried again."""

    async def attempt() -> tuple[SendError, list[bytes]]:
        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if (await reader.read(1)).isalpha():
                server.requests.append(b"a request")
            writer.write(OK)

        http = Http()
        async with Server(script) as server:
            error = await error_of(http, call(url.format(closed=closed_port(), plain=server.port)))
        await http.close()
        return error, server.requests

    error, requests = run(loop, attempt())

    assert type(error) is Unreachable
    assert error.detail.startswith("Cannot connect: ")
    assert requests == []


async def test_a_certificate_that_nobody_knows_is_unreachable(http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    """The handshake failed, so not a byte of the request left."""

    async def refuse(*_args: object, **_more: object) -> None:
        raise ssl.SSLCertVerificationError(1, "certificate verify failed: self-signed certificate")

    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", refuse)

    assert type(await error_of(http, call("https://127.0.0.1:1"))) is Unreachable


async def test_a_connection_that_is_not_taken_in_time_is_unreachable(http: Http) -> None:
    """A host that answers no SYN: its queue of connections is full."""
    with contextlib.ExitStack() as stack:
        full = stack.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                waiting.connect(full.getsockname())
        error = await error_of(http, call(full.getsockname()[1]), connect=0.05)

    assert type(error) is Unreachable


async def test_a_handshake_that_never_ends_is_unreachable(http: Http) -> None:
    """The server took the connection and says nothing of TLS: nothing of the request has left."""
    done = asyncio.Event()

    async def script(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await done.wait()

    async with Server(script) as server:
        error = await error_of(http, call(f"https://127.0.0.1:{server.port}"), connect=0.05, total=0.05)
        done.set()

    assert type(error) is Unreachable


async def test_a_name_server_that_is_silent_is_unreachable(http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    """Resolving takes as long as it likes, not the attempt: it is over after the time to connect."""

    async def silent(*_args: object, **_more: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", silent)

    assert type(await error_of(http, call("http://slow.invalid"), connect=0.05)) is Unreachable


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize(("label", "pieces", "reset"), BROKEN, ids=[case[0] for case in BROKEN])
async def test_a_broken_stream_is_unanswered(
    http: Http, label: str, pieces: tuple[bytes, ...], method: str, *, reset: bool
) -> None:
    """Before its first byte or after: whoever reads it is told, and it is asked for once."""

    async def read(request: Call) -> None:
        async with http.stream(request, None, connect=5, total=5) as stream:
            async for _chunk in stream.chunks:
                pass

    async with answering(*pieces, reset=reset) as server:
        with pytest.raises(Unanswered):
            await read(call(server.port, method))

    assert len(server.requests) == 1


async def test_another_protocol_is_no_answer(http: Http) -> None:
    """Nobody asked for one: what follows is not passed on as a body."""
    async with answering(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nxx") as server:
        with pytest.raises(Unanswered):
            async with http.stream(call(server.port, "GET"), None, connect=5, total=5):
                pytest.fail("it was taken for an answer")


async def test_a_slow_stream_is_read_as_long_as_it_moves(http: Http) -> None:
    """Its limit is one of standing still, for both bodies; whoever stands still is cut off."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
        for _ in range(8):
            await asyncio.sleep(0.1)
            writer.write(b"a")
        await asyncio.sleep(60)

    async def body() -> AsyncIterator[bytes]:
        for _ in range(8):
            await asyncio.sleep(0.1)
            yield b"b"

    told = b""
    async with Server(script) as server:
        request = Call("POST", f"http://127.0.0.1:{server.port}/", headers={"Content-Length": "8"})
        async with http.stream(request, body(), connect=0.2, total=0.3) as stream:
            while len(told) < 8:
                told += await anext(stream.chunks)
            with pytest.raises(Unanswered, match="in time"):
                await anext(stream.chunks)

    assert (told, server.requests[0][-8:]) == (b"a" * 8, b"b" * 8)


ADDRESSES = [
    ("a public address", "93.184.216.34", True),
    ("a public IPv6 address", "2606:2800:220:1:248:1893:25c8:1946", True),
    ("loopback", "127.0.0.1", False),
    ("loopback's neighbour", "127.255.255.254", False),
    ("IPv6 loopback", "::1", False),
    ("private 10", "10.1.2.3", False),
    ("private 172", "172.16.0.1", False),
    ("private 192", "192.168.1.1", False),
    ("a cloud's metadata", "169.254.169.254", False),
    ("carrier-grade NAT", "100.64.0.1", False),
    ("IPv6 unique local", "fc00::1", False),
    ("IPv6 link-local", "fe80::1", False),
    ("IPv6 link-local with a zone", "fe80::1%eth0", False),
    ("mapped loopback", "::ffff:127.0.0.1", False),
    ("mapped private", "::ffff:10.0.0.1", False),
    ("mapped metadata", "::ffff:a9fe:a9fe", False),
    ("mapped public", "::ffff:93.184.216.34", True),
    ("anything", "0.0.0.0", False),
    ("IPv6 anything", "::", False),
    ("multicast", "224.0.0.1", False),
    ("broadcast", "255.255.255.255", False),
    ("documentation", "192.0.2.1", False),
    ("loopback in hexadecimal", "0x7f000001", False),
    ("loopback in hexadecimal capitals", "0X7F000001", False),
    ("loopback as one number", "2130706433", False),
    ("loopback in octal", "0177.0.0.1", False),
    ("loopback in short", "127.1", False),
    ("part of it in hexadecimal", "0x7f.1", False),
    ("a dot behind an address", "127.0.0.1.", False),
    ("digits of another script", "①②⑦.0.0.1", False),
    ("nothing", "", False),
    ("no host", None, False),
    ("a name", "erp.example", True),
    ("a name in capitals", "ERP.EXAMPLE", True),
    ("a name that starts with digits", "46elks.example", True),
    ("a name of one part, for the resolver to judge", "localhost", True),
    ("a punycode name", "xn--mnchen-3ya.example", True),
]


@pytest.mark.parametrize(("label", "host", "expected"), ADDRESSES, ids=[case[0] for case in ADDRESSES])
def test_which_hosts_are_public(label: str, host: str | None, *, expected: bool) -> None:
    """A caller's URL may not reach into our own network, in whatever way the address is written."""
    assert is_public(host) is expected


@pytest.mark.parametrize("host", ["localhost", "127.0.0.0x1", "0177.0.0.0x1"])
async def test_a_name_that_leads_inside_is_unreachable(host: str) -> None:
    """What a name leads to is judged when it is resolved: where all of it is private, nothing is asked."""
    http = Http(public_only=True)
    try:
        async with answering(OK) as server:
            error = await error_of(http, call(f"http://{host}:{server.port}"))
    finally:
        await http.close()

    assert type(error) is Unreachable
    assert server.connections == 0


async def test_of_a_names_addresses_only_the_public_ones_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name with a public and a private address does not reach the private one."""
    http = Http(public_only=True)
    tried: list[str] = []

    async def two(*_args: object, **_more: object) -> list[object]:
        hosts = ("127.0.0.1", "93.184.216.34", "10.0.0.1")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, 80)) for host in hosts]

    async def connect(_socket: socket.socket, address: tuple[str, int]) -> None:
        tried.append(address[0])
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", two)
    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", connect)
    try:
        assert type(await error_of(http, call("http://mixed.example"))) is Unreachable
    finally:
        await http.close()

    assert tried == ["93.184.216.34"]


@pytest.mark.parametrize(
    "host", ["64:ff9b::7f00:1", "64:ff9b::a00:5", "2002:7f00:1::", "::127.0.0.1", "::ffff:0:7f00:1"]
)
def test_an_address_inside_an_address_is_not_public(host: str) -> None:
    """A network that unpacks IPv4 from IPv6 (NAT64, 6to4) must not become a way in."""
    assert not is_public(host)
