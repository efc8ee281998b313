"""The way in: what is plain is answered at once, what is not is handed over whole, and nobody can tell."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator

import pytest
from builders import FrozenClock
from callers import FACES, a_letter
from gateways import BASIC, KEY, Running, a_document, until
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rawhttp import exchange, request

from gateway import front
from gateway.app import Gateway, start
from gateway.config import Settings
from gateway.front import read
from gateway.web import Web

GET = request("GET", f"/sendsms.aspx?acc=ip1-12345&pass={KEY}&msg=Hej&from=iP1&to=46712345678&prio=1&type=")
V1 = request(
    "POST",
    "/api/sms/send",
    {"Authorization": f"Basic {BASIC}", "Content-Type": "application/json"},
    b'{"Numbers":["46712345678"],"From":"iP1","Message":"Hej"}',
)


async def test_requests_sent_ahead_are_answered_in_order(running: Running) -> None:
    """Twenty requests in one write (pipelining) get twenty answers, in the order they were asked."""
    gateway = await running()
    reader, writer = await asyncio.open_connection(*gateway.public)
    writer.write((GET + V1) * 10)
    async with asyncio.timeout(30):
        said = b""
        while said.count(b"HTTP/1.1 200") < 20 or not said.endswith((b"]", b"1019")):
            said += await reader.read(65536)
    writer.close()

    assert re.findall(rb"\r\n\r\n(\d{4})HTTP", said) == [b"%d" % number for number in range(1001, 1020, 2)]


async def test_a_client_that_reads_late_gets_everything(running: Running) -> None:
    """Far more asked ahead than is kept, and nothing read meanwhile: the gateway waits, then answers all of it."""
    gateway = await running()
    reader, writer = await asyncio.open_connection(*gateway.public)
    writer.write(request("GET", "/sendsms/sendsms.asmx?wsdl") * 2000)
    await asyncio.sleep(0.2)
    answers = 0
    async with asyncio.timeout(30):
        while answers < 2000:
            head = await reader.readuntil(b"\r\n\r\n")
            answers += head.startswith(b"HTTP/1.1 200")
            await reader.readexactly(int(head.partition(b"Content-Length: ")[2].partition(b"\r")[0]))
    writer.close()


async def test_a_connection_is_kept_from_one_request_to_the_next(running: Running) -> None:
    """Whole requests and requests in pieces take turns on one connection."""
    gateway = await running()
    reader, writer = await asyncio.open_connection(*gateway.public)
    ids = []
    for pieces in ([GET], [GET], [GET[:30], GET[30:]], [GET]):
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0.01)
        async with asyncio.timeout(30):
            head = await reader.readuntil(b"\r\n\r\n")
            assert b"Content-Length: 4" in head
            ids.append(await reader.readexactly(4))
    writer.close()

    assert ids == [b"1001", b"1002", b"1003", b"1004"]


RAW = GET.replace(b"msg=Hej", b"msg=sm\xe5")
HEAD = RAW.removesuffix(b"\r\n")
ODD = [
    ("an HTTP/1.0 client that stays", HEAD.replace(b"HTTP/1.1", b"HTTP/1.0") + b"Connection: keep-alive\r\n\r\n"),
    ("a header that says more", HEAD + b"TE: trailers\r\n\r\n"),
    ("a header of Latin-1", HEAD + b"X: \xe5\r\n\r\n"),
    ("a plain one", RAW),
]


@pytest.mark.parametrize("raw", [raw for _, raw in ODD], ids=[label for label, _ in ODD])
@pytest.mark.parametrize("cut", [0, 1, 3, 4, 60, -3], ids=lambda at: f"cut at {at}")
async def test_a_letter_in_a_query_is_read_however_it_comes(running: Running, raw: bytes, cut: int) -> None:
    """Three messages by a client of 2008 that keeps its connection where it may: each arrives as it was written."""
    gateway = await running()
    said = b""
    reader, writer = await asyncio.open_connection(*gateway.public)
    for number in (1001, 1002, 1003):
        for piece in (raw[:cut], raw[cut:]) if cut else (raw,):
            writer.write(piece)
            await asyncio.sleep(0.01)
        async with asyncio.timeout(30):
            said = await reader.readuntil(b"%d" % number)
        if b"Connection: close" in said or (b"HTTP/1.0" in said and b"keep-alive" not in said):
            writer.close()
            reader, writer = await asyncio.open_connection(*gateway.public)
    writer.close()

    for number in (1001, 1002, 1003):
        batch = await gateway.store.batch(number)
        assert batch is not None
        assert batch.content.body == "små"


async def test_a_line_break_after_a_body_is_passed_over(running: Running) -> None:
    """Some clients end a body with a line break that they do not count; RFC 9112, 2.2, lets a server skip it."""
    gateway = await running()
    reader, writer = await asyncio.open_connection(*gateway.public)
    writer.write(V1 + b"\r\n")
    await reader.readuntil(b"}]")
    writer.write(b"\r\n" + RAW)
    async with asyncio.timeout(30):
        await reader.readuntil(b"\r\n\r\n1002")
    writer.close()


async def test_a_line_that_trickles_is_looked_at_once(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """However small the pieces, waiting for a long request line costs no more than its length."""
    looked: list[int] = []
    judge = front._IN_LINE

    def spy(data: bytes, begin: int) -> object:
        looked.append(len(data) - begin)
        return judge(data, begin)

    monkeypatch.setattr("gateway.front._IN_LINE", spy)
    gateway = await running()
    line = GET.replace(b"Hej", b"x" * 1000)
    reader, writer = await asyncio.open_connection(*gateway.public)
    for at in range(0, len(line), 10):
        writer.write(line[at : at + 10])
        await writer.drain()
        await asyncio.sleep(0.001)
    async with asyncio.timeout(30):
        await reader.readuntil(b"\r\n\r\n1001")
    writer.close()

    assert len(looked) > 10
    assert sum(looked) <= len(line)


async def test_a_client_that_goes_away_has_its_message_sent_all_the_same(running: Running) -> None:
    """The request was whole: its batch is stored, though nobody is left to be told."""
    gateway = await running()
    _, writer = await asyncio.open_connection(*gateway.public)
    writer.write(GET)
    await writer.drain()
    writer.transport.abort()

    async def stored() -> bool:
        return await gateway.store.batch(1001) is not None

    await until(stored)


async def test_a_stop_ends_idle_connections(running: Running) -> None:
    """A client that keeps its connection does not hold the gateway up."""
    gateway = await running()
    reader, writer = await asyncio.open_connection(*gateway.public)
    writer.write(GET)
    await reader.readuntil(b"1001")
    async with asyncio.timeout(10):
        await gateway.stop()
        rest = await reader.read()
    writer.close()

    assert rest == b""


LINES = [
    ("a body in chunks", b"Transfer-Encoding: chunked\r\n"),
    ("waits for a word", b"Expect: 100-continue\r\n"),
    ("wants another protocol", b"Upgrade: h2c\r\nConnection: Upgrade\r\n"),
    ("a packed body", b"Content-Encoding: gzip\r\n"),
    ("ends the connection", b"Connection: close\r\n"),
    ("two hosts", b"Host: other\r\n"),
    ("two lengths", b"Content-Length: 0\r\nContent-Length: 5\r\n"),
    ("a length that is none", b"Content-Length: +5\r\n"),
    ("a folded line", b"X: a\r\n b\r\n"),
    ("a blank in a name", b"Content-Length : 5\r\n"),
    ("a bare line feed", b"X: a\nY: b\r\n"),
    ("a letter of no ASCII", "X: å\r\n".encode()),
]


@pytest.mark.parametrize("line", [line for _, line in LINES], ids=[label for label, _ in LINES])
async def test_what_is_not_plain_is_handed_over(line: bytes, running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anything that a request can be smuggled with, and anything rare, is left to aiohttp untouched."""
    seen: list[bool] = []

    def spy(handler: Web, data: bytes, peer: str) -> object:
        plain = read(handler, data, peer)
        seen.append(plain is not None)
        return plain

    monkeypatch.setattr("gateway.front.read", spy)
    gateway = await running()
    _, writer = await asyncio.open_connection(*gateway.public)
    writer.write(GET.replace(b"\r\n\r\n", b"\r\n" + line + b"\r\n"))
    await until(lambda: seen)
    writer.close()

    assert seen == [False]


