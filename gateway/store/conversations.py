"""Conversations: an index by participant, filled behind the accept path."""

from collections.abc import Sequence
from heapq import merge
from itertools import accumulate
from typing import NamedTuple

from gateway.model import Conversation, Incoming, Outgoing, Page, Side
from gateway.store import incoming, queries
from gateway.store.db import Db
from gateway.store.rows import BATCH, MESSAGE, batch_of, message_of

_OF = "account = ? AND participant = ? AND side = ?"


class _Entry(NamedTuple):
    """The order of its fields is the order in which things were said: in the same moment, the question first."""

    created: int
    side: Side
    key: int
    participant: str


def unfiled(db: Db) -> list[str]:
    """The accounts that have messages which are not filed: each account is looked at in this one statement."""
    rows = db.execute(
        f"WITH RECURSIVE {_each('batch')}, {_each('incoming')}"
        " SELECT of_batch.account FROM of_batch LEFT JOIN filed ON filed.account = of_batch.account WHERE EXISTS ("
        "SELECT 1 FROM batch WHERE batch.account = of_batch.account AND batch.ordinal >= COALESCE(filed.ordinal, 0)"
        " AND (batch.ordinal > COALESCE(filed.ordinal, 0) OR batch.key + batch.size - 1 > filed.number))"
        " UNION SELECT of_incoming.account FROM of_incoming LEFT JOIN filed ON filed.account = of_incoming.account"
        " WHERE EXISTS (SELECT 1 FROM incoming WHERE incoming.account = of_incoming.account"
        " AND incoming.key > COALESCE(filed.incoming, 0))"
    )
    return sorted(account for (account,) in rows)


def _each(table: str) -> str:
    """The accounts that a table names, found by a look at each of them and not at each row."""
    following = f"SELECT MIN(account) FROM {table} WHERE {table}.account > of_{table}.account"
    return (
        f"of_{table}(account) AS (SELECT MIN(account) FROM {table}"
        f" UNION ALL SELECT ({following}) FROM of_{table} WHERE of_{table}.account IS NOT NULL)"
    )


