"""Connections to PostgreSQL on which the shared statements run, and what keeps a database one gateway's."""

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from importlib import resources
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.types.numeric import Int8Dumper

from gateway.errors import ConfigError
from gateway.store.db import Cursor, Db

ERRORS = (psycopg.Error,)

_LOCK = 0x534C5553
"""`SLUS`: the lock of the gateway that writes, in a database where every program's locks have numbers."""
_MIGRATING = _LOCK + 1
_PATIENCE = 10.0
"""Seconds for which a start waits for the lock: a gateway that was killed a moment ago may still seem to hold it."""
_IN_DOUBT = 10.0
"""Seconds for which a transaction is asked after whose end was not heard."""
# A peer that is gone without a word is noticed on both sides within half a minute.
_SETTINGS: dict[str, Any] = {
    "application_name": "sluss",
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "options": (
        "-c synchronous_commit=on -c timezone=UTC"
        " -c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"
    ),
}
_HINT = re.compile(r" INDEXED BY \w+")


@lru_cache(maxsize=512)
def _theirs(sql: str) -> str:
    """A shared statement as psycopg takes it."""
    return _HINT.sub("", sql).replace("%", "%%").replace("?", "%s")


def _sayable(parameters: Sequence[Any]) -> Sequence[Any]:
    """PostgreSQL has no NUL in texts; what an upstream says may hold one."""
    if any(isinstance(value, str) and "\0" in value for value in parameters):
        return [value.replace("\0", "\ufffd") if isinstance(value, str) else value for value in parameters]
    return parameters


def is_busy(error: Exception) -> bool:
    """Whether nothing can be done now: no connection, no room, no right to write."""
    busy = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.errors.ReadOnlySqlTransaction)
    return isinstance(error, busy)


def sentence(error: Exception) -> str:
    """What the server said, in one line; libpq never repeats a password."""
    return " ".join(str(error).split())


def _row(cursor: "psycopg.Cursor[Any]") -> tuple[Any, ...]:
    row: tuple[Any, ...] | None = cursor.fetchone()
    if row is None:
        raise psycopg.InternalError("The server answered nothing")
    return row


class PgSession:
    """A connection in autocommit mode; a new one takes the place of one that is lost. See `gateway.store.db.Db`."""

    def __init__(self, url: str) -> None:
        """Raises psycopg.Error."""
        self._url = url
        self._connection = self._connect()

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> Cursor:
        """Run a statement."""
        return self.connection().execute(_theirs(sql), _sayable(parameters))

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]], /) -> Cursor:
        """Run a statement for each of these rows."""
        cursor = self.connection().cursor()
        rows = [_sayable(row) for row in parameters]
        if not rows:
            return _Nothing()
        cursor.executemany(_theirs(sql), rows)
        return cursor

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()

    def connection(self) -> "psycopg.Connection[Any]":
        """The connection as the driver has it."""
        if self._connection.closed:
            self._connection = self._connect()
        return self._connection

    def _connect(self) -> "psycopg.Connection[Any]":
        connection = psycopg.connect(make_conninfo(self._url, **_SETTINGS), autocommit=True)
        # One type for all numbers, so that a statement is prepared once and not for every size of number.
        connection.adapters.register_dumper(int, Int8Dumper)
        return connection


class _Nothing:
    """What no statement found."""

    rowcount = 0

    def fetchone(self) -> None:
        """No row."""

    def fetchall(self) -> list[Any]:
        """No rows."""
        return []

    def __iter__(self) -> Iterator[Any]:
        return iter(())


class _Taken(psycopg.OperationalError):
    """Another gateway has the database's lock."""


