"""The store for several machines: PostgreSQL, one writing connection with group commit, a few reading ones.

Several gateways may share a database. Their writes come one after the other (see `pg_session`), each has numbers of its
own to give out, and each upstream is sent to by one of them (see `pg_duties`).
"""

import asyncio
import contextlib
import threading
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import structlog

from gateway.errors import Busy, ConfigError
from gateway.ids import FIRST_NUMBER, LAST_NUMBER
from gateway.model import Dispatch
from gateway.ports import OUTBOX, Callback, Forward, Sharing
from gateway.store import outbox, pg_session, queries, queue
from gateway.store.commit import GroupCommit, Make
from gateway.store.db import Db
from gateway.store.numbers import Numbers
from gateway.store.pg_company import PgCompany
from gateway.store.pg_session import PgSession, Writer
from gateway.store.sql import SPENT, SqlStore

log = structlog.get_logger()

T = TypeVar("T")
U = TypeVar("U")

READERS = 4
"""Connections that read at a time."""
BLOCK = 50_000
"""Numbers that a gateway gets at a time; what a gateway that dies has left of them is lost."""
_LOW = BLOCK // 2
_SKEW = 5.0
"""Seconds by which this machine's clock may differ from the server's: leases go by the gateways' clocks."""


class PostgresStore(SqlStore):
    """See `gateway.ports.Store`. Connects at once."""

    company: PgCompany

    def __init__(self, url: str) -> None:
        """Raises ConfigError where the database cannot be used."""
        super().__init__()
        writer = Writer(url, begun=self._ordinals.forget)
        self._numbers = _opened(writer)
        # Numbers are used up by what cannot be stored, too, while the server is away.
        self._no_number = "The gateway cannot store anything now; try again later"
        self._writer = GroupCommit(lambda: writer, undone=self._ordinals.forget)
        self._reserving: asyncio.Task[None] | None = None
        self.company = PgCompany(url, self._write)
        self._readers = ThreadPoolExecutor(READERS, "sluss-reader")
        self._of_thread = threading.local()
        self._reading: list[PgSession] = []
        self._url = url

    async def lease(
        self,
        upstream: str,
        limit: int,
        now: int,
        until: int,
        messages: int | None = None,
        turn: int = 0,
        sharing: Sharing | None = None,
    ) -> list[Dispatch]:
        """Claim what is due; see the port."""

        def _lease(db: Db) -> list[Dispatch]:
            if self.company.duties.is_elsewhere(db, upstream):
                return []
            return queue.lease(db, upstream, limit, now, until, messages, turn, sharing)

        return await self._write(_lease)

    async def lease_callbacks(self, room: Mapping[str, int], now: int, until: int) -> list[Callback | Forward]:
        """Claim due posts; see the port."""

        def _lease(db: Db) -> list[Callback | Forward]:
            return [] if self.company.duties.is_elsewhere(db, OUTBOX) else outbox.lease(db, room, now, until)

        return await self._write(_lease)

    async def reclaim(self, now: int, until: int, flying: Collection[int] = ()) -> list[Dispatch]:
        """Take over leases that ran out; see the port."""

        def _reclaim(db: Db) -> list[Dispatch]:
            return queue.reclaim(db, now, until, frozenset(flying), self.company.duties.others(db))

        return await self._write(_reclaim)

    async def check(self) -> None:
        """Write the schema's version over itself; see the port."""
        await self._write(pg_session.touch)

    async def close(self) -> None:
        """Finish what is queued and let go of the database."""
        await self.company.close()
        if self._reserving is not None:
            await self._reserving
        with contextlib.suppress(Busy):
            await self._write(self._give_back)
        await self._writer.close()
        self._readers.shutdown()
        for session in self._reading:
            session.close()

    def _take(self, size: int) -> int:
        """See `SqlStore`; a new block is asked for long before there is none."""
        try:
            return super()._take(size)
        finally:
            if self._numbers.left < _LOW and self._reserving is None:
                self._reserve()

    def _reserve(self) -> None:
        self._reserving = asyncio.ensure_future(self._more())

    async def _more(self) -> None:
        try:
            with contextlib.suppress(Busy):  # asked for again with the next message
                if (block := await self._write(_block)) is not None:
                    self._numbers.add(*block)
                else:
                    self._no_number = SPENT
        finally:
            self._reserving = None

    def _give_back(self, db: Db) -> None:
        for first, last in reversed(self._numbers.ranges):
            db.execute("UPDATE floor SET number = ? WHERE number = ?", (first - 1, last))

    def _insert(self, rows: Make) -> Awaitable[None]:
        return self._writer.insert(rows)

    def _write(self, work: Callable[[Db], T]) -> Awaitable[T]:
        return self._writer.run(work)

    def _join(self, work: Callable[[Db, Sequence[U]], Sequence[T]], unit: U) -> Awaitable[T]:
        return self._writer.join(work, unit)

    async def _read(self, work: Callable[[Db], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._run, work)

    def _run(self, work: Callable[[Db], T]) -> T:
        """In a reading thread, on its own connection; a question may be asked again where the connection is gone."""
        for last in (False, True):
            try:
                return work(self._session())
            except pg_session.ERRORS as error:
                if not pg_session.is_busy(error):
                    raise
                if last:
                    raise Busy("The gateway cannot read what is stored now; try again later") from error
                self._drop()
        raise AssertionError("unreachable")

    def _drop(self) -> None:
        session: PgSession | None = getattr(self._of_thread, "session", None)
        if session is not None:
            session.close()

    def _session(self) -> PgSession:
        session: PgSession | None = getattr(self._of_thread, "session", None)
        if session is None:
            session = self._of_thread.session = PgSession(self._url)
            self._reading.append(session)
        return session


def _opened(writer: Writer) -> Numbers:
    """The first block, before anything else is written. Raises ConfigError."""
    try:
        writer.begin()
        first, last = _block(writer) or (1, 0)
        writer.commit()
        skew = abs(pg_session.now(writer) / 1000 - time.time())
    except pg_session.ERRORS as error:
        writer.close()
        raise ConfigError([f"store: cannot use the database: {pg_session.sentence(error)}"]) from None
    if skew > _SKEW:
        log.warning("clock.differs", seconds=round(skew), remedy="let NTP set the clocks of gateways and server")
    return Numbers(first, last)


def _block(db: Db) -> tuple[int, int] | None:
    """The first and the last of the next numbers, which nobody else is given; None where there are none left."""
    first = max(queries.highest(db) + 1, FIRST_NUMBER)
    last = min(first + BLOCK - 1, LAST_NUMBER)
    if first > last:
        return None
    db.execute("UPDATE floor SET number = ?", (last,))
    return first, last
