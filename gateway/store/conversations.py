"""Conversations in SQLite: an index by participant, filled behind the accept path."""

from heapq import merge
from itertools import accumulate
from typing import NamedTuple

from gateway.model import Conversation, Incoming, Outgoing, Page, Side
from gateway.store import incoming
from gateway.store.db import Db
from gateway.store.queries import span
from gateway.store.rows import BATCH, MESSAGE, batch_of, message_of

_OF = "account = ? AND participant = ? AND side = ?"


class _Entry(NamedTuple):
    """The order of its fields is the order in which things were said: in the same moment, the question first."""

    created: int
    side: Side
    key: int
    account: str
    participant: str


def file(db: Db, limit: int) -> int:
    """File the next messages of each side, at most `limit`; returns how many there were: 0 where all are filed."""
    sides = _in_order(_sent(db, limit)), _in_order(_received(db, limit))
    # Where there is more to come, nothing that was said later may be filed yet.
    until = min((side[-1].created for side in sides if len(side) == limit), default=None)
    entries = [entry for entry in merge(*sides) if until is None or entry.created <= until]
    last: dict[tuple[str, str, int], int] = {}
    rows = []
    for entry in entries:
        for side in (Side.BOTH, entry.side):
            of = (entry.account, entry.participant, int(side))
            last[of] = 1 + (last[of] if of in last else _last(db, *of))
            rows.append((*of, last[of], entry.created, int(entry.side is Side.MT), entry.key))
    db.executemany("INSERT INTO conversation VALUES (?,?,?,?,?,?,?)", rows)
    upto = {entry.side: entry.key for entry in entries}
    db.executemany("UPDATE filed SET upto = ? WHERE side = ?", [(key, int(side)) for side, key in upto.items()])
    return len(entries)


def _in_order(entries: list[_Entry]) -> list[_Entry]:
    """With times that never go back, for the clock may have: what has the higher key was said later."""
    times = accumulate((entry.created for entry in entries), max)
    return [entry._replace(created=created) for entry, created in zip(entries, times, strict=True)]


def _sent(db: Db, limit: int) -> list[_Entry]:
    rows = db.execute(
        "SELECT number, recipient, (SELECT key FROM batch WHERE key <= number ORDER BY key DESC LIMIT 1) FROM message"
        " WHERE number > (SELECT upto FROM filed WHERE side = 1) ORDER BY number LIMIT ?",
        (limit,),
    ).fetchall()
    of = {
        batch: db.execute("SELECT created, account FROM batch WHERE key = ?", (batch,)).fetchone()
        for batch in dict.fromkeys(batch for _, _, batch in rows)
    }
    return [_Entry(of[batch][0], Side.MT, number, of[batch][1], recipient.lower()) for number, recipient, batch in rows]


def _received(db: Db, limit: int) -> list[_Entry]:
    rows = db.execute(
        "SELECT created, key, account, sender FROM incoming WHERE key > (SELECT upto FROM filed WHERE side = 2)"
        " ORDER BY key LIMIT ?",
        (limit,),
    )
    return [_Entry(created, Side.MO, key, account, sender.lower()) for created, key, account, sender in rows]


def _last(db: Db, account: str, participant: str, side: int) -> int:
    (last,) = db.execute(f"SELECT MAX(ordinal) FROM conversation WHERE {_OF}", (account, participant, side)).fetchone()
    return last or 0


def conversation(
    db: Db, account: str, participant: str, side: Side, page: Page
) -> tuple[tuple[Outgoing | Incoming, ...], int]:
    """A page of what was said, in its order, and how much was said."""
    of = (account, participant.lower(), int(side))
    total = _last(db, *of)
    rows = db.execute(
        f"SELECT outgoing, key FROM conversation WHERE {_OF} AND ordinal BETWEEN ? AND ?"
        f" ORDER BY ordinal {'DESC' if page.descending else 'ASC'}",
        (*of, *span(1, total, page)),
    ).fetchall()
    found = [_outgoing(db, key) if outgoing else incoming.by_key(db, key) for outgoing, key in rows]
    return tuple([entry for entry in found if entry is not None]), total


def summary(db: Db, account: str, participant: str, side: Side) -> Conversation:
    """How much was said on a side, and when."""
    of = (account, participant.lower(), int(side))
    ends = [
        db.execute(f"SELECT created FROM conversation WHERE {_OF} ORDER BY ordinal {order} LIMIT 1", of).fetchone()
        for order in ("ASC", "DESC")
    ]
    first, latest = (None if row is None else row[0] for row in ends)
    return Conversation(_last(db, *of), first, latest)


def _outgoing(db: Db, number: int) -> Outgoing | None:
    row = db.execute(f"SELECT {MESSAGE} FROM message WHERE number = ?", (number,)).fetchone()
    owner = db.execute(f"SELECT {BATCH} FROM batch WHERE key <= ? ORDER BY key DESC LIMIT 1", (number,)).fetchone()
    return None if row is None or owner is None else Outgoing(batch_of(owner), message_of(row))