class Writer(PgSession):
    """The one connection that writes: it holds the database's lock. See `gateway.store.db.Session`."""

    def __init__(self, url: str) -> None:
        """Raises ConfigError where the database cannot be reached, or another gateway has the lock."""
        self._transaction = ""
        ends = time.monotonic() + _PATIENCE
        while True:
            try:
                super().__init__(url)
            except _Taken as error:
                if time.monotonic() < ends:
                    time.sleep(0.1)
                    continue
                raise ConfigError([f"store: {error}"]) from None
            except psycopg.Error as error:
                raise ConfigError([f"store: cannot use the database: {sentence(error)}"]) from None
            return

    def begin(self) -> None:
        """Begin a transaction; where the connection was lost meanwhile, on a new one."""
        for last in (False, True):
            try:
                cursor = self.connection().execute("BEGIN; SELECT pg_current_xact_id()::text")
            except psycopg.OperationalError:
                self._connection.close()
                if last:
                    raise
            else:
                cursor.nextset()
                (self._transaction,) = _row(cursor)
                return

    def commit(self) -> None:
        """Make it durable. Where the connection breaks over it, the server is asked what became of it."""
        try:
            said = self._connection.execute("COMMIT").statusmessage
        except psycopg.OperationalError:
            self._connection.close()
            if not self._was_committed():
                raise
        else:
            if said != "COMMIT":
                raise psycopg.InternalError("The server undid the transaction")

    def rollback(self) -> None:
        """Undo it; a connection that is lost has done so."""
        if self._connection.closed:
            return
        try:
            self._connection.execute("ROLLBACK")
        except psycopg.Error:
            self._connection.close()

    def is_busy(self, error: Exception) -> bool:
        """Whether nothing can be written now."""
        return is_busy(error)

    def _was_committed(self) -> bool:
        ends = time.monotonic() + _IN_DOUBT
        while time.monotonic() < ends:
            try:
                (status,) = _row(self.connection().execute("SELECT pg_xact_status(%s::xid8)", (self._transaction,)))
            except psycopg.OperationalError:
                time.sleep(0.2)
                continue
            if status != "in progress":
                return bool(status == "committed")
            time.sleep(0.05)
        return False

    def _connect(self) -> "psycopg.Connection[Any]":
        connection = super()._connect()
        (ours,) = _row(connection.execute("SELECT pg_try_advisory_lock(%s)", (_LOCK,)))
        if not ours:
            connection.close()
            raise _Taken("another Sluss uses the database; stop that one first")
        return connection


def prepare(session: PgSession) -> None:
    """Bring the schema up to date, once however many gateways start together. Raises ConfigError, psycopg.Error."""
    connection = session.connection()
    connection.execute("SELECT pg_advisory_lock(%s)", (_MIGRATING,))
    try:
        version = _version(connection)
        newest = migrations()[-1][0]
        if version > newest:
            problem = (
                f"store: the database was written by a newer Sluss (schema {version}; this one knows {newest});"
                " upgrade Sluss, or restore the backup made before the upgrade"
            )
            raise ConfigError([problem])
        for number, script in migrations():
            if number > version:
                with connection.transaction():
                    connection.execute(script)
                    connection.execute("UPDATE sluss SET version = %s", (number,))
    finally:
        connection.execute("SELECT pg_advisory_unlock(%s)", (_MIGRATING,))


def _version(connection: "psycopg.Connection[Any]") -> int:
    ours, theirs = _row(connection.execute("SELECT to_regclass('sluss'), to_regclass('batch')"))
    if ours is None and theirs is not None:
        raise ConfigError(["store: the database holds tables of another program; name a new one"])
    if ours is None:
        with connection.transaction():
            connection.execute("CREATE TABLE sluss (version BIGINT NOT NULL)")
            connection.execute("INSERT INTO sluss VALUES (0)")
    (version,) = _row(connection.execute("SELECT version FROM sluss"))
    return int(version)


def age(session: PgSession) -> str:
    """What is wrong with the schema for whoever only reads; nothing where it is this program's."""
    (ours,) = _row(session.connection().execute("SELECT to_regclass('sluss')"))
    if ours is None:
        return "has no tables of Sluss yet; a gateway makes them when it first starts"
    version, newest = _version(session.connection()), migrations()[-1][0]
    if version == newest:
        return ""
    of = "a newer Sluss: upgrade this one" if version > newest else "an older Sluss: start this gateway once"
    return f"was written by {of} (schema {version}; this one knows {newest})"


def migrations() -> list[tuple[int, str]]:
    """(number, SQL) of every migration, in order; the first makes what the embedded store's first eleven make."""
    folder = resources.files("gateway.store") / "migrations" / "postgresql"
    found = ((re.fullmatch(r"(\d{4})_\w+\.sql", entry.name), entry) for entry in folder.iterdir())
    return sorted((int(match[1]), entry.read_text("utf-8")) for match, entry in found if match)


def touch(db: Db) -> None:
    """Write the schema's version over itself: something goes to the disk, nothing changes."""
    db.execute("UPDATE sluss SET version = version")
