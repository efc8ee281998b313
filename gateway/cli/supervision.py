"""What systemd is told of the process, by datagrams to the socket that it named in the environment (sd_notify)."""

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Mapping


class Supervision:
    """Whoever watches over the process; nobody, where the environment names no socket."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        path = environ.get("NOTIFY_SOCKET", "")
        # A leading @ means a name outside the file system.
        self._address = f"\0{path[1:]}" if path.startswith("@") else path
        mine = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        limit = environ.get("WATCHDOG_USEC", "0") if mine else "0"
        self._limit = int(limit) / 1e6 if limit.isascii() and limit.isdigit() else 0.0

    def ready(self) -> None:
        """It serves: what waited for it may start; also the end of a reload."""
        self._tell("READY=1")

    def reloading(self) -> None:
        """It reads its configuration again; `ready` follows."""
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """It ends in good order."""
        self._tell("STOPPING=1")

    async def keep_alive(self) -> None:
        """Say that the event loop turns, twice in the time after which silence means that it hangs, if there is one."""
        while self._limit:
            self._tell("WATCHDOG=1", patience=0)
            await asyncio.sleep(self._limit / 2)

    def _tell(self, words: str, patience: float = 1) -> None:
        if not self._address.startswith(("/", "\0")):
            return
        # A manager that does not listen must hurt nobody: what it does not take in time is dropped.
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as way:
            way.settimeout(patience)
            way.sendto(words.encode(), self._address)
