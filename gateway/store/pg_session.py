"""Connections to PostgreSQL on which the shared statements run, and what keeps several gateways' writes in a row.

Every transaction that writes holds one lock of the database from its beginning to its end. So all writes come one after
the other, as those of the embedded store's one thread do, and what is right there is right here. Many requests share a
transaction, and what is done under the lock is a small part of what a message costs.
"""

import re
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from importlib import resources
from typing import Any, LiteralString

import orjson
import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.types.numeric import Int8Dumper

from gateway.errors import ConfigError
from gateway.store.db import Cursor, Db, Update

ERRORS = (psycopg.Error,)

_WRITING = 0x534C5553
"""`SLUS`: the lock of whoever writes, in a database where every program's locks have numbers."""
_MIGRATING = _WRITING + 1
"""The lock of whoever looks after the schema."""
_RUNNING = _WRITING + 2
"""The lock that gateways share while they run, and that a migration has alone."""
_PATIENCE = 10.0
"""Seconds for which a start waits for older gateways: one that was killed a moment ago may still seem to run."""
_BEGIN = f"BEGIN; SET LOCAL lock_timeout = '10s'; SELECT pg_advisory_xact_lock({_WRITING}), pg_current_xact_id()::text"
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
        # A gateway that is stopped in the middle of a transaction must not keep all others from writing.
        " -c idle_in_transaction_session_timeout=2000"
    ),
}
_HINT = re.compile(r" INDEXED BY \w+")


@lru_cache(maxsize=512)
def _theirs(sql: str) -> str:
    """A shared statement as psycopg takes it."""
    return _HINT.sub("", sql).replace("%", "%%").replace("?", "%s")


@lru_cache(maxsize=64)
def _insertion(head: str) -> tuple[list[str], str]:
    """The columns that are inserted, and a statement for rows of them that come as a list of JSON objects."""
    found = re.fullmatch(r"INSERT INTO (\w+) \(([\w, ]+)\)", head)
    if found is None:
        raise ValueError(f"not the head of an INSERT: {head}")
    table, columns = found.groups()
    return columns.split(", "), f"{head} SELECT {columns} FROM json_populate_recordset(NULL::{table}, %s)"


@lru_cache(maxsize=64)
def _update(of: Update) -> str:
    return of.sql(f"json_to_recordset(%s) AS new({of.values})")


def _json(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> tuple[str]:
    """Rows as one value that the server takes apart: a third of what it costs to write and read each by itself."""
    return (orjson.dumps([dict(zip(names, _sayable(row), strict=True)) for row in rows]).decode(),)


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


def connected(url: str) -> "psycopg.Connection[Any]":
    """A connection in autocommit mode. Raises psycopg.Error."""
    return psycopg.connect(make_conninfo(url, **_SETTINGS), autocommit=True)


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

    def execute_for(self, head: str, keys: Collection[int], parameters: Sequence[Any] = (), /) -> Cursor:
        """Run a statement for the rows that have one of these keys; see `gateway.store.db.Db`."""
        if not keys:
            return _Nothing()
        return self.execute(f"{head} = ANY(CAST(? AS BIGINT[]))", (*parameters, f"{{{','.join(map(str, keys))}}}"))

    def update(self, statement: Update, rows: Sequence[Sequence[Any]], /) -> None:
        """Change rows, each with values of its own; see `gateway.store.db.Db`."""
        if rows:
            self.connection().execute(_update(statement), _json(statement.names, rows))

    def insert(self, head: str, rows: Sequence[Sequence[Any]], /) -> None:
        """Insert rows that have the same columns; see `gateway.store.db.Db`."""
        if any(isinstance(value, bytes) for row in rows[:1] for value in row):
            self.executemany(f"{head} VALUES ({', '.join('?' * len(rows[0]))})", rows)
            return
        if not rows:
            return
        columns, sql = _insertion(head)
        self.connection().execute(sql, _json(columns, rows))

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()

    def connection(self) -> "psycopg.Connection[Any]":
        """The connection as the driver has it."""
        if self._connection.closed:
            self._connection = self._connect()
        return self._connection

    def _connect(self) -> "psycopg.Connection[Any]":
        connection = connected(self._url)
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


class Writer(PgSession):
    """The one connection of a gateway that writes. See `gateway.store.db.Session`."""

    def __init__(self, url: str, begun: Callable[[], None] = lambda: None) -> None:
        """`begun` is told when a transaction begins: others may have written since the last one.

        Raises ConfigError where the database cannot be used, or its schema is not ours and cannot become ours.
        """
        self._begun = begun
        self._transaction = ""
        self._prepared = False
        try:
            super().__init__(url)
            try:
                prepare(self)
            except BaseException:
                self.close()
                raise
        except psycopg.Error as error:
            raise ConfigError([f"store: cannot use the database: {sentence(error)}"]) from None
        self._prepared = True

    def begin(self) -> None:
        """Begin a transaction, once nobody else writes; where the connection was lost meanwhile, on a new one."""
        for last in (False, True):
            try:
                cursor = self.connection().execute(_BEGIN)
            except psycopg.errors.LockNotAvailable:
                self.rollback()
                raise
            except psycopg.OperationalError:
                self._connection.close()
                if last:
                    raise
            else:
                while cursor.nextset():
                    pass
                _, self._transaction = _row(cursor)
                self._begun()
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
        if self._prepared:
            if not _lock(connection, "pg_try_advisory_lock_shared", _RUNNING):
                connection.close()
                raise psycopg.OperationalError("The database is being changed by a newer Sluss")
            (version,) = _row(connection.execute("SELECT version FROM sluss"))
            if version != migrations()[-1][0]:
                connection.close()
                raise psycopg.OperationalError("The database was changed by a newer Sluss meanwhile")
        return connection


def prepare(session: PgSession) -> None:
    """Bring the schema up to date, once however many gateways start together; from then on it stays as it is.

    Raises ConfigError, psycopg.Error.
    """
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
        if version < newest:
            _migrate(connection, version)
        _lock(connection, "pg_try_advisory_lock_shared", _RUNNING)
    finally:
        connection.execute("SELECT pg_advisory_unlock(%s)", (_MIGRATING,))


def _migrate(connection: "psycopg.Connection[Any]", version: int) -> None:
    if not _lock(connection, "pg_try_advisory_lock", _RUNNING):
        problem = "store: gateways of an older Sluss still use the database; stop all of them before the first new one"
        raise ConfigError([problem])
    for number, script in migrations():
        if number > version:
            with connection.transaction():
                connection.execute(script)
                connection.execute("UPDATE sluss SET version = %s", (number,))
    connection.execute("SELECT pg_advisory_unlock(%s)", (_RUNNING,))


def _lock(connection: "psycopg.Connection[Any]", how: LiteralString, lock: int) -> bool:
    """Take a lock of a session; whether it could be had in time."""
    ends = time.monotonic() + _PATIENCE
    while True:
        (ours,) = _row(connection.execute(f"SELECT {how}(%s)", (lock,)))
        if ours or time.monotonic() > ends:
            return bool(ours)
        time.sleep(0.1)


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


def now(db: Db) -> int:
    """What the server's clock says, in milliseconds since 1970."""
    (found,) = db.execute("SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)").fetchone()
    return int(found)


def touch(db: Db) -> None:
    """Write the schema's version over itself: something goes to the disk, nothing changes."""
    db.execute("UPDATE sluss SET version = version")
