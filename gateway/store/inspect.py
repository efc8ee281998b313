"""Reading a store from outside the gateway: read-only, beside a gateway that may be running."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from gateway.ids import Kind, key_of, public_id
from gateway.model import Batch, Message, StatusEntry
from gateway.store import queries, schema
from gateway.store.db import Db


class Unreadable(Exception):
    """The store cannot be read from here; the text is a sentence for people."""


def path_of(url: str) -> Path | None:
    """The file of a store's URL, None for `memory:`."""
    return Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None


@contextlib.contextmanager
def reading(url: str) -> Iterator[Db]:
    """The store as it stands at one moment. Raises Unreadable."""
    if url.startswith("postgresql://"):
        with _in_database(url) as session:
            yield session
        return
    path = path_of(url)
    if path is None:
        raise Unreadable("store: it is in the gateway's memory, so nobody else can read it")
    if not path.is_file():
        raise Unreadable(f"store: there is no file {path} yet; a gateway makes it when it first starts")
    try:
        # A nolock or immutable connection could see a page half written; read-only, SQLite still takes its locks.
        with contextlib.closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5, factory=schema.Connection)
        ) as db:
            _check(db, path)
            db.execute("BEGIN")
            yield db
    except sqlite3.Error as error:
        raise Unreadable(f"store: {path} cannot be read: {error}") from error


@contextlib.contextmanager
def _in_database(url: str) -> Iterator[Db]:
    from gateway.store import pg_session  # noqa: PLC0415 - the driver is loaded where it is used

    try:
        with contextlib.closing(pg_session.PgSession(url)) as session:
            if age := pg_session.age(session):
                raise Unreadable(f"store: the database {age}")
            session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            # Whoever reads what is written out may be slow, and keeps nobody from writing.
            session.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            yield session
    except pg_session.ERRORS as error:
        raise Unreadable(f"store: the database cannot be read: {pg_session.sentence(error)}") from error


def _check(db: sqlite3.Connection, path: Path) -> None:
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    newest = schema.migrations()[-1][0]
    if application != schema.APPLICATION_ID:
        raise Unreadable(f"store: {path} is a database of another program")
    if version != newest:
        age = "a newer Sluss: upgrade this one" if version > newest else "an older Sluss: start this gateway once"
        raise Unreadable(f"store: {path} was written by {age} (schema {version}; this one knows {newest})")


def find_message(db: Db, text: str) -> tuple[Batch, Message, tuple[StatusEntry, ...]] | None:
    """A message with its batch and history, by the number that legacy clients got or by its public id."""
    if text.isascii() and text.isdigit() and len(text) <= 10:
        return queries.message(db, int(text))
    number = key_of(Kind.MESSAGE, text)
    found = None if number is None else queries.message(db, number)
    # The seconds in an id are checked here: a number of another store must not find a message of this one.
    if found is None or public_id(Kind.MESSAGE, found[0].created, found[1].number) != text.lower():
        return None
    return found


def find_batch(db: Db, text: str) -> Batch | None:
    """A batch by its public id."""
    key = key_of(Kind.BATCH, text)
    batch = None if key is None else queries.batch(db, key)
    if batch is None or public_id(Kind.BATCH, batch.created, batch.key) != text.lower():
        return None
    return batch
