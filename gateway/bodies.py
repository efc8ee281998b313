"""The bodies of requests as they come, and of answers as they are taken: no client holds anything up by being slow."""

import asyncio
from collections.abc import AsyncIterator, Callable

from aiohttp import HttpVersion11, web

from gateway.errors import GatewayError, Malformed, TooLarge

STANDSTILL = 30.0
"""Seconds for which a client may neither send nor read."""
SLOWEST = 500
"""Bytes that a client must send each second, on average: it may be so many seconds behind."""


async def read(request: web.BaseRequest, limit: int, hold: Callable[[int], None]) -> bytes:
    """The decompressed body; `hold` is told how much of it there is, and may raise Busy.

    Raises TooLarge as soon as there is more than `limit`, Malformed where it breaks off, or comes too slowly.
    """
    if (request.content_length or 0) > limit:
        raise TooLarge(limit)
    content = request.content
    try:
        if content.is_eof():  # it came along with the head, as small requests do
            body = content.read_nowait()
            hold(len(body))
        else:
            await _let_it_come(request)
            body = await _gather(request, limit, hold)
    except TimeoutError as error:
        raise Malformed("The rest of the body did not come") from error
    except GatewayError:
        raise
    except Exception as error:
        # A broken chunk, a wrong Content-Encoding, a client that went away: aiohttp has a class for each.
        raise Malformed("The body could not be read") from error
    if len(body) > limit:
        raise TooLarge(limit)
    return body


async def _let_it_come(request: web.BaseRequest) -> None:
    """Tell a client that asked for a word before it sends its body: .NET and curl wait for one, the one 0.35 s long."""
    if request.headers.get("Expect", "").lower() == "100-continue" and request.version == HttpVersion11:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # nothing of the answer itself was sent


async def pieces(request: web.BaseRequest) -> AsyncIterator[bytes]:
    """The body as it comes. Raises Malformed where it breaks off, or no more of it comes."""
    try:
        await _let_it_come(request)
        async for chunk in _chunks(request):
            yield chunk
    except TimeoutError as error:
        raise Malformed("The rest of the body did not come") from error
    except Exception as error:
        raise Malformed("The body could not be read") from error


async def written(response: web.StreamResponse, chunk: bytes, request: web.BaseRequest) -> None:
    """A piece of an answer, or its end. Raises ConnectionError where the client does not read it in time."""
    try:
        async with asyncio.timeout(STANDSTILL):
            await (response.write(chunk) if chunk else response.write_eof())
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()
        raise ConnectionResetError("The client does not read") from None


async def _gather(request: web.BaseRequest, limit: int, hold: Callable[[int], None]) -> bytes:
    body = bytearray()
    async for chunk in _chunks(request):
        hold(len(chunk))
        body += chunk
        if len(body) > limit:
            raise TooLarge(limit)
    return bytes(body)


async def _chunks(request: web.BaseRequest) -> AsyncIterator[bytes]:
    """What comes. Raises TimeoutError where that is too little; what is done with it takes none of its time."""
    now = asyncio.get_running_loop().time
    patience = STANDSTILL
    while True:
        began = now()
        async with asyncio.timeout(patience):
            chunk = await request.content.readany()
        if not chunk:
            return
        patience = min(STANDSTILL, patience - (now() - began) + len(chunk) / SLOWEST)
        yield chunk
