"""A server that does what a test's script says with each connection."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Self

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
"""An answer that leaves the connection open."""

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Server:
    """A server that does what its script says with each connection, and remembers the requests that it has read."""

    def __init__(self, script: Script) -> None:
        """Listen once it is entered."""
        self._script = script
        self.requests: list[bytes] = []
        self.connections = 0
        self._tasks: set[asyncio.Task[None] | None] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._server.close()
        for task in [task for task in self._tasks if task]:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._tasks.add(asyncio.current_task())
        try:
            await self._script(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.transport.abort()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    async def request(self, reader: asyncio.StreamReader) -> bytes:
        """Read one whole request."""
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        length = next((int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:")), 0)
        whole = head + await reader.readexactly(length)
        self.requests.append(whole)
        return whole
