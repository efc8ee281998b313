"""Gateways to test against: their configuration, and the real process with its signals."""

import asyncio
import base64
import contextlib
import os
import random
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from gateway.app import Gateway
from gateway.auth import hash_key
from gateway.config import Address
from gateway.status import Status

Running = Callable[..., Awaitable[Gateway]]
"""The fixture `running`: starts a gateway in this process, of a configuration and a clock."""

ROOT = Path(__file__).resolve().parents[1]

ACCOUNT = "ip1-12345"
KEY = "CnbXFfyTM5BTKh7uNV"
"""Account and key of the provider's own example, so that its documented requests can be sent as they are printed."""

TOKEN = "the-token-of-the-provider"
"""What the gateway shows to the provider behind it."""

BASIC = base64.b64encode(f"{ACCOUNT}:{KEY}".encode()).decode()

PATIENCE = 60.0
"""Seconds until something that does not happen fails a test; nothing is measured by it."""


def a_document(**over: Any) -> dict[str, Any]:
    """A configuration: one caller, a sandbox behind it, everything in memory and on free ports."""
    given = {
        "version": 1,
        "listen": {"public": "127.0.0.1:0", "internal": "127.0.0.1:0"},
        "store": "memory:",
        "callers": [{"name": "erp", "account": ACCOUNT, "keys": [hash_key(KEY)]}],
        "upstreams": {"sandbox": {"adapter": "sandbox", "pace": 0}},
        "routes": [{"name": "default", "to": "sandbox"}],
    }
    return given | over


def to_v2(url: str, **over: Any) -> dict[str, Any]:
    """The upstreams and routes of a configuration that sends everything to one v2 provider."""
    upstream = {"adapter": "rest_v2", "url": url, "token": TOKEN} | over
    return {"upstreams": {"main": upstream}, "routes": [{"name": "default", "to": "main"}]}


def free_port() -> int:
    """A port that nobody listens on, below those that connections get: a restart finds it free again."""
    for port in random.sample(range(20_000, 32_000), 100):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no port is free")


async def until(condition: Callable[[], Any]) -> Any:
    """What `condition`, which may be a coroutine function, returns once it is true. Raises TimeoutError."""
    async with asyncio.timeout(PATIENCE):
        while True:
            found = condition()
            if asyncio.iscoroutine(found):
                found = await found
            if found:
                return found
            await asyncio.sleep(0.01)


async def settled(gateway: Gateway, number: int, wanted: Status = Status.DELIVERED_TO_HANDSET) -> tuple[Status, ...]:
    """The statuses of a message, once the last of them is the one that is wanted."""

    async def history() -> tuple[Status, ...]:
        found = await gateway.store.message(number)
        statuses = tuple(entry.status for entry in found[2]) if found else ()
        return statuses if statuses and statuses[-1] is wanted else ()

    found: tuple[Status, ...] = await until(history)
    return found


_FORGE = """
import os, runpy, sys
import gateway.app, gateway.cli.process, gateway.cli.run, uvloop
from gateway import registry
for name in registry.known():
    registry.load(name)
log = os.open(sys.argv.pop(), os.O_WRONLY | os.O_APPEND)
while sys.stdin.readline():
    child = os.fork()
    if not child:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        runpy.run_module("gateway.cli", run_name="__main__", alter_sys=True)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
"""The same command, forked for each line on stdin from a process that has done the imports: most of what a start costs.

Prints the process id of each child, and its exit status once it has ended.
"""


class Process:
    """`sluss serve` in processes of its own, one after the other on the same store and the same port."""

    def __init__(self, folder: Path, document: dict[str, Any], *flags: str) -> None:
        """Write the configuration into a folder; where it listens and stores is decided here."""
        self._flags = flags
        self.public = Address("127.0.0.1", free_port())
        self.store = f"sqlite:///{folder}/sluss.db"
        self._log = folder / "sluss.log"
        self._log.touch()
        self.config = folder / "sluss.yaml"
        self.write(document)
        self._forge: asyncio.subprocess.Process | None = None
        self._cold: asyncio.subprocess.Process | None = None
        self._pid = 0

    def keep_in(self, store: str, document: dict[str, Any]) -> None:
        """Store elsewhere, with this configuration."""
        self.store = store
        self.write(document)

    def write(self, document: dict[str, Any]) -> None:
        """Put another configuration in the place of the one before."""
        listen = document["listen"] | {"public": f"127.0.0.1:{self.public.port}"}
        whole = document | {"listen": listen, "store": self.store}
        self.config.write_text(yaml.safe_dump(whole), "utf-8")

    @property
    def pid(self) -> int:
        """The process that runs."""
        return self._pid

    def tell(self, number: signal.Signals) -> None:
        """Send a signal that does not end it."""
        os.kill(self._pid, number)

    async def start(self) -> None:
        """Run the command as everybody does; returns once it listens."""
        with self._log.open("ab") as log:
            self._cold = await self._spawn(("-m", "gateway.cli"), stdout=log, stderr=log)
        self._pid = self._cold.pid
        await self._until_it_listens()

    async def start_warm(self) -> None:
        """Run the command forked from a process that has done its imports; returns once it listens."""
        self._cold = None
        if self._forge is None:
            pipe = asyncio.subprocess.PIPE
            self._forge = await self._spawn(("-c", _FORGE), str(self._log), stdin=pipe, stdout=pipe)
        assert self._forge.stdin is not None
        self._forge.stdin.write(b"\n")
        self._pid = await self._read()
        await self._until_it_listens()

    async def end(self, number: signal.Signals) -> int:
        """End the process by a signal; returns its exit status."""
        os.kill(self._pid, number)
        async with asyncio.timeout(PATIENCE):
            status = await (self._cold.wait() if self._cold else self._read())
        self._pid = 0
        return status

    async def close(self) -> None:
        """Leave no process behind."""
        if self._pid:
            with contextlib.suppress(ProcessLookupError):
                await self.end(signal.SIGKILL)
        if self._forge is not None and self._forge.stdin is not None:
            self._forge.stdin.close()
            await self._forge.wait()

    @property
    def log(self) -> str:
        """What was logged so far, by every process."""
        return self._log.read_text("utf-8")

    async def _spawn(self, program: Sequence[str], *more: str, **streams: Any) -> asyncio.subprocess.Process:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("SLUSS_")}
        command = (sys.executable, *program, "serve", "--config", str(self.config), *self._flags, *more)
        return await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environ, **streams)

    async def _read(self) -> int:
        assert self._forge is not None
        assert self._forge.stdout is not None
        return int(await self._forge.stdout.readline())

    async def _until_it_listens(self) -> None:
        async with asyncio.timeout(PATIENCE):
            while not await self._listens():
                assert self._lives(), self.log
                await asyncio.sleep(0.01)

    def _lives(self) -> bool:
        if self._cold is not None:
            return self._cold.returncode is None
        return Path(f"/proc/{self._pid}").exists()

    async def _listens(self) -> bool:
        try:
            _, writer = await asyncio.open_connection(*self.public)
        except OSError:
            return False
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        return True
