"""What is old is removed from a SQL store, a little at a time: what is done with, the oldest first.

An account's batches stay numbered without a gap: what is kept among those that go takes the numbers behind them. A
batch that is too large to go at once gets shorter from its end, so that it is whole, as it is, at any moment.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gateway.model import Side
from gateway.ports import Expired
from gateway.store import queries, queue
from gateway.store.db import Db

_LOOK = 500
"""Batches of an account that are looked at, at most: more that nobody has ended keep what is behind them."""
_ENTRIES = 200
"""Entries of each side of a conversation that go at a time: more than messages do, so that none is left behind."""

_OF = "account = ? AND participant = ? AND side = ?"
_UNTOLD = "SELECT incoming FROM callback WHERE incoming IS NOT NULL AND given_up IS NULL"


class _Filed(NamedTuple):
    """How far an account's conversations have come: what is not in them yet is not removed."""

    ordinal: int
    number: int
    incoming: int


def expire(db: Db, before: int, limit: int) -> Expired:
    """Remove what was done with before a moment, at most so many messages that were sent, and came in."""
    batches = messages = incoming = 0
    for account in queries.accounts(db):
        if max(messages, incoming) >= limit:
            break
        row = db.execute("SELECT ordinal, number, incoming FROM filed WHERE account = ?", (account,)).fetchone()
        if row is None:
            continue
        filed = _Filed(*row)
        ended, gone = _sent(db, account, filed, before, limit - messages)
        batches, messages = batches + ended, messages + gone
        if messages < limit:  # so that the oldest of a conversation go first
            incoming += _received(db, account, filed, before, limit - incoming)
    return Expired(batches, messages, incoming)


def _sent(db: Db, account: str, filed: _Filed, before: int, limit: int) -> tuple[int, int]:
    """How many batches are gone, and how many messages."""
    rows = db.execute(
        "SELECT key, size, ordinal, created FROM batch WHERE account = ? AND ordinal <= ? ORDER BY ordinal LIMIT ?",
        (account, filed.ordinal, _LOOK),
    ).fetchall()
    waiting = _waiting(db, rows) if any(row[3] < before for row in rows) else []
    kept: list[int] = []
    last = batches = messages = 0
    for key, size, ordinal, created in rows:
        if messages >= limit or (ordinal == filed.ordinal and (kept or filed.number < key + size - 1)):
            break
        # Our clock may have been ahead: one that seems young says nothing of those behind it.
        young = created >= before or _any_between(waiting, key, key + size - 1)
        if young or not _is_over(db, key, size, before):
            kept.append(key)
            continue
        gone, whole = _remove(db, account, (key, size), before, limit - messages)
        messages += gone
        if not whole:
            break
        batches += 1
        last, moved = ordinal, kept.copy()
    if batches:
        db.executemany(
            "UPDATE batch SET ordinal = ? WHERE key = ?",
            [(last - at, key) for at, key in enumerate(reversed(moved))],
        )
    return batches, messages


def _waiting(db: Db, rows: Sequence[tuple[int, int, int, int]]) -> list[int]:
    """The messages of these batches of which their caller is still to be told, in their order."""
    found = db.execute(
        "SELECT number FROM callback WHERE given_up IS NULL AND number BETWEEN ? AND ? ORDER BY number",
        (min(key for key, *_ in rows), max(key + size - 1 for key, size, *_ in rows)),
    )
    return [number for (number,) in found]


def _any_between(numbers: Sequence[int], first: int, last: int) -> bool:
    return bisect_left(numbers, first) < bisect_right(numbers, last)


def _is_over(db: Db, key: int, size: int, before: int) -> bool:
    """Whether nothing is left to do, and nothing was heard since."""
    own = (key, key + size - 1)
    left = db.execute(
        f"SELECT 1 FROM dispatch WHERE key BETWEEN ? AND ? AND state NOT IN ({queue.SENT}, {queue.FAILED}) LIMIT 1", own
    ).fetchone()
    (latest,) = db.execute("SELECT MAX(modified) FROM message WHERE number BETWEEN ? AND ?", own).fetchone()
    return left is None and (latest is None or latest < before)


def _remove(db: Db, account: str, batch: tuple[int, int], before: int, limit: int) -> tuple[int, bool]:
    """Remove the next messages of a batch, and itself with the last ones; how many, and whether it is gone."""
    key, size = batch
    own = (key, key + size - 1)
    rows = db.execute(
        "SELECT number, recipient FROM message WHERE number BETWEEN ? AND ? ORDER BY number DESC LIMIT ?",
        (*own, limit),
    ).fetchall()
    if rows:
        piece = (rows[-1][0], own[1])
        db.execute("DELETE FROM status WHERE number BETWEEN ? AND ?", piece)
        db.execute("DELETE FROM message WHERE number BETWEEN ? AND ?", piece)
        _unfile(db, account, [recipient for _, recipient in rows], before)
        db.execute("DELETE FROM dispatch WHERE key BETWEEN ? AND ?", piece)
    # What is not there any more has had its number all the same.
    db.execute("UPDATE floor SET number = ? WHERE number < ?", (own[1], own[1]))
    if rows and rows[-1][0] > key:
        db.execute("UPDATE batch SET size = ? WHERE key = ?", (rows[-1][0] - key, key))
        return len(rows), False
    for table in ("hidden", "credential"):
        db.execute(f"DELETE FROM {table} WHERE batch = ?", (key,))
    db.execute("DELETE FROM batch WHERE key = ?", (key,))
    return len(rows), True


def _received(db: Db, account: str, filed: _Filed, before: int, limit: int) -> int:
    rows = db.execute(
        "SELECT key, sender, created FROM incoming WHERE account = ? AND key <= ? ORDER BY key LIMIT ?",
        (account, filed.incoming, limit),
    ).fetchall()
    waiting = {key for (key,) in db.execute(_UNTOLD)} if rows else frozenset[int]()
    # Our clock may have been ahead: one that seems young keeps no other.
    old = [(key, sender) for key, sender, created in rows if created < before and key not in waiting]
    db.executemany("DELETE FROM incoming WHERE key = ?", [(key,) for key, _ in old])
    _unfile(db, account, [sender for _, sender in old], before)
    return len(old)


def _unfile(db: Db, account: str, participants: Iterable[str], before: int) -> None:
    """Remove the oldest entries of conversations, and leave no gap."""
    of = [(account, participant.lower(), int(side)) for participant in dict.fromkeys(participants) for side in Side]
    db.executemany(
        f"DELETE FROM conversation WHERE {_OF} AND created < ?"
        f" AND ordinal < ? + (SELECT MIN(ordinal) FROM conversation WHERE {_OF})",
        [(*each, before, _ENTRIES, *each) for each in of],
    )
