"""What is done to a gateway besides killing it, under load: it says so to its clients, recovers, and loses nothing.

`SLUSS_TEST_CHAOS` says for how many seconds each harm lasts, 1 by default; `make chaos` lets it be more. Each ends with
the equation of docs/reliability.md, and with a store in which `sluss fsck` finds nothing.
"""

import asyncio
import contextlib
import os
import random
import resource
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import pytest
from callers import FACES
from crowd import Account, Clients, account_for, drain
from gateways import PATIENCE, Process, Running, a_document, to_v2, until
from postgresql import Server
from psycopg.conninfo import conninfo_to_dict
from recorder import Fault, Plan, Recorder

from gateway.clock import SystemClock

LASTS = float(os.environ.get("SLUSS_TEST_CHAOS", "1"))
TIMES = 1 if LASTS <= 1 else 3
"""How often each harm is done."""
SEED = 20251029
CLIENTS_PER_FACE = 2
UNLIMITED = resource.RLIM_INFINITY
TEMPORARY = {"rest_v2": "503 ", "rest_v1": "503 ", "soap": "200 ", "sendsms": "200 "}
"""How each face says that it cannot store anything now; the older ones by their code 42, which is no number."""

pytestmark = pytest.mark.once

Make = Callable[[dict[str, Any]], Process]


def a_gateway(recorder: Recorder, **over: Any) -> dict[str, Any]:
    """A configuration that sends to the recorder without patience."""
    upstream = to_v2(recorder.url, retry={"first": "20ms", "max": "100ms"}, concurrency=8, **over)
    return a_document(**upstream, log={"level": "warning"})


class Run:
    """A gateway under load; harm is done to it while clients send, then it is left in peace and accounted for."""

    def __init__(self, process: Process, recorder: Recorder, capsys: pytest.CaptureFixture[str]) -> None:
        self.process, self.recorder = process, recorder
        self.clients = Clients(process.public)
        self._capsys = capsys

    @contextlib.asynccontextmanager
    async def under_load(self) -> AsyncIterator[None]:
        """Clients of all faces send; afterwards they have been answered well again, so it has recovered."""
        await self.process.start()
        noise = random.Random(SEED)  # noqa: S311 - a script, not a secret
        async with self.clients.sending(FACES * CLIENTS_PER_FACE, noise):
            await self.answered(20)
            yield
            await self.answered(20)

    async def answered(self, times: int) -> None:
        """Wait for so many more acknowledgements."""
        async with asyncio.timeout(PATIENCE):
            for _ in range(times):
                self.clients.heard.clear()
                await self.clients.heard.wait()

    async def accounted(self, name: str) -> Account:
        """Let everything leave, and look that nothing is lost, twice, or wrong in the store."""
        await drain(self.process, self.recorder)
        account = account_for(self.process.store, self.recorder, self.clients)
        with self._capsys.disabled():
            refused = len(self.clients.refused)
            print(f"\n{name}: {account}, {refused} requests put off")  # noqa: T201 - what a run was worth
        for refusal in self.clients.refused:
            face, _, said = refusal.partition(": ")
            assert said.startswith(TEMPORARY[face]), refusal
            assert face.startswith("rest") or "42" in said, refusal
        assert await self.process.end(signal.SIGTERM) == 0
        return account


