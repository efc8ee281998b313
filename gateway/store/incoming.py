"""Messages that come in, in SQLite: run inside a transaction, or on the reading connection."""

from collections.abc import Collection, Container, Iterator, Sequence
from typing import Any

from gateway.ids import HIGHEST
from gateway.model import DataCoding, Incoming
from gateway.store.db import Db

COLUMNS = (
    "key, created, account, caller, upstream, upstream_id, sender, recipient, body, segments, datacoding, mcc, mnc"
)
_ADD = (
    f"INSERT INTO incoming ({COLUMNS.removeprefix('key, ')}) VALUES ({', '.join('?' * 12)})"
    " ON CONFLICT DO NOTHING RETURNING key"
)
_PAGE = 1000
"""Rows that are looked through at a time."""

_TO_CALLER = "INSERT INTO callback (number, step, attempts, run_at, incoming, caller) VALUES (0,0,0,?,?,?)"


def receive(db: Db, arrived: Sequence[Incoming], now: int, passed_on: Container[str]) -> list[Incoming]:
    """Keep what arrived, and pass it on to these callers; returns it with its keys, without what was here before."""
    kept = []
    for incoming in arrived:
        row = db.execute(_ADD, incoming[1:]).fetchone()
        if row is None:
            continue
        kept.append(incoming._replace(key=row[0]))
        if incoming.caller in passed_on:
            db.execute(_TO_CALLER, (now, row[0], incoming.caller))
    return kept


def by_key(db: Db, key: int) -> Incoming | None:
    """A message by its key."""
    row = db.execute(f"SELECT {COLUMNS} FROM incoming WHERE key = ?", (key,)).fetchone()
    return None if row is None else incoming_of(row)


def newest(db: Db, account: str, senders: Collection[str], recipients: Collection[str], limit: int) -> list[Incoming]:
    """An account's newest messages, oldest first; of these senders and to these recipients where any are named."""
    found: list[Incoming] = []
    for incoming in _backwards(db, account):
        if senders and incoming.sender.lower() not in senders:
            continue
        if recipients and incoming.recipient.lower() not in recipients:
            continue
        found.append(incoming)
        if len(found) == limit:
            break
    return found[::-1]


def _backwards(db: Db, account: str) -> Iterator[Incoming]:
    """All of an account's, the newest first, read as far as they are looked at."""
    page = f"SELECT {COLUMNS} FROM incoming WHERE account = ? AND key < ? ORDER BY key DESC LIMIT ?"
    before = HIGHEST
    while rows := db.execute(page, (account, before, _PAGE)).fetchall():
        for row in rows:
            yield incoming_of(row)
        before = rows[-1][0]


def incoming_of(row: tuple[Any, ...]) -> Incoming:
    """A message from its columns."""
    incoming = Incoming(*row)
    coding = incoming.datacoding
    return incoming if coding is None else incoming._replace(datacoding=DataCoding(coding))
