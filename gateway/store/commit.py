"""Group commit: whatever is queued while the disk is busy shares the next transaction and its one fsync.

One thread owns the writing connection. The event loop hands it a group, goes on, and hands over the next group when
that one is durable; so groups grow with the load and a lone request never waits for company.
"""

import asyncio
import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, TypeVar

from gateway.errors import Busy
from gateway.store.db import Db, Session

T = TypeVar("T")
U = TypeVar("U")
Work = Callable[[Db], Any]

BUSY_GROUP = 8
"""Requests in the last group from which on it pays to wait a moment for more."""
GATHER = 0.0005
"""That moment, in seconds: measured at 64 clients, where a longer one leaves the processor idle."""
STALLED = 10.0
"""Seconds for which the disk does nothing; whoever comes then is told so at once, and nothing of it is kept."""

Rows = Sequence[tuple[str, Sequence[tuple[Any, ...]]]]
"""Rows by statement head (`INSERT INTO t (a, b)`), so that a whole group shares statements."""
Make = Callable[[Db], Rows]
"""Makes rows inside the transaction that writes them; made again where that failed."""
WorkOnAll = Callable[[Db, Sequence[Any]], Sequence[Any]]
"""Does the same for many things at once, and returns a result for each of them."""


@dataclass(slots=True)
class _Group:
    inserts: list[tuple[Make, asyncio.Future[Any]]] = field(default_factory=list)
    works: list[tuple[Work, asyncio.Future[Any]]] = field(default_factory=list)
    joined: dict[WorkOnAll, list[tuple[Any, asyncio.Future[Any]]]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.inserts) + len(self.works) + sum(map(len, self.joined.values()))

    def alone(self) -> "Iterator[_Group]":
        """Each unit as a group of its own, in the order of the results."""
        for insert in self.inserts:
            yield _Group(inserts=[insert])
        for work in self.works:
            yield _Group(works=[work])
        for work_on_all, units in self.joined.items():
            for unit in units:
                yield _Group(joined={work_on_all: [unit]})


class GroupCommit:
    """The one writer. Use from one event loop only."""

    def __init__(self, connect: Callable[[], Session], *, undone: Callable[[], None] = lambda: None) -> None:
        """`undone` is told, in the writer thread, that what was made for a transaction was not kept."""
        self._loop = asyncio.get_running_loop()
        # Opened here, not in the thread: what goes wrong is told to whoever opens the store, and nobody waits in vain.
        self._session = connect()
        self._undone = undone
        self._queue: SimpleQueue[_Group | None] = SimpleQueue()
        self._waiting = _Group()
        self._running = False
        self._since = 0.0
        self._last = 0
        self._closed = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._thread = threading.Thread(target=self._write, name="sluss-writer", daemon=True)
        self._thread.start()

    def insert(self, rows: Make) -> "asyncio.Future[None]":
        """Queue rows; the future is done once they are durable. It raises Busy where nothing can be written.

        They are made in the writer thread, those of a whole group in one go.
        """
        future: asyncio.Future[None] = self._loop.create_future()
        if self._running and self._loop.time() > self._since + STALLED:
            future.set_exception(Busy("The gateway cannot store anything now; try again later"))
            return future
        self._waiting.inserts.append((rows, future))
        self._wake()
        return future

    def run(self, work: Callable[[Db], T]) -> "asyncio.Future[T]":
        """Queue a function to be run inside the next transaction; the future is done once that is durable."""
        future: asyncio.Future[T] = self._loop.create_future()
        self._waiting.works.append((work, future))
        self._wake()
        return future

    def join(self, work: Callable[[Db, Sequence[U]], Sequence[T]], unit: U) -> "asyncio.Future[T]":
        """Queue one of the things that a function does together, all those of the next transaction in one call."""
        future: asyncio.Future[T] = self._loop.create_future()
        self._waiting.joined.setdefault(work, []).append((unit, future))
        self._wake()
        return future

    async def close(self) -> None:
        """Write what is queued, then end the thread."""
        while not self._idle.is_set():  # whoever was answered just now may have asked again
            await self._idle.wait()
        self._closed = True
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _wake(self) -> None:
        if self._closed:
            self._resolve(self._waiting, [Busy("The store is closed")] * len(self._waiting))
            self._waiting = _Group()
        elif not self._running:
            self._running = True
            self._since = self._loop.time()
            self._idle.clear()
            if self._last >= BUSY_GROUP:
                self._loop.call_later(GATHER, self._hand_over)
            else:
                # After this turn of the loop, so that requests that arrived together share the commit.
                self._loop.call_soon(self._hand_over)

    def _hand_over(self) -> None:
        group, self._waiting = self._waiting, _Group()
        self._queue.put(group)

    def _done(self, group: _Group, results: list[Any]) -> None:
        self._last = len(group)
        self._running = False
        self._resolve(group, results)
        if len(self._waiting):
            self._wake()
        else:
            self._idle.set()

    @staticmethod
    def _resolve(group: _Group, results: list[Any]) -> None:
        units = itertools.chain(group.inserts, group.works, *group.joined.values())
        futures = [future for _, future in units]
        for future, result in zip(futures, results, strict=True):
            if future.done():  # its request was cancelled meanwhile; the row stays
                continue
            if isinstance(result, BaseException):
                future.set_exception(result)
            else:
                future.set_result(result)

    # From here on: the writer thread.

    def _write(self) -> None:
        try:
            while (group := self._queue.get()) is not None:
                results = _commit(self._session, group, self._undone)
                self._loop.call_soon_threadsafe(self._done, group, results)
        finally:
            self._session.close()


def _commit(session: Session, group: _Group, undone: Callable[[], None]) -> list[Any]:
    try:
        session.begin()
    except Exception as error:  # noqa: BLE001 - as below
        # Somebody else holds the database, or spoilt it: nobody of this group would fare better alone.
        return [_as_ours(session, error) for _ in range(len(group))]
    try:
        return _transaction(session, group)
    except Exception as error:  # noqa: BLE001 - whatever it is belongs to the requests, not to this thread
        undone()
        if len(group) == 1:
            return [_as_ours(session, error)]
    # One bad unit must not fail its neighbours: each gets a transaction of its own.
    return [result for unit in group.alone() for result in _commit(session, unit, undone)]


def _transaction(session: Session, group: _Group) -> list[Any]:
    try:
        for head, rows in _merged(session, group):
            session.insert(head, rows)
        results = [work(session) for work, _ in group.works]
        for work_on_all, units in group.joined.items():
            results += work_on_all(session, [unit for unit, _ in units])
        session.commit()
    except BaseException:
        session.rollback()
        raise
    return [None] * len(group.inserts) + results


def _merged(db: Db, group: _Group) -> list[tuple[str, list[tuple[Any, ...]]]]:
    merged: dict[str, list[tuple[Any, ...]]] = {}
    for make, _ in group.inserts:
        for head, rows in make(db):
            merged.setdefault(head, []).extend(rows)
    return list(merged.items())


def _as_ours(session: Session, error: Exception) -> Exception:
    if not session.is_busy(error):
        return error
    busy = Busy("The gateway cannot store anything now; try again later")
    busy.__cause__ = error
    return busy
