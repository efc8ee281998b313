"""The embedded store: SQLite in WAL mode, one writing thread with group commit, one reading thread.

`memory:` is the same store on a database that lives in RAM, so the shipped fake cannot drift from the real thing.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from gateway.errors import Busy, ConfigError
from gateway.ids import FIRST_NUMBER, LAST_NUMBER
from gateway.store import queries, queue, schema, upgrade
from gateway.store.alone import Alone
from gateway.store.commit import GroupCommit, Make
from gateway.store.db import Db
from gateway.store.numbers import Numbers
from gateway.store.sql import SqlStore

T = TypeVar("T")
U = TypeVar("U")


class SqliteStore(SqlStore):
    """See `gateway.ports.Store`. Opens the file at once and holds its lock; `None` means in memory."""

    def __init__(self, path: Path | None) -> None:
        super().__init__()
        self._path = path
        self._lock = schema.lock(path) if path else None
        if path:
            try:
                upgrade.keep_copy(path)
                schema.prepare(path)
            except ConfigError:
                self._unlock()
                raise
            self._writer = GroupCommit(lambda: schema.connect(str(path)), undone=self._ordinals.forget)
            self._reader: ThreadPoolExecutor | None = ThreadPoolExecutor(1, "sluss-reader")
            self._reading = schema.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
            first = max(queries.highest(self._reading) + 1, FIRST_NUMBER)
        else:
            self._writer = GroupCommit(_in_memory, undone=self._ordinals.forget)
            self._reader = None
            first = FIRST_NUMBER
        self._numbers = Numbers(first, LAST_NUMBER)
        self.company = Alone()
        # Nobody else has the lock, so whoever held these leases is gone.
        self._abandoned = self._writer.run(queue.abandon)

    async def check(self) -> None:
        """Write the schema's version over itself; see the port."""
        await self._write(schema.touch)

    async def close(self) -> None:
        """Finish what is queued and let go of the file."""
        # Where the leases could not be ended, they run out by themselves: no reason to keep the file.
        await asyncio.gather(self._abandoned, return_exceptions=True)
        if self._reader:
            self._reader.shutdown()
            self._reading.close()
        # Last, for the last connection that may write folds the log into the database and removes it.
        await self._writer.close()
        self._unlock()

    async def _scrub(self) -> bool:
        """Write the file anew; in memory nothing is left of what was erased."""
        try:
            return self._path is None or await asyncio.to_thread(schema.scrub, self._path)
        except sqlite3.OperationalError as error:
            raise Busy("The database file cannot be written anew now; try again later") from error

    def _unlock(self) -> None:
        if self._lock:
            self._lock.close()

    def _insert(self, rows: Make) -> Awaitable[None]:
        return self._writer.insert(rows)

    def _write(self, work: Callable[[Db], T]) -> Awaitable[T]:
        return self._writer.run(work)

    def _join(self, work: Callable[[Db, Sequence[U]], Sequence[T]], unit: U) -> Awaitable[T]:
        return self._writer.join(work, unit)

    async def _read(self, work: Callable[[Db], T]) -> T:
        if self._reader is None:
            return await self._writer.run(work)
        return await asyncio.get_running_loop().run_in_executor(self._reader, work, self._reading)


def _in_memory() -> schema.Connection:
    connection = schema.connect(":memory:")
    schema.migrate(connection, "memory")
    return connection
