"""Many clients at once, and what became of their messages at the provider and in the store."""

import asyncio
import contextlib
import json
import math
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import NamedTuple

from callers import a_letter, number_of
from gateways import PATIENCE, Process
from rawhttp import say
from recorder import Recorder

from gateway.cli.checkup import fate
from gateway.clock import SystemClock
from gateway.config import Address
from gateway.model import DispatchState
from gateway.status import Status
from gateway.store.inspect import reading
from gateway.store.mending import look_through

RECIPIENTS = {
    "rest_v2": ("46700000001", "46700000002", "46700000003"),
    "rest_v1": ("46700000001", "46700000002"),
    "soap": ("46700000001", "46700000002", "46700000003"),
    "sendsms": ("46700000001",),
}

Key = tuple[str, str]
"""A text, which no two requests share, and a recipient."""


class Clients:
    """Send without end, each one message after the other, and remember what was acknowledged."""

    def __init__(self, address: Address, name: str = "", numbers: Iterator[str] | None = None) -> None:
        """Send there, whenever `serving` is set; the name tells their texts from other clients'.

        With `numbers`, each message goes to the next of them alone.
        """
        self._numbers = numbers
        self._name = name
        self.tried: set[Key] = set()
        self.acknowledged: dict[Key, int] = {}
        self.refused: list[str] = []
        self.put_off: set[Key] = set()
        """What was refused: no provider may get it, for whoever was told so sends it again."""
        self.serving = asyncio.Event()
        self.heard = asyncio.Event()
        """Set by each acknowledgement."""
        self._address = address
        self._names = Counter[str]()

    @contextlib.asynccontextmanager
    async def sending(self, faces: Sequence[str], noise: random.Random) -> AsyncIterator[None]:
        """Let one client send for each face named, and stop them in the end."""
        self.serving.set()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._run(face, noise)) for face in faces]
            yield
            for task in tasks:
                task.cancel()

    async def _run(self, face: str, noise: random.Random) -> None:
        """One client: a new connection in each life. What breaks was not acknowledged, and is not sent again."""
        while True:
            await self.serving.wait()
            try:
                reader, writer = await asyncio.open_connection(*self._address)
            except OSError:
                await asyncio.sleep(0.01)
                continue
            try:
                while True:
                    await self._send(face, reader, writer)
                    await asyncio.sleep(noise.uniform(0.001, 0.02))
            except (OSError, EOFError):
                pass  # killed; whoever looks for the answer of this request finds none
            finally:
                writer.close()

    async def _send(self, face: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._names[face] += 1
        text = f"{face} {self._names[face]}{self._name}"
        to = RECIPIENTS[face] if self._numbers is None else (next(self._numbers),)
        self.tried.update((text, recipient) for recipient in to)
        answer = await say(reader, writer, a_letter(face, text, to).raw())
        number = number_of(face, answer.body)
        if number is None:
            self.put_off.update((text, recipient) for recipient in to)
            self.refused.append(f"{face}: {answer.status} {answer.body[:1000]!r}")
            return
        self.acknowledged.update(((text, recipient), number + offset) for offset, recipient in enumerate(to))
        self.heard.set()


class Row(NamedTuple):
    """What the store says of one message."""

    text: str
    recipient: str
    status: Status


async def drain(process: Process, recorder: Recorder) -> None:
    """Let everything that waits leave, however long it takes. Raises TimeoutError where it becomes no less."""
    least, ends = math.inf, 0.0
    while True:
        with reading(process.store) as db:
            (unfinished,) = db.execute("SELECT COUNT(*) FROM dispatch WHERE state <= 3").fetchone()
        if not unfinished and not recorder.busy:
            return
        if unfinished < least:
            least, ends = unfinished, time.monotonic() + PATIENCE
        elif time.monotonic() > ends:
            raise TimeoutError(f"{unfinished} dispatches wait, and nothing leaves")
        await asyncio.sleep(0.1)


def read(store: str) -> tuple[dict[int, Row], int]:
    """Every message in the store by its number, and how many dispatches are unknown; the file itself is sound."""
    with reading(store) as db:
        if store.startswith("sqlite:"):
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        rows = {
            number: Row(json.loads(content)["body"], recipient, Status.of(code))
            for number, content, recipient, code in db.execute(
                "SELECT number, content, recipient, code FROM message"
                " JOIN dispatch ON dispatch.key = message.dispatch JOIN batch ON batch.key = dispatch.batch"
            )
        }
        (unknown,) = db.execute(
            "SELECT COUNT(*) FROM dispatch WHERE state = ?", (DispatchState.UNKNOWN.value,)
        ).fetchone()
        (messages,) = db.execute("SELECT COUNT(*) FROM message").fetchone()
    assert len(rows) == messages
    return rows, unknown


class Account(NamedTuple):
    """What a run came to."""

    tried: int
    acknowledged: int
    stored: int
    taken: int
    unknown: int
    """Messages that are told as unknown."""
    dispatches: int
    """Dispatches that are."""

    def __str__(self) -> str:
        return (
            f"{self.tried} messages tried, {self.acknowledged} acknowledged, {self.stored} stored,"
            f" {self.taken} taken by the provider, {self.unknown} told as unknown"
        )


def account_for(store: str, recorder: Recorder, *crowds: Clients) -> Account:
    """Nothing acknowledged is lost, nothing was sent twice, every doubt is told, and the store agrees with itself."""
    rows, dispatches = read(store)
    tried = set[Key]().union(*(clients.tried for clients in crowds))
    acknowledged = [pair for clients in crowds for pair in clients.acknowledged.items()]
    assert [key for key, copies in recorder.copies.items() if copies > 1] == []
    assert [key for key, number in acknowledged if number not in rows or rows[number][:2] != key] == []
    assert [row for row in rows.values() if row.status not in {Status.QUEUED, Status.UNKNOWN}] == []
    assert [row for row in rows.values() if row.status is Status.QUEUED and row[:2] not in recorder.copies] == []
    assert set(recorder.copies) <= {row[:2] for row in rows.values()} <= tried
    put_off = set[Key]().union(*(clients.put_off for clients in crowds))
    assert {row[:2] for row in rows.values()}.isdisjoint(put_off)
    unknown = sum(row.status is Status.UNKNOWN for row in rows.values())
    accepted, fates = balance(store)
    assert (accepted, fates.get("unknown", 0), fates.get("failed", 0)) == (len(rows), unknown, 0)
    return Account(len(tried), len(acknowledged), len(rows), recorder.messages, unknown, dispatches)


def balance(store: str) -> tuple[int, dict[str, int]]:
    """What `sluss fsck` says was accepted, and what became of it; it finds nothing wrong."""
    report = look_through(store, SystemClock().now())
    assert report.found == {}
    fates = Counter[str]()
    for (_, code), messages in report.statuses.items():
        fates[fate(Status.of(code))] += messages
    assert report.accepted.total() == fates.total()
    return report.accepted.total(), {name: count for name, count in fates.items() if count}