def file(db: Db, limit: int, accounts: Sequence[str]) -> int:
    """File the next messages of these accounts, as many of each: of each side at most `limit` in all, or one of each.

    Returns how many there were: 0 where all are filed.
    """
    return sum(_file(db, account, max(1, limit // len(accounts))) for account in accounts)


def _file(db: Db, account: str, limit: int) -> int:
    row = db.execute("SELECT ordinal, number, incoming FROM filed WHERE account = ?", (account,)).fetchone()
    ordinal, number, incoming_key = row or (0, 0, 0)
    sent = _sent(db, account, ordinal, number, limit)
    sides = _in_order([entry for _, entry in sent]), _in_order(_received(db, account, incoming_key, limit))
    # Where there is more to come, nothing that was said later may be filed yet.
    until = min((side[-1].created for side in sides if len(side) == limit), default=None)
    entries = [entry for entry in merge(*sides) if until is None or entry.created <= until]
    if not entries:
        return 0
    last: dict[tuple[str, int], int] = {}
    rows = []
    for entry in entries:
        for side in (Side.BOTH, entry.side):
            of = (entry.participant, int(side))
            last[of] = 1 + (last[of] if of in last else _last(db, account, *of))
            rows.append((account, *of, last[of], entry.created, int(entry.side is Side.MT), entry.key))
    db.executemany("INSERT INTO conversation VALUES (?,?,?,?,?,?,?)", rows)
    upto = {entry.side: entry.key for entry in entries}
    if Side.MT in upto:
        number = upto[Side.MT]
        ordinal = next(ordinal for ordinal, entry in sent if entry.key == number)
    db.execute(
        "INSERT INTO filed VALUES (?,?,?,?) ON CONFLICT (account)"
        " DO UPDATE SET ordinal = excluded.ordinal, number = excluded.number, incoming = excluded.incoming",
        (account, ordinal, number, upto.get(Side.MO, incoming_key)),
    )
    return len(entries)


def _in_order(entries: list[_Entry]) -> list[_Entry]:
    """With times that never go back, for the clock may have: what has the higher key was said later."""
    times = accumulate((entry.created for entry in entries), max)
    return [entry._replace(created=created) for entry, created in zip(entries, times, strict=True)]


def _sent(db: Db, account: str, ordinal: int, number: int, limit: int) -> list[tuple[int, _Entry]]:
    """The messages that follow the one of this number in the batch of this ordinal; each with its batch's ordinal.

    Batches are in the order in which they were stored, which is that of their ordinals: several gateways give out
    numbers of their own.
    """
    batches = db.execute(
        "SELECT ordinal, key, size, created FROM batch WHERE account = ? AND ordinal >= ? ORDER BY ordinal LIMIT ?",
        (account, ordinal, limit + 1),
    ).fetchall()
    found: list[tuple[int, _Entry]] = []
    for of, key, size, created in batches:
        rows = db.execute(
            "SELECT number, recipient FROM message WHERE number BETWEEN ? AND ? ORDER BY number LIMIT ?",
            (number + 1 if of == ordinal else key, key + size - 1, limit - len(found)),
        )
        found += [(of, _Entry(created, Side.MT, message, recipient.lower())) for message, recipient in rows]
        if len(found) == limit:
            break
    return found


def _received(db: Db, account: str, after: int, limit: int) -> list[_Entry]:
    rows = db.execute(
        "SELECT created, key, sender FROM incoming WHERE account = ? AND key > ? ORDER BY key LIMIT ?",
        (account, after, limit),
    )
    return [_Entry(created, Side.MO, key, sender.lower()) for created, key, sender in rows]


def _last(db: Db, account: str, participant: str, side: int) -> int:
    (last,) = db.execute(f"SELECT MAX(ordinal) FROM conversation WHERE {_OF}", (account, participant, side)).fetchone()
    return last or 0


def _ends(db: Db, account: str, participant: str, side: int) -> tuple[int, int]:
    """The first and the last number of a side, of which the oldest may have been removed; (1, 0) for none."""
    first, last = db.execute(
        f"SELECT (SELECT MIN(ordinal) FROM conversation WHERE {_OF}),"
        f" (SELECT MAX(ordinal) FROM conversation WHERE {_OF})",
        (account, participant, side) * 2,
    ).fetchone()
    return first or 1, last or 0


def conversation(
    db: Db, account: str, participant: str, side: Side, page: Page
) -> tuple[tuple[Outgoing | Incoming, ...], int]:
    """A page of what was said, in its order, and how much was said."""
    of = (account, participant.lower(), int(side))
    first, last = _ends(db, *of)
    rows = db.execute(
        f"SELECT outgoing, key FROM conversation WHERE {_OF} AND ordinal BETWEEN ? AND ?"
        f" ORDER BY ordinal {'DESC' if page.descending else 'ASC'}",
        (*of, *queries.span(first, last, page)),
    ).fetchall()
    found = [_outgoing(db, key) if outgoing else incoming.by_key(db, key) for outgoing, key in rows]
    return tuple([entry for entry in found if entry is not None]), last - first + 1


def summary(db: Db, account: str, participant: str, side: Side) -> Conversation:
    """How much was said on a side, and when."""
    of = (account, participant.lower(), int(side))
    ends = [
        db.execute(f"SELECT created FROM conversation WHERE {_OF} ORDER BY ordinal {order} LIMIT 1", of).fetchone()
        for order in ("ASC", "DESC")
    ]
    first, latest = (None if row is None else row[0] for row in ends)
    lowest, highest = _ends(db, *of)
    return Conversation(highest - lowest + 1, first, latest)


def _outgoing(db: Db, number: int) -> Outgoing | None:
    row = db.execute(f"SELECT {MESSAGE} FROM message WHERE number = ?", (number,)).fetchone()
    owner = db.execute(f"SELECT {BATCH} FROM batch WHERE key <= ? ORDER BY key DESC LIMIT 1", (number,)).fetchone()
    return None if row is None or owner is None else Outgoing(batch_of(owner), message_of(row))
