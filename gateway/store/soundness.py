"""Whether a store agrees with itself: looked through piece by piece, each as it stands at one moment, beside gateways.

A batch is stored in one transaction and changed in others, so each piece can be judged by itself; nothing here needs
more memory, or a longer transaction, because more is stored.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import NamedTuple, Self

from gateway.ids import HIGHEST
from gateway.model import DispatchState
from gateway.status import Status
from gateway.store import queries
from gateway.store.db import Db

PIECE = 5_000
"""Messages, about, that are looked at in one transaction."""
LONG = 10 * 60 * 1000
"""Milliseconds after which what a gateway does every few seconds should have been done."""
_ENDED = {DispatchState.SENT.value, DispatchState.FAILED.value, DispatchState.UNKNOWN.value}
_LEASED = {DispatchState.SENDING.value, DispatchState.POLLING.value}
_STANDS = {DispatchState.READY.value, DispatchState.HELD.value}


class Fault(Enum):
    """What can be wrong: its name, what it says of a row, and what a repair does; None where nothing can be proven."""

    told: str
    repair: str | None

    def __new__(cls, name: str, told: str, repair: str | None) -> Self:
        """Build one row."""
        row = object.__new__(cls)
        row._value_, row.told, row.repair = name, told, repair
        return row

    BATCH_INCOMPLETE = "batch-incomplete", "the batch lacks messages that were accepted", None
    MESSAGE_ALONE = "message-without-batch", "no batch tells whose message it is, and what it says", None
    NOT_CARRIED = "message-without-dispatch", "nothing carries the message, which has not ended", "told as unknown"
    ENDED_UNTOLD = "dispatch-ended-untold", "the dispatch has ended, and its message was never told", "told as unknown"
    HISTORY_DIFFERS = "status-differs", "the message's status is not the last of its history", "made to agree"
    DISPATCH_EMPTY = "dispatch-without-message", "the dispatch carries no message", "deleted"
    DISPATCH_ALONE = "dispatch-without-batch", "the dispatch has no batch, so it cannot be sent", "deleted"
    DISPATCH_OVER = "dispatch-of-the-ended", "all its messages have ended, and it still waits", "ended"
    LEASE_OVER = "lease-ended", "its lease ended long ago; a gateway that runs looks after that", None
    SEALED_ALONE = "secret-without-batch", "a sealed secret outlived its batch", "deleted"
    POST_ALONE = "post-without-cause", "what the caller is to be told of is gone", "deleted"
    TALK_ALONE = "conversation-without-message", "the conversation names what is gone", "the account's filed anew"
    FILED_AHEAD = "conversation-ahead", "conversations are filed further than there are batches", "filed anew"
    NUMBER_AGAIN = "number-given-again", "a number that is in use would be given out again", "the floor raised"


class Finding(NamedTuple):
    """One thing that is wrong: the key of its row, and of an account its name."""

    fault: Fault
    key: int
    account: str = ""


class Piece(NamedTuple):
    """What was found up to a number, and what is there: accepted by account, and messages by account and status."""

    upto: int
    accepted: Counter[str]
    statuses: Counter[tuple[str, int]]
    findings: list[Finding]


class _Batch(NamedTuple):
    key: int
    size: int
    account: str


class _Dispatch(NamedTuple):
    batch: int
    state: int
    run_at: int


def end_of_piece(db: Db, after: int) -> int:
    """The last number of the next piece: a batch is never cut in two, and the last piece takes all that is left."""
    messages = last = 0
    for key, size in db.execute("SELECT key, size FROM batch WHERE key > ? ORDER BY key LIMIT ?", (after, PIECE)):
        if messages and messages + size > PIECE:
            return last
        messages += size
        last = key + size - 1
    return last if messages >= PIECE else HIGHEST


def piece(db: Db, after: int, upto: int, now: int) -> Piece:
    """Look at the messages with these numbers, and at what belongs to them."""
    bounds = (after + 1, upto)
    batches = [
        _Batch(*row)
        for row in db.execute("SELECT key, size, account FROM batch WHERE key BETWEEN ? AND ? ORDER BY key", bounds)
    ]
    dispatches = {
        key: _Dispatch(*row)
        for key, *row in db.execute("SELECT key, batch, state, run_at FROM dispatch WHERE key BETWEEN ? AND ?", bounds)
    }
    last = dict(
        db.execute(
            "SELECT number, code FROM status WHERE number BETWEEN ? AND ? ORDER BY number, step", bounds
        ).fetchall()
    )
    messages = db.execute(
        "SELECT number, dispatch, code FROM message WHERE number BETWEEN ? AND ? ORDER BY number", bounds
    ).fetchall()
    statuses: Counter[tuple[str, int]] = Counter()
    findings = list(_of_messages(messages, batches, dispatches, last, statuses))
    findings += _of_dispatches(messages, batches, dispatches, now)
    accepted: Counter[str] = Counter()
    for batch in batches:
        accepted[batch.account] += batch.size
    return Piece(upto, accepted, statuses, findings)


def _of_messages(
    messages: Iterable[tuple[int, int, int]],
    batches: list[_Batch],
    dispatches: dict[int, _Dispatch],
    last: dict[int, int],
    statuses: Counter[tuple[str, int]],
) -> Iterator[Finding]:
    keys = [batch.key for batch in batches]
    there: Counter[int] = Counter()
    for number, dispatch, code in messages:
        at = bisect_right(keys, number) - 1
        if at < 0 or number >= keys[at] + batches[at].size:
            yield Finding(Fault.MESSAGE_ALONE, number)
            continue
        there[at] += 1
        statuses[batches[at].account, code] += 1
        if dispatch not in dispatches and not Status.of(code).final and code != Status.UNKNOWN.value:
            yield Finding(Fault.NOT_CARRIED, number)
        if last.get(number, Status.ACCEPTED.value) != code:
            yield Finding(Fault.HISTORY_DIFFERS, number)
    for at, batch in enumerate(batches):
        if there[at] != batch.size:
            yield Finding(Fault.BATCH_INCOMPLETE, batch.key, batch.account)


def _of_dispatches(
    messages: Iterable[tuple[int, int, int]], batches: list[_Batch], dispatches: dict[int, _Dispatch], now: int
) -> Iterator[Finding]:
    carried: dict[int, list[tuple[int, int]]] = {key: [] for key in dispatches}
    for number, dispatch, code in messages:
        carried.get(dispatch, []).append((number, code))
    known = {batch.key for batch in batches}
    for key, (batch, state, run_at) in dispatches.items():
        if batch not in known:
            yield Finding(Fault.DISPATCH_ALONE, key)
        elif not carried[key]:
            yield Finding(Fault.DISPATCH_EMPTY, key)
        elif state in _LEASED and run_at < now - LONG:
            yield Finding(Fault.LEASE_OVER, key)
        elif state in _STANDS and run_at < now - LONG and all(Status.of(code).final for _, code in carried[key]):
            yield Finding(Fault.DISPATCH_OVER, key)
        elif state in _ENDED:
            untold = [number for number, code in carried[key] if code == Status.ACCEPTED.value]
            # One that an upstream spoke of shows that all of them have left: then the others are waited for.
            if state != DispatchState.SENT or len(untold) == len(carried[key]):
                yield from (Finding(Fault.ENDED_UNTOLD, number) for number in untold)


def of_the_whole(db: Db, *, shared: bool) -> list[Finding]:
    """What a glance shows: numbers that would be given out again, secrets left behind, conversations too far on.

    Gateways that share a store have taken what lies below its floor; one alone goes on behind its last message.
    """
    row = db.execute("SELECT key + size - 1 FROM batch ORDER BY key DESC LIMIT 1").fetchone()
    (message,) = db.execute("SELECT COALESCE(MAX(number), 0) FROM message").fetchone()
    used, given = max(row[0] if row else 0, message), queries.highest(db)
    if shared:
        (given,) = db.execute("SELECT number FROM floor").fetchone()
    found = [Finding(Fault.NUMBER_AGAIN, used)] if used > given else []
    for table in ("credential", "hidden"):
        rows = db.execute(
            f"SELECT batch FROM {table} WHERE NOT EXISTS (SELECT 1 FROM batch WHERE batch.key = {table}.batch)"
        )
        found += [Finding(Fault.SEALED_ALONE, batch) for (batch,) in rows]
    rows = db.execute(
        # Where an account has no batch, all of them were old and are removed; the next one's number is behind them.
        "SELECT account, ordinal FROM filed WHERE ordinal >"
        " (SELECT MAX(batch.ordinal) FROM batch WHERE batch.account = filed.account)"
    )
    return found + [Finding(Fault.FILED_AHEAD, ordinal, account) for account, ordinal in rows]


def posts(db: Db, after: int) -> tuple[list[Finding], int | None]:
    """The next posts of the outbox that have lost their cause, and where to go on; None at the end."""
    rows = db.execute(
        "SELECT key, CASE WHEN incoming IS NULL"
        " THEN EXISTS (SELECT 1 FROM message WHERE message.number = callback.number) AND (callback.step = 0 OR EXISTS"
        " (SELECT 1 FROM status WHERE status.number = callback.number AND status.step = callback.step))"
        " ELSE EXISTS (SELECT 1 FROM incoming WHERE incoming.key = callback.incoming) END"
        " FROM callback WHERE key > ? ORDER BY key LIMIT ?",
        (after, PIECE),
    ).fetchall()
    return [Finding(Fault.POST_ALONE, key) for key, sound in rows if not sound], rows[-1][0] if rows else None


Place = tuple[str, str, int, int]
"""Where a conversation's entry stands: account, participant, side and ordinal."""
START: Place = ("", "", -1, -1)


def talk(db: Db, after: Place) -> tuple[list[Finding], Place | None]:
    """The accounts whose next filed entries name what is gone, and where to go on; None at the end."""
    rows = db.execute(
        "SELECT account, participant, side, ordinal, key, CASE WHEN outgoing = 1"
        " THEN EXISTS (SELECT 1 FROM message WHERE message.number = conversation.key)"
        " ELSE EXISTS (SELECT 1 FROM incoming WHERE incoming.key = conversation.key) END"
        " FROM conversation WHERE (account, participant, side, ordinal) > (?, ?, ?, ?)"
        " ORDER BY account, participant, side, ordinal LIMIT ?",
        (*after, PIECE),
    ).fetchall()
    lost = [Finding(Fault.TALK_ALONE, key, account) for account, _, _, _, key, sound in rows if not sound]
    return lost, tuple(rows[-1][:4]) if rows else None
