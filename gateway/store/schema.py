"""Opening a database file: its lock, its settings, its migrations."""

import contextlib
import fcntl
import os
import re
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import IO, Any

from gateway.errors import ConfigError
from gateway.store.db import Db, Update

APPLICATION_ID = 0x534C5553
"""`SLUS`: tells a Sluss database from any other."""

_SETTINGS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # the fsync that the acknowledgement waits for
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cache_size = -16384",  # 16 MB; the system keeps the rest of the file at hand
    "PRAGMA busy_timeout = 5000",
    "PRAGMA secure_delete = ON",  # what is deleted is overwritten; many builds of SQLite do so anyway
)

_ROWS = (64, 16, 4, 1)
"""Rows of one statement: few sizes, so that prepared statements are used again."""
_PATIENCE = 6
"""Times that a reader's end is waited for, each as long as `busy_timeout`."""


def lock(path: Path) -> IO[bytes]:
    """Hold the database for this process; the lock ends with the process, however it ends. Raises ConfigError."""
    handle = None
    try:
        handle = path.with_name(path.name + ".lock").open("wb")
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if handle is not None:
            handle.close()
        raise ConfigError([f"store: {path} is in use by another Sluss; stop that one first"]) from None
    except OSError as error:
        raise ConfigError([f"store: cannot write in {path.parent}: {error.strerror}"]) from None
    return handle


class Connection(sqlite3.Connection):
    """A connection that writes; see `gateway.store.db.Session`."""

    def begin(self) -> None:
        """Begin a transaction, and hold the file until its end."""
        self.execute("BEGIN IMMEDIATE")

    def execute_for(self, head: str, keys: Collection[int], parameters: Sequence[Any] = (), /) -> sqlite3.Cursor:
        """Run a statement for the rows that have one of these keys; see `gateway.store.db.Db`."""
        return self.execute(f"{head} IN (SELECT value FROM json_each(?))", (*parameters, str(list(keys))))

    def update(self, statement: Update, rows: Sequence[Sequence[Any]], /) -> None:
        """Change rows, each with values of its own; see `gateway.store.db.Db`."""
        for some in _in_steps(rows):
            self.execute(_change(statement, len(some)), [value for row in some for value in row])

    def insert(self, head: str, rows: Sequence[Sequence[Any]], /) -> None:
        """Insert rows that have the same columns; see `gateway.store.db.Db`."""
        for some in _in_steps(rows):
            self.execute(_insertion(head, len(rows[0]), len(some)), [value for row in some for value in row])

    def is_busy(self, error: Exception) -> bool:
        """Disk full, read-only, I/O error, locked; the plain class says that the file is no database any more."""
        return isinstance(error, sqlite3.OperationalError) or type(error) is sqlite3.DatabaseError


def _in_steps(rows: Sequence[Sequence[Any]]) -> Iterator[Sequence[Sequence[Any]]]:
    """The rows, as many at a time as one statement takes.

    After every step of a statement the writing thread has to win the interpreter's lock back from the event loop, which
    is what `executemany` does once for each row.
    """
    at = 0
    for size in _ROWS:
        while len(rows) - at >= size:
            yield rows[at : at + size]
            at += size


@lru_cache(maxsize=64)
def _insertion(head: str, columns: int, rows: int) -> str:
    return f"{head} {_values(columns, rows)}"


@lru_cache(maxsize=64)
def _change(statement: Update, rows: int) -> str:
    names = statement.names
    return f"WITH new({', '.join(names)}) AS ({_values(len(names), rows)}) {statement.sql('new')}"


def _values(columns: int, rows: int) -> str:
    row = f"({', '.join('?' * columns)})"
    return f"VALUES {', '.join([row] * rows)}"


def connect(target: str, *, uri: bool = False) -> Connection:
    """A connection in autocommit mode with our settings, usable from any one thread at a time."""
    connection = sqlite3.connect(target, isolation_level=None, check_same_thread=False, uri=uri, factory=Connection)
    for setting in _SETTINGS:
        connection.execute(setting)
    return connection


def prepare(path: Path) -> None:
    """Create the file where it is missing (readable by its owner alone) and bring its schema up to date.

    Raises ConfigError with a sentence for people.
    """
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        # Before our settings: they would turn another program's database into WAL mode for good.
        with contextlib.closing(sqlite3.connect(path)) as untouched:
            check(untouched, str(path))
        connection = connect(str(path))
    except (OSError, sqlite3.Error) as error:
        raise ConfigError([f"store: cannot open {path}: {error}"]) from None
    try:
        migrate(connection, str(path))
    except sqlite3.Error as error:
        raise ConfigError([f"store: cannot use {path}: {error}"]) from None
    finally:
        connection.close()


def scrub(path: Path) -> bool:
    """Write a database anew that others use meanwhile, so that its files hold no byte of what was deleted.

    Whoever writes waits, for five seconds at most; whether it could be done to the last file. Raises sqlite3.Error.
    """
    # The copy that it is made from is as large as the database: beside that, not in memory.
    os.environ["SQLITE_TMPDIR"] = str(path.parent.absolute())
    with contextlib.closing(connect(str(path))) as connection:
        connection.execute("PRAGMA temp_store = FILE")
        connection.execute("VACUUM")
        # The log holds what the database held before, until it is emptied.
        for _ in range(_PATIENCE):
            (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if not busy:
                return True
    return False


def touch(db: Db) -> None:
    """Write the schema's version over itself: a page goes to the disk, nothing changes."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    db.execute(f"PRAGMA user_version = {version}")


def migrations() -> list[tuple[int, str]]:
    """(number, SQL) of every migration, in order."""
    folder = resources.files("gateway.store") / "migrations"
    found = ((re.fullmatch(r"(\d{4})_\w+\.sql", entry.name), entry) for entry in folder.iterdir())
    return sorted((int(match[1]), entry.read_text("utf-8")) for match, entry in found if match)


def newest() -> int:
    """The number of the schema that this program knows."""
    return migrations()[-1][0]


def beside(path: Path) -> list[Path]:
    """The files that SQLite keeps beside a database, where it did not come to its end."""
    return [path.with_name(path.name + end) for end in ("-wal", "-shm", "-journal")]


def copy_of(path: Path, version: int) -> Path:
    """Where a database of an older schema is copied to before it is changed."""
    return path.with_name(f"{path.name}.schema-{version:04}")


def migrate(connection: sqlite3.Connection, name: str) -> None:
    """Run the migrations that are missing, each in a transaction of its own. Raises ConfigError, sqlite3.Error."""
    version = check(connection, name)
    for number, script in migrations():
        if number > version:
            connection.executescript(
                f"BEGIN IMMEDIATE; {script}; PRAGMA user_version = {number};"
                f" PRAGMA application_id = {APPLICATION_ID}; COMMIT;"
            )


def check(connection: sqlite3.Connection, name: str) -> int:
    """The number of the last migration that has run. Raises ConfigError where the database is none of ours to write."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables and application != APPLICATION_ID:
        raise ConfigError([f"store: {name} is a database of another program; name a new file"])
    if version > newest():
        copy = copy_of(Path(name), newest())
        remedy = "restore the backup made before the upgrade"
        if copy.is_file():
            remedy = f"move that file away and go back to what was stored before the upgrade: sluss restore {copy}"
        problem = (
            f"store: {name} was written by a newer Sluss (schema {version}; this one knows {newest()});"
            f" upgrade Sluss, or {remedy}"
        )
        raise ConfigError([problem])
    return int(version)
