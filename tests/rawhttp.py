"""HTTP as bytes on a socket: a request leaves as it stands, and an answer is kept as it came."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

from gateway.config import Address

PATIENCE = 30.0
"""Seconds until a silent server fails a test; nothing is measured by it."""


class Answer(NamedTuple):
    """An answer. `raw` is all of it but its Date, the one line that no two runs share."""

    status: int
    headers: dict[str, str]
    body: bytes
    raw: bytes


async def exchange(address: Address, request: bytes, pieces: int = 1, tls: ssl.SSLContext | None = None) -> Answer:
    """Send one request on a connection of its own and read its answer, even while it is still being sent."""
    (answer,) = await exchanges(address, [request], pieces, tls)
    return answer


async def exchanges(
    address: Address, requests: Sequence[bytes], pieces: int = 1, tls: ssl.SSLContext | None = None
) -> list[Answer]:
    """Send requests on one connection, each once the one before is answered, and each in so many pieces."""
    async with connected(address, tls) as (reader, writer):
        return [await say(reader, writer, request, pieces) for request in requests]


@contextlib.asynccontextmanager
async def connected(
    address: Address, tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection of one's own, by TLS where it is told how; closed in the end."""
    reader, writer = await asyncio.open_connection(*address, ssl=tls)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes, pieces: int = 1) -> Answer:
    """Send one request on an open connection and read its answer. Raises OSError or EOFError where it breaks."""
    (answer,) = await say_at_once(reader, writer, [request], pieces)
    return answer


async def say_at_once(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, requests: Sequence[bytes], pieces: int = 1
) -> list[Answer]:
    """Send requests without waiting for an answer in between (pipelining), and read as many answers.

    Raises OSError or EOFError where it breaks.
    """
    sending = asyncio.create_task(_send(writer, b"".join(requests), pieces))
    try:
        async with asyncio.timeout(PATIENCE):
            return [await _read(reader, bare=request.startswith(b"HEAD ")) for request in requests]
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


async def _send(writer: asyncio.StreamWriter, request: bytes, pieces: int) -> None:
    # A server may refuse a long request before it has read all of it, and close.
    with contextlib.suppress(ConnectionError):
        size = -(-len(request) // pieces)
        for at in range(0, len(request), size):
            writer.write(request[at : at + size])
            await writer.drain()
            # Long enough for the server to see this piece alone; where it does not, both ways are the same anyway.
            await asyncio.sleep(0.005 if pieces > 1 else 0)


async def _read(reader: asyncio.StreamReader, *, bare: bool) -> Answer:
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    fields = [line.decode("latin-1").partition(":") for line in lines[1:]]
    headers = {name.lower(): value.strip() for name, _, value in fields}
    status = int(lines[0].split()[1])
    # An interim answer has no body, nor has the answer to a HEAD, whatever length it tells.
    if bare or status < 200 or status == 304:
        body = b""
    elif headers.get("transfer-encoding") == "chunked":
        body = b"".join([chunk async for chunk in chunks(reader)])
    else:
        body = await reader.readexactly(int(headers["content-length"]))
    told = b"\r\n".join(line for line in lines if not line.startswith(b"Date: "))
    return Answer(status, headers, body, told + b"\r\n\r\n" + body)


async def chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """The chunks of a body that is sent in them. Raises EOFError where it breaks off."""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        yield (await reader.readexactly(size + 2))[:-2]
    await reader.readexactly(2)


def request(method: str, target: str, headers: dict[str, str] | None = None, body: bytes = b"") -> bytes:
    """The bytes of a request, with its Host and its length."""
    fields = {"Host": "sms.example.org", **(headers or {})}
    if body and "Transfer-Encoding" not in fields:
        fields["Content-Length"] = str(len(body))
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body
