"""The store for several machines: PostgreSQL, one writing connection with group commit, a few reading ones.

One gateway at a time writes to a database: whoever holds its lock. A second one waits to take over.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from gateway.errors import Busy, ConfigError
from gateway.ids import FIRST_NUMBER
from gateway.store import pg_session, queries, queue
from gateway.store.commit import GroupCommit, Make
from gateway.store.db import Db
from gateway.store.pg_session import PgSession, Writer
from gateway.store.sql import SqlStore

T = TypeVar("T")

READERS = 4
"""Connections that read at a time."""


class PostgresStore(SqlStore):
    """See `gateway.ports.Store`. Connects at once, and holds the database's lock until it is closed."""

    def __init__(self, url: str) -> None:
        """Raises ConfigError where the database cannot be used, or another gateway uses it."""
        super().__init__()
        writer = Writer(url)
        try:
            pg_session.prepare(writer)
            self._next = max(queries.highest(writer) + 1, FIRST_NUMBER)
        except pg_session.ERRORS as error:
            writer.close()
            raise ConfigError([f"store: cannot use the database: {pg_session.sentence(error)}"]) from None
        except ConfigError:
            writer.close()
            raise
        self._writer = GroupCommit(lambda: writer, undone=self._ordinals.forget)
        self._readers = ThreadPoolExecutor(READERS, "sluss-reader")
        self._of_thread = threading.local()
        self._reading: list[PgSession] = []
        self._url = url
        # Nobody else has the lock, so whoever held these leases is gone.
        self._abandoned = self._writer.run(queue.abandon)

    async def check(self) -> None:
        """Write the schema's version over itself; see the port."""
        await self._write(pg_session.touch)

    async def close(self) -> None:
        """Finish what is queued and let go of the database."""
        await asyncio.gather(self._abandoned, return_exceptions=True)
        await self._writer.close()
        self._readers.shutdown()
        for session in self._reading:
            session.close()

    def _insert(self, rows: Make) -> Awaitable[None]:
        return self._writer.insert(rows)

    def _write(self, work: Callable[[Db], T]) -> Awaitable[T]:
        return self._writer.run(work)

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