async def test_a_gateway_that_stands_still(
    process: Make, recorder: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    """SIGSTOP, in the full run for longer than its leases, then SIGCONT: it goes on where it was."""
    run = Run(process(a_gateway(recorder, timeout="1s", connect_timeout="1s")), recorder, capsys)
    async with run.under_load():
        run.process.tell(signal.SIGSTOP)
        await asyncio.sleep(LASTS if LASTS <= 1 else 40)
        run.process.tell(signal.SIGCONT)
    await run.accounted("stood still")


def size(store: str) -> int:
    """The size of the larger one of its files."""
    path = store.removeprefix("sqlite:///")
    return max(Path(path + end).stat().st_size for end in ("", "-wal"))


@pytest.mark.parametrize("room", [None, 0], ids=["full", "read-only"])
async def test_a_disk_that_takes_nothing_more(
    process: Make, recorder: Recorder, capsys: pytest.CaptureFixture[str], room: int | None
) -> None:
    """No file may grow, or be written at all: clients are told to come back, and are served once it can."""
    run = Run(process(a_gateway(recorder)), recorder, capsys)
    async with run.under_load():
        for _ in range(TIMES):
            refused = len(run.clients.refused)
            limit = size(run.process.store) if room is None else room
            resource.prlimit(run.process.pid, resource.RLIMIT_FSIZE, (limit, UNLIMITED))
            try:
                await until(lambda before=refused: len(run.clients.refused) >= before + 10)
                await asyncio.sleep(LASTS)
            finally:
                resource.prlimit(run.process.pid, resource.RLIMIT_FSIZE, (UNLIMITED, UNLIMITED))
            await run.answered(20)
    await run.accounted("disk that takes nothing")
    assert run.clients.refused


@pytest.mark.parametrize("immediately", [False, True], ids=["fast", "immediate"])
async def test_a_server_that_is_restarted(
    process: Make,
    recorder: Recorder,
    capsys: pytest.CaptureFixture[str],
    database: str,
    postgresql: Server,
    immediately: bool,  # noqa: FBT001 - pytest calls it by name
) -> None:
    """PostgreSQL stops under load, orderly or without a shutdown, and comes back: what it had said it kept is there."""
    serving = process(a_gateway(recorder))
    serving.keep_in(database, a_gateway(recorder))
    run = Run(serving, recorder, capsys)
    async with run.under_load():
        for _ in range(TIMES):
            await asyncio.to_thread(postgresql.stop, immediately=immediately)
            await asyncio.sleep(LASTS)
            await asyncio.to_thread(postgresql.start)
            await run.answered(20)
    await run.accounted("server restarted")


class Wire:
    """Stands between a gateway and its server: passes everything on, holds it back, or hangs up."""

    def __init__(self, port: int) -> None:
        """To the server on this port of this machine."""
        self._to = port
        self._open = asyncio.Event()
        self._open.set()
        self._cut = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._meet, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.hang_up()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def hang_up(self) -> None:
        """End every connection, and every new one, without a word."""
        self._cut = True
        for writer in self._writers:
            writer.transport.abort()

    def hold(self) -> None:
        """Pass nothing on, and say nothing."""
        self._open.clear()

    def mend(self) -> None:
        """Pass everything on."""
        self._cut = False
        self._open.set()

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._cut:
            writer.transport.abort()
            return
        there, back = await asyncio.open_connection("127.0.0.1", self._to)
        self._writers |= {writer, back}
        for source, target in ((reader, back), (there, writer)):
            task = asyncio.create_task(self._pass(source, target))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                await self._open.wait()
                writer.write(data)
                await writer.drain()
        writer.transport.abort()
        self._writers.discard(writer)


@pytest.mark.parametrize("how", ["hang_up", "hold"])
async def test_a_server_that_is_cut_off(
    process: Make, recorder: Recorder, capsys: pytest.CaptureFixture[str], database: str, how: str
) -> None:
    """The wire to PostgreSQL breaks, or passes nothing on: the gateway goes on by itself when it is mended."""
    name = conninfo_to_dict(database)
    async with Wire(int(str(name["port"]))) as wire:
        serving = process(a_gateway(recorder))
        serving.keep_in(f"postgresql://{name['user']}@127.0.0.1:{wire.port}/{name['dbname']}", a_gateway(recorder))
        run = Run(serving, recorder, capsys)
        async with run.under_load():
            for _ in range(TIMES):
                getattr(wire, how)()
                await asyncio.sleep(LASTS)
                wire.mend()
                await run.answered(20)
        # What accounts for it runs where the wire does, so it must not wait for the wire.
        serving.store = database
        await run.accounted(f"server cut off ({how})")


async def test_an_upstream_that_never_answers(
    process: Make, recorder: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    """It takes messages and is silent: each of these is told as unknown, and none is sent again."""
    run = Run(process(a_gateway(recorder, timeout="1s", connect_timeout="1s")), recorder, capsys)
    async with run.under_load():
        recorder.plan = lambda: Plan(delay=5.0)
        await asyncio.sleep(max(LASTS, 3.0))
        recorder.plan = Plan
    account = await run.accounted("never answered")
    assert account.unknown > 0


async def test_orderly_ends_under_load(process: Make, recorder: Recorder, capsys: pytest.CaptureFixture[str]) -> None:
    """SIGTERM finishes what is in flight: nobody has to call anything unknown."""
    run = Run(process(a_gateway(recorder)), recorder, capsys)
    async with run.under_load():
        for _ in range(3 * TIMES):
            recorder.plan = lambda: Plan(delay=0.1)
            await run.answered(20)
            assert await run.process.end(signal.SIGTERM) == 0
            await run.process.start_warm()
        recorder.plan = Plan
    account = await run.accounted("ended by SIGTERM")
    assert account.unknown == 0


class Turned:
    """The machine's clock, turned by so many seconds."""

    def __init__(self) -> None:
        self.by = 0.0

    def now(self) -> int:
        """See `gateway.clock.Clock`."""
        return SystemClock().now() + int(self.by * 1000)


async def tell(clients: Clients, times: int) -> None:
    """Send, until so many more requests were acknowledged."""
    noise = random.Random(SEED)  # noqa: S311 - a script, not a secret
    async with clients.sending(FACES, noise):
        for _ in range(times):
            clients.heard.clear()
            async with asyncio.timeout(PATIENCE):
                await clients.heard.wait()


@pytest.mark.parametrize("by", [3600.0, -3600.0], ids=["ahead", "back"])
async def test_a_clock_that_jumps(
    running: Running, recorder: Recorder, tmp_path: Path, capsys: pytest.CaptureFixture[str], by: float
) -> None:
    """An hour ahead or back, also in the middle of a hand-over: all leaves, once.

    What was accepted before a clock was set back waits until the clock says that time again.
    """
    url, clock = f"sqlite:///{tmp_path}/sluss.db", Turned()
    gateway = await running(a_gateway(recorder) | {"store": url}, clock)
    clients = Clients(gateway.public)
    recorder.plan = lambda: Plan(delay=0.3)
    for _ in range(2 * TIMES):
        await tell(clients, 20)
        clock.by += by
    await tell(clients, 20)
    clock.by = max(clock.by, 0)
    await drain(SimpleNamespace(store=url), recorder)
    account = account_for(url, recorder, clients)
    with capsys.disabled():
        print(f"\nclock turned by {by:+.0f} s: {account}")  # noqa: T201 - what a run was worth
    assert account.unknown == 0


async def test_an_upstream_that_is_away_for_an_hour(
    running: Running, recorder: Recorder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Messages are accepted all the time, wait, and leave once it is back; none has to be called unknown."""
    url, clock = f"sqlite:///{tmp_path}/sluss.db", Turned()
    gateway = await running(a_gateway(recorder) | {"store": url}, clock)
    clients = Clients(gateway.public)
    recorder.plan = lambda: Plan(fault=Fault.UNAVAILABLE)
    for _ in range(60):
        await tell(clients, 2)
        clock.by += 60
    assert recorder.messages == 0
    recorder.plan = Plan
    clock.by += 60
    await drain(SimpleNamespace(store=url), recorder)
    account = account_for(url, recorder, clients)
    with capsys.disabled():
        print(f"\nupstream away for an hour: {account}")  # noqa: T201 - what a run was worth
    assert (account.unknown, account.taken) == (0, account.stored)