@contextlib.asynccontextmanager
async def two_gateways() -> AsyncIterator[list[Gateway]]:
    """Two gateways that cannot be told apart."""
    pair: list[Gateway] = [await start(Settings.model_validate(a_document()), clock=FrozenClock()) for _ in range(2)]
    try:
        yield pair
    finally:
        for gateway in pair:
            await gateway.stop()


REQUESTS = [a_letter(face, "Hej åäö").raw() for face in FACES]
EDITS = st.lists(
    st.tuples(st.integers(0, 700), st.sampled_from([b"", b"\0", b"\r\n", b" ", b":", b"A", b"%", b"\xe5", b"1"])),
    min_size=1,
    max_size=3,
)


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(which=st.integers(0, len(REQUESTS) - 1), edits=EDITS)
def test_both_ways_in_give_the_same_bytes(which: int, edits: list[tuple[int, bytes]]) -> None:
    """A request with bytes changed at random is answered alike, whether it comes whole or in pieces."""
    raw = REQUESTS[which]
    for at, piece in edits:
        raw = raw[: at % len(raw)] + piece + raw[at % len(raw) + 1 :]

    async def said(gateway: Gateway, pieces: int) -> bytes | str:
        try:
            async with asyncio.timeout(3):
                return (await exchange(gateway.public, raw, pieces)).raw
        except (OSError, EOFError, TimeoutError, ValueError, KeyError):
            return "no answer"

    async def compare() -> None:
        async with two_gateways() as (one, other):
            whole, pieces = await asyncio.gather(said(one, 1), said(other, 2))
            assert whole == pieces

    asyncio.run(compare())


@pytest.mark.parametrize("raw", REQUESTS, ids=FACES)
async def test_a_letter_of_each_face_is_plain(raw: bytes, running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """What old clients send does take the short way, or the comparison would compare aiohttp with itself."""
    handed_over: list[object] = []
    monkeypatch.setattr("gateway.front.Front._hand_over", handed_over.append)
    gateway = await running()

    assert (await exchange(gateway.public, raw)).status in (200, 201)
    assert handed_over == []
