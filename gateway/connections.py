"""How many clients are connected. Where there is no room for another, the one that has been idle the longest goes."""

import asyncio
import resource
import time
from collections.abc import Callable

import structlog

log = structlog.get_logger()

QUIET = 60.0
"""Seconds between two lines in the log that there is no room."""
_FULL = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Connections:
    """Those that are open, and among them those that are idle: no whole request of theirs waits for its answer."""

    def __init__(self, most: int, closed: Callable[[str], None]) -> None:
        """`closed` is told of each that had to go for want of room, and how: `idle` or `refused`."""
        self._most = most
        self._closed = closed
        self._open: set[asyncio.BaseTransport] = set()
        self._idle: dict[asyncio.Transport, None] = {}
        """The one that has been idle the longest comes first."""
        self._told = -QUIET

    def __len__(self) -> int:
        return len(self._open)

    def came(self, transport: asyncio.Transport) -> bool:
        """A client has connected. False where it had to be told to come again later."""
        if len(self._open) >= self._most and not self._made_room():
            self._tell("refused")
            transport.write(_FULL)
            transport.close()
            return False
        self._open.add(transport)
        self._idle[transport] = None
        return True

    def busy(self, transport: asyncio.Transport) -> None:
        """It waits for an answer."""
        self._idle.pop(transport, None)

    def idle(self, transport: asyncio.Transport) -> None:
        """It does not, from now on."""
        if transport in self._open:
            self._idle[transport] = None

    def went(self, transport: asyncio.BaseTransport) -> None:
        """It is closed."""
        self._open.discard(transport)
        self._idle.pop(transport, None)  # type: ignore[call-overload]

    def _made_room(self) -> bool:
        longest = next(iter(self._idle), None)
        if longest is None:
            return False
        self.went(longest)
        self._tell("idle")
        longest.abort()
        return True

    def _tell(self, how: str) -> None:
        self._closed(how)
        if (now := time.monotonic()) >= self._told + QUIET:
            self._told = now
            log.warning("connections.full", most=self._most, idle=len(self._idle), closed=how)


def affordable(wanted: int) -> int:
    """How many connections the process can have, once it may open as many files as the system lets it; says if few."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    # What is left is for the store, the log, and the connections to upstreams.
    possible = hard * 3 // 4
    if possible < wanted:
        remedy = "let the process open more files (ulimit -n, LimitNOFILE=), or lower listen.connections"
        log.warning("connections.few", wanted=wanted, possible=possible, files=hard, remedy=remedy)
    return min(wanted, possible)
