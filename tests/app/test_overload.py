"""Beyond capacity: each client is told so in its own protocol's words, nothing grows, and others are served as ever."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest
from callers import FACES, Letter, a_letter, number_of
from gateways import Running, a_document, to_v2, until
from rawhttp import Answer, connected, exchange, request, say
from structlog.testing import capture_logs

from gateway import app, bodies, front, web
from gateway.app import Gateway
from gateway.auth import hash_key

OTHER = "another-system's-key-0123456789"
FEW = 10
"""What a gateway here may have under way, where that is what the test is about."""
TEMPORARY = {"rest_v2": (503, b""), "rest_v1": (503, b""), "soap": (200, b"<smsResult>42<"), "sendsms": (200, b"42")}
"""What each protocol says where the request is good and the server is not; GET answers with a bare code."""
UNDER_WAY = "sluss_requests_under_way"
BODIES = "sluss_request_bytes"
Open = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture(autouse=True)
def _refused_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is refused for want of room need not wait for it as long as in earnest."""
    monkeypatch.setattr(web, "REFUSING", 0.01)


@pytest.fixture
async def tasks() -> AsyncIterator[Callable[[Coroutine[Any, Any, Any]], "asyncio.Task[Any]"]]:
    """Begins things that need not come to an end."""
    begun: list[asyncio.Task[Any]] = []

    def begin(work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        begun.append(asyncio.create_task(work))
        return begun[-1]

    yield begin
    for task in begun:
        task.cancel()
    await asyncio.gather(*begun, return_exceptions=True)


@pytest.fixture
async def clients() -> AsyncIterator[Callable[[Gateway], Coroutine[Any, Any, Open]]]:
    """Connects, and lets go in the end."""
    async with contextlib.AsyncExitStack() as stack:

        async def connect(gateway: Gateway) -> Open:
            return await stack.enter_async_context(connected(gateway.public))

        yield connect


@pytest.fixture
async def silent() -> AsyncIterator[str]:
    """A provider that takes every request and answers none."""

    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while await reader.read(65536):
                pass
        writer.close()

    server = await asyncio.start_server(wait, "127.0.0.1", 0, backlog=100)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v2"
    server.close()


async def ended(reader: asyncio.StreamReader) -> bytes:
    """What the gateway said until it closed the connection."""
    async with asyncio.timeout(30):
        try:
            return await reader.read()
        except ConnectionError:
            return b""


async def slow(running: Running, silent: str, **listen: Any) -> Gateway:
    """A gateway whose callers wait for the word of a provider that has none for now; one of two does not wait."""
    document = a_document(**to_v2(silent))
    document["listen"] |= listen
    document["callers"].append({"name": "other", "account": "ip1-2", "keys": [hash_key(OTHER)]})
    waits = {"name": "waits", "when": {"caller": "erp"}, "to": "main", "reply": "sent", "within": "60s"}
    document["listen"]["shutdown"] = 0
    return await running(document | {"routes": [waits, *document["routes"]]})


async def metric(gateway: Gateway, name: str) -> int:
    """What the gateway tells of itself."""
    answer = await exchange(gateway.internal, request("GET", "/metrics"))
    (found,) = re.findall(rf"^{name} (\S+)$", answer.body.decode(), re.MULTILINE)
    return int(float(found))


async def becomes(gateway: Gateway, name: str, value: int) -> None:
    """Wait until a metric has a value."""

    async def has() -> bool:
        return await metric(gateway, name) == value

    await until(has)


@pytest.mark.parametrize("face", FACES)
async def test_beyond_capacity_each_face_says_its_own_temporary_error(
    face: str, running: Running, silent: str, tasks: Any
) -> None:
    """Nothing of what is refused is stored, and once there is room again the same request is taken."""
    gateway = await slow(running, silent, requests=FEW)
    kept = [tasks(exchange(gateway.public, a_letter("rest_v2").raw())) for _ in range(FEW // 2)]
    await becomes(gateway, UNDER_WAY, FEW // 2)

    answer = await exchange(gateway.public, a_letter(face).raw())

    status, words = TEMPORARY[face]
    assert answer.status == status
    assert words in answer.body
    assert (answer.headers.get("retry-after") == "1") == (status == 503)
    for task in kept:
        task.cancel()
    assert number_of("rest_v2", (await exchange(gateway.public, a_letter("rest_v2", key=OTHER).raw())).body) == 1006


async def test_one_who_floods_leaves_room_for_the_others(running: Running, silent: str, tasks: Any) -> None:
    """Forty requests at a time of one account, twice what may be under way: another one's are all taken."""
    gateway = await slow(running, silent, requests=2 * FEW)
    flood = [tasks(exchange(gateway.public, a_letter("rest_v2").raw())) for _ in range(4 * FEW)]
    await until(lambda: sum(task.done() for task in flood) == 3 * FEW)
    others = [await exchange(gateway.public, a_letter("rest_v2", key=OTHER).raw()) for _ in range(FEW)]

    assert {task.result().status for task in flood if task.done()} == {503}
    assert await metric(gateway, UNDER_WAY) == FEW
    assert {answer.status for answer in others} == {201}


def begun(size: int) -> bytes:
    """As much of a large v2 request."""
    letter = a_letter("rest_v2")._replace(body=b" " * 3_000_000)
    head, _, body = letter.raw().partition(b"\r\n\r\n")
    return head + b"\r\n\r\n" + body[:size]


async def test_the_bytes_of_bodies_are_bounded(running: Running, clients: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address may have as much on its way as is left for others; what is more is refused before it is read."""
    monkeypatch.setattr(app, "MAX_BODIES", 200_000)
    gateway = await running()
    _, writer = await clients(gateway)
    writer.write(begun(60_000))
    await becomes(gateway, BODIES, 60_000)

    reader, second = await clients(gateway)
    second.write(begun(60_000))
    assert (await reader.readline()).startswith(b"HTTP/1.1 503 ")
    small = await exchange(gateway.public, a_letter("rest_v2").raw())
    writer.close()
    await becomes(gateway, BODIES, 0)

    assert small.status == 201


async def answered(gateway: Gateway, letter: Letter) -> Answer:
    """The answer on a new connection."""
    return await exchange(gateway.public, letter.raw())


async def test_where_all_connections_are_taken_the_longest_idle_goes(running: Running, clients: Any) -> None:
    """Connections that ask for nothing are closed for those that do; the log says so once, the metric each time."""
    document = a_document()
    document["listen"]["connections"] = FEW
    gateway = await running(document)
    idle = [await clients(gateway) for _ in range(FEW)]
    await say(*idle[0], a_letter("rest_v2").raw())  # so this is not the one that is idle the longest

    with capture_logs() as lines:
        for face in ("rest_v2", "soap"):
            assert number_of(face, (await answered(gateway, a_letter(face))).body)

    assert await ended(idle[1][0]) == b""
    assert number_of("rest_v2", (await say(*idle[0], a_letter("rest_v2").raw())).body) == 1004
    assert [line["most"] for line in lines if line["event"] == "connections.full"] == [FEW]


async def test_where_none_is_idle_a_new_one_is_told_to_come_later(running: Running, silent: str, clients: Any) -> None:
    """Who waits for an answer is not let go for a newcomer."""
    gateway = await slow(running, silent, connections=FEW)
    for _ in range(FEW):
        _, writer = await clients(gateway)
        writer.write(a_letter("rest_v2").raw())
    await becomes(gateway, UNDER_WAY, FEW)

    reader, _ = await clients(gateway)

    said = await ended(reader)
    assert said.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nRetry-After: 1\r\n" in said
    assert await metric(gateway, UNDER_WAY) == FEW


async def test_many_idle_connections_starve_nobody(running: Running, clients: Any) -> None:
    """Half a thousand that say nothing, or half a request, and every face answers as ever."""
    gateway = await running()
    for at in range(500):
        _, writer = await clients(gateway)
        writer.write(b"POST /v2/batches HTTP/1.1\r\nHo"[: (at % 3) * 14])

    assert all([number_of(face, (await answered(gateway, a_letter(face))).body) for face in FACES])


HEADS = [
    ("a request line that does not end", b"GET /sendsms.aspx?acc="),
    ("headers that do not end", b"POST /v2/batches HTTP/1.1\r\nHost: a\r\nX-"),
]


@pytest.mark.parametrize(("label", "beginning"), HEADS, ids=[case[0] for case in HEADS])
async def test_a_head_that_comes_drop_by_drop_is_cut(
    label: str, beginning: bytes, running: Running, clients: Any, tasks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each drop is no new beginning: the time is that of the whole head."""
    monkeypatch.setattr(front, "HEAD", 0.2)
    reader, writer = await clients(await running())
    writer.write(beginning)

    async def drip() -> None:
        while True:
            await asyncio.sleep(0.02)
            writer.write(b"a")

    tasks(drip())

    assert await ended(reader) == b"", label


@pytest.mark.parametrize("face", ["rest_v2", "rest_v1", "soap"])
async def test_a_body_that_comes_drop_by_drop_is_cut(
    face: str, running: Running, clients: Any, tasks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is answered as what it is, half a request, long before it is whole, and nothing is kept waiting for it."""
    monkeypatch.setattr(bodies, "STANDSTILL", 0.2)
    gateway = await running()
    reader, writer = await clients(gateway)
    raw = re.sub(rb"(Content-Length): \d+", rb"\1: 2000", a_letter(face).raw())
    head = raw[: raw.index(b"\r\n\r\n") + 4]
    writer.write(head + raw[len(head) : len(head) + 10])

    async def drip() -> None:
        while True:
            await asyncio.sleep(0.05)
            writer.write(b" ")

    tasks(drip())

    async with asyncio.timeout(10):
        assert (await reader.readline()).startswith(b"HTTP/1.1 400 ")
    assert await metric(gateway, BODIES) == 0


async def test_a_large_body_may_take_its_time(running: Running, clients: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow line is no attack: as long as enough comes, the end is waited for."""
    monkeypatch.setattr(bodies, "STANDSTILL", 0.2)
    monkeypatch.setattr(bodies, "SLOWEST", 100)
    gateway = await running()
    raw = a_letter("rest_v2", "Hello, and a little more than that, so that it takes a while" * 2).raw()

    answer = await exchange(gateway.public, raw, pieces=len(raw) // 4)

    assert answer.status == 201


@pytest.mark.parametrize("size", [64_000, 1_000])
async def test_a_head_that_does_not_end_is_not_kept(size: int, running: Running, clients: Any) -> None:
    """Header after header: however long each, it is cut long before it takes up room worth mentioning."""
    gateway = await running()
    reader, writer = await clients(gateway)
    writer.write(b"POST /v2/batches HTTP/1.1\r\nHost: sms.example.org\r\n")
    said = asyncio.create_task(ended(reader))
    sent = 0
    with contextlib.suppress(ConnectionError):
        while not said.done() and sent < 10_000_000:
            writer.write(b"X-A: " + b"a" * size + b"\r\n")
            sent += size
            await writer.drain()
            await asyncio.sleep(0)

    assert (await said)[:12] in (b"HTTP/1.1 431", b"HTTP/1.1 400", b"")
    assert sent < 10_000_000


@pytest.mark.parametrize("expect", [{}, {"Expect": "100-continue"}], ids=["plain", "handed over"])
async def test_who_does_not_read_is_let_go(
    expect: dict[str, str], running: Running, clients: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers that nobody reads are kept for a while, not for ever."""
    monkeypatch.setattr(front, "KEEPALIVE", 0.5)
    monkeypatch.setattr(front, "UNREAD", 0.5)
    gateway = await running()
    _, writer = await clients(gateway)
    writer.transport.pause_reading()
    asked = request("GET", "/sendsms/sendsms.asmx?wsdl", expect)

    async def gone() -> bool:
        writer.write(asked * 100)
        await asyncio.sleep(0.05)
        return writer.transport.is_closing()

    await until(gone)
