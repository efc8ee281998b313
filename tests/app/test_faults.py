"""Providers that misbehave on the wire, in each protocol: what becomes of the message, and how often it leaves."""

import asyncio
from collections.abc import AsyncIterator
from typing import NamedTuple

import pytest
from builders import depths
from callers import a_letter, number_of
from gateways import TOKEN, Running, a_document, until
from rawhttp import exchange

from gateway.app import Gateway
from gateway.model import DispatchState
from gateway.status import Status


class Fault(NamedTuple):
    """What is done to one request: bytes that are answered, whether the request is read first, how long it takes."""

    answer: bytes = b""
    read: bool = True
    delay: float = 0.0
    reset: bool = False


class Provider:
    """Reads requests and answers each with the very bytes of its fault, then ends the connection."""

    def __init__(self, fault: Fault) -> None:
        """Misbehave in that one way."""
        self.fault = fault
        self.requests: list[bytes] = []
        self.url = ""
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        """Listen no more."""
        if self._server:
            self._server.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        fault = self.fault
        try:
            if fault.read:
                head = await reader.readuntil(b"\r\n\r\n")
                length = head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]
                self.requests.append(head + await reader.readexactly(int(length or 0)))
            await asyncio.sleep(fault.delay)
            if fault.reset:
                writer.transport.abort()
                return
            writer.write(fault.answer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


def said(status: str, body: bytes = b"", *headers: str, length: int | None = None) -> bytes:
    """An answer; `length` other than the body's is a lie."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


RETRIED, UNKNOWN, HELD = "retry", "unknown", "held"

FAULTS = [
    # label, fault, what becomes of it
    ("says later, and when", Fault(said("429 Too Many Requests", b"", "Retry-After: 7")), RETRIED),
    ("is not there for a while, and says for how long", Fault(said("503 x", b"", "Retry-After: 7")), RETRIED),
    ("answers too late", Fault(said("200 OK"), delay=3), UNKNOWN),
    ("breaks off before it has read", Fault(read=False, reset=True), UNKNOWN),
    ("breaks off after it has read", Fault(reset=True), UNKNOWN),
    ("ends without an answer", Fault(), UNKNOWN),
    ("ends in the middle of the head", Fault(b"HTTP/1.1 200 OK\r\nContent-Le"), UNKNOWN),
    ("ends in the middle of the body", Fault(said("200 OK", b'{"id"', length=500)), UNKNOWN),
    ("has an error of its own", Fault(said("500 Internal Server Error", b"<html>oops")), UNKNOWN),
    ("stands behind a proxy that gave up", Fault(said("504 Gateway Timeout")), UNKNOWN),
    ("answers with a page", Fault(said("200 OK", b"<html>Welcome</html>", "Content-Type: text/html")), UNKNOWN),
    ("answers with noise", Fault(said("200 OK", bytes(range(256)))), UNKNOWN),
    ("answers in another charset", Fault(said("200 OK", "räksmörgås €".encode("utf-16"))), UNKNOWN),
    ("answers with nothing", Fault(said("200 OK")), UNKNOWN),
    ("is no HTTP server", Fault(b"220 mail.example ESMTP\r\n"), UNKNOWN),
    ("refuses our key", Fault(said("401 Unauthorized")), HELD),
]

# The GET endpoint always said 200: any other answer says nothing about the message, not even that the key is wrong.
ELSE = {
    ("sendsms", "says later, and when"): UNKNOWN,
    ("sendsms", "is not there for a while, and says for how long"): UNKNOWN,
    ("sendsms", "refuses our key"): UNKNOWN,
}

LOGIN = {"account": "ip1-12345", "key": TOKEN}
UPSTREAMS = {
    "rest_v2": {"url": "{}/v2", "token": TOKEN},
    "rest_v1": {"url": "{}/api", **LOGIN},
    "soap": {"url": "{}/sendsms/sendsms.asmx", **LOGIN},
    "sendsms": {"url": "{}/sendsms.aspx", **LOGIN},
    "http": {"url": "{}/send?to={{recipient}}&text={{text}}", "accepted": {"status": 200, "body": "^ok$"}},
}


@pytest.fixture
async def providers() -> AsyncIterator[list[Provider]]:
    """Those that were started, stopped in the end."""
    started: list[Provider] = []
    yield started
    for provider in started:
        await provider.stop()


async def sent(running: Running, adapter: str, provider: Provider) -> Gateway:
    """A gateway that has just accepted a message for that provider."""
    options = dict(UPSTREAMS[adapter])
    options["url"] = options["url"].format(provider.url)
    upstream = {"adapter": adapter, "timeout": "1s", "connect_timeout": "1s", "retry": {"first": "1h", "max": "2h"}}
    document = a_document(upstreams={"main": upstream | options}, routes=[{"name": "default", "to": "main"}])
    gateway = await running(document)
    assert number_of("sendsms", (await exchange(gateway.public, a_letter("sendsms").raw())).body) == 1001
    return gateway


ENDS = {
    RETRIED: (DispatchState.READY, [Status.ACCEPTED]),
    HELD: (DispatchState.READY, [Status.ACCEPTED]),
    UNKNOWN: (DispatchState.UNKNOWN, [Status.ACCEPTED, Status.UNKNOWN]),
}


@pytest.mark.parametrize(("label", "fault", "outcome"), FAULTS, ids=[case[0] for case in FAULTS])
@pytest.mark.parametrize("adapter", UPSTREAMS)
async def test_a_provider_that_misbehaves(
    label: str, fault: Fault, outcome: str, adapter: str, running: Running, providers: list[Provider]
) -> None:
    """What never left, or was certainly not taken, waits; what may have arrived is unknown. Nothing leaves twice."""
    provider = Provider(fault)
    providers.append(provider)
    await provider.start()
    state, history = ENDS[ELSE.get((adapter, label), outcome)]

    gateway = await sent(running, adapter, provider)

    async def ended() -> bool:
        found = await gateway.store.message(1001)
        return found is not None and [
            [entry.status for entry in found[2]],
            await depths(gateway.store),
        ] == [history, {("main", state): 1}]

    await until(ended)
    posts = [request for request in provider.requests if b"/batches?" not in request]
    assert len(posts) == (1 if fault.read else 0)


@pytest.mark.parametrize("adapter", UPSTREAMS)
async def test_a_provider_that_is_not_there(adapter: str, running: Running) -> None:
    """Nothing left, so it is tried again."""
    provider = Provider(Fault())
    await provider.start()
    await provider.stop()

    gateway = await sent(running, adapter, provider)

    async def retried() -> bool:
        due = await gateway.store.next_due("main")
        found = await gateway.store.batch(1001)
        return due is not None and found is not None and due > found.created + 1_000_000

    await until(retried)
    assert await depths(gateway.store) == {("main", DispatchState.READY): 1}
