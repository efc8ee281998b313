"""What systemd is told of the process: over a real socket, by the process as it is run."""

import asyncio
import contextlib
import os
import re
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from gateways import PATIENCE, Process, a_document

from gateway.cli.supervision import Supervision


class Manager:
    """The end of the socket that systemd has: what it was told, in order."""

    def __init__(self, address: str) -> None:
        """Listen at an address."""
        self._way = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._way.bind(address)
        self._way.setblocking(False)

    def told(self) -> list[str]:
        """What has come in since it was asked last."""
        messages = []
        with contextlib.suppress(BlockingIOError):
            while True:
                messages.append(self._way.recv(4096).decode())
        return messages

    async def hears(self, wanted: str) -> list[str]:
        """All that is said until one of them matches."""
        messages: list[str] = []
        async with asyncio.timeout(PATIENCE):
            while not any(re.fullmatch(wanted, message) for message in messages):
                await asyncio.sleep(0.01)
                messages += self.told()
        return messages

    def close(self) -> None:
        """Listen no more."""
        self._way.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    """A service manager that listens in the test's folder."""
    listening = Manager(str(tmp_path / "notify"))
    yield listening
    listening.close()


SAYINGS: list[tuple[str, Callable[[Supervision], None], str]] = [
    ("ready", Supervision.ready, "READY=1"),
    ("reloading, with the time that newer managers ask for", Supervision.reloading, r"RELOADING=1\nMONOTONIC_USEC=\d+"),
    ("stopping", Supervision.stopping, "STOPPING=1"),
]


@pytest.mark.parametrize(("label", "say", "wanted"), SAYINGS, ids=[label for label, *_ in SAYINGS])
def test_it_says_what_systemd_reads(
    label: str, say: Callable[[Supervision], None], wanted: str, manager: Manager, tmp_path: Path
) -> None:
    """One datagram for each, in the words of sd_notify(3)."""
    say(Supervision({"NOTIFY_SOCKET": str(tmp_path / "notify")}))

    (message,) = manager.told()
    assert re.fullmatch(wanted, message)


def test_a_socket_outside_the_file_system_is_found() -> None:
    """An address that begins with @ is one of Linux's abstract names."""
    name = f"sluss-test-{os.getpid()}"
    listening = Manager(f"\0{name}")

    Supervision({"NOTIFY_SOCKET": f"@{name}"}).ready()

    assert listening.told() == ["READY=1"]
    listening.close()


NOBODY = [
    ("no socket is named", {}),
    ("an empty name", {"NOTIFY_SOCKET": ""}),
    ("a kind that is not known", {"NOTIFY_SOCKET": "vsock:2:1"}),
    ("nobody is there", {"NOTIFY_SOCKET": "/nonexistent/notify"}),
]


@pytest.mark.parametrize(("label", "environ"), NOBODY, ids=[label for label, _ in NOBODY])
def test_where_nobody_listens_nothing_happens(label: str, environ: dict[str, str]) -> None:
    """Outside systemd, or where its socket is gone, the gateway runs all the same."""
    Supervision(environ).ready()


UNWATCHED = [
    ("no limit is set", {}),
    ("the limit is another process's", {"WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}),
    ("the limit is no number", {"WATCHDOG_USEC": "soon"}),
]


@pytest.mark.parametrize(("label", "environ"), UNWATCHED, ids=[label for label, _ in UNWATCHED])
async def test_nobody_is_told_that_it_lives_who_did_not_ask(
    label: str, environ: dict[str, str], manager: Manager, tmp_path: Path
) -> None:
    """Without a WatchdogSec for this very process nothing is said again and again."""
    await Supervision({"NOTIFY_SOCKET": str(tmp_path / "notify"), **environ}).keep_alive()

    assert manager.told() == []


async def test_the_process_tells_of_its_life(manager: Manager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """READY once it listens, WATCHDOG again and again, RELOADING and READY around SIGHUP, STOPPING at SIGTERM."""
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", "500000")
    process = Process(tmp_path, a_document())
    try:
        await process.start()
        first, *_ = await manager.hears("READY=1")
        await manager.hears("WATCHDOG=1")
        await manager.hears("WATCHDOG=1")
        process.tell(signal.SIGHUP)
        reloaded = await manager.hears("READY=1")
        status, last = await asyncio.gather(process.end(signal.SIGTERM), manager.hears("STOPPING=1"))
    finally:
        await process.close()

    assert first == "READY=1"
    assert [message.partition("\n")[0] for message in reloaded if message != "WATCHDOG=1"] == ["RELOADING=1", "READY=1"]
    assert [message for message in [*last, *manager.told()] if message != "WATCHDOG=1"] == ["STOPPING=1"]
    assert status == 0
