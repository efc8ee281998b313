"""What the SQLite store asks and changes; each function runs inside a transaction or on the reading connection."""

import math
import sqlite3
from collections.abc import Sequence
from decimal import Decimal

from gateway.lifecycle import is_quiet, may_follow
from gateway.model import Batch, Dispatch, DispatchState, Message, StatusEntry, Tally
from gateway.ports import Callback, Settlement, Transition
from gateway.status import Status
from gateway.store.rows import BATCH, ENTRY, MESSAGE, batch_of, entry_of, message_of, plan_from_json

READY, SENDING, WAITING, POLLING = (DispatchState(state).value for state in range(4))
SENT = DispatchState.SENT.value
FAILED = DispatchState.FAILED.value
UNKNOWN = DispatchState.UNKNOWN.value
HELD = DispatchState.HELD.value

_DISPATCH = "key, batch, upstream, route, state, attempts, run_at, sent_at, upstream_ref, plan"


def highest(db: sqlite3.Connection) -> int:
    """The highest message number given out, 0 for none."""
    (number,) = db.execute("SELECT COALESCE(MAX(number), 0) FROM message").fetchone()
    return int(number)


def abandon(db: sqlite3.Connection) -> None:
    """Let every lease run out at once."""
    db.execute("UPDATE dispatch SET run_at = 0 WHERE state <= 3 AND state IN (?, ?)", (SENDING, POLLING))


def lease(
    db: sqlite3.Connection, upstream: str, limit: int, now: int, until: int, messages: int | None
) -> list[Dispatch]:
    """Claim what is due, oldest first. What a report shows to have left is not sent again, whatever was answered."""
    rows = db.execute(
        f"SELECT {_DISPATCH} FROM dispatch WHERE upstream = ? AND run_at <= ? AND state <= 3 AND state IN (?, ?)"
        " ORDER BY run_at LIMIT ?",
        (upstream, now, READY, WAITING, limit),
    ).fetchall()
    become = {READY: SENDING, WAITING: POLLING}
    leased: list[Dispatch] = []
    left = math.inf if messages is None else messages
    for row in rows:
        if left <= 0:
            break
        dispatch = _dispatch(db, (*row[:4], become[row[4]], *row[5:]))
        if dispatch.state is DispatchState.SENDING:
            if _has_left(dispatch):
                db.execute("UPDATE dispatch SET state = ? WHERE key = ?", (SENT, dispatch.key))
                continue
            left -= len(dispatch.messages)
        leased.append(dispatch)
    db.executemany(
        "UPDATE dispatch SET state = ?, run_at = ? WHERE key = ?",
        [(dispatch.state.value, until, dispatch.key) for dispatch in leased],
    )
    return leased


def _dispatch(
    db: sqlite3.Connection, row: tuple[int, int, str, str, int, int, int, int | None, str | None, str | None]
) -> Dispatch:
    key, batch_key, upstream, route, state, attempts, run_at, sent_at, upstream_ref, plan = row
    found = batch(db, batch_key)
    if found is None:
        raise LookupError(f"dispatch {key} has lost its batch")
    rows = db.execute(
        f"SELECT {MESSAGE} FROM message WHERE number BETWEEN ? AND ? AND dispatch = ? ORDER BY number",
        (key, batch_key + found.size - 1, key),
    )
    return Dispatch(
        key=key,
        batch=found,
        upstream=upstream,
        route=route,
        state=DispatchState(state),
        attempts=attempts,
        run_at=run_at,
        sent_at=sent_at,
        upstream_ref=upstream_ref,
        messages=tuple(message_of(message) for message in rows),
        plan=plan_from_json(plan),
    )


def settle(db: sqlite3.Connection, end: Settlement) -> list[Transition]:
    """Write how an attempt ended; an answer that comes after its lease ran out still counts."""
    db.execute(
        "UPDATE dispatch SET state = ?, run_at = ?, attempts = ?, sent_at = COALESCE(?, sent_at),"
        " upstream_ref = COALESCE(?, upstream_ref), upstream = COALESCE(?, upstream),"
        " plan = CASE WHEN ? IS NULL THEN plan ELSE json_remove(plan, '$.fallback[0]') END"
        " WHERE key = ? AND state IN (?, ?, ?)",
        (
            end.state.value,
            end.run_at,
            end.attempts,
            end.sent_at,
            end.upstream_ref,
            end.onward,
            end.onward,
            end.dispatch,
            SENDING,
            POLLING,
            UNKNOWN,
        ),
    )
    return record(db, end.transitions)


def _has_left(dispatch: Dispatch) -> bool:
    """Whether the upstream has spoken of any of its messages, which leave together."""
    return not all(is_quiet(message.status) for message in dispatch.messages)


def record(db: sqlite3.Connection, transitions: Sequence[Transition]) -> list[Transition]:
    """Append each status that may follow its message's present one."""
    return [transition for transition in transitions if _advance(db, transition)]


def _advance(db: sqlite3.Connection, transition: Transition) -> bool:
    number, entry = transition.number, transition.entry
    row = db.execute("SELECT code FROM message WHERE number = ?", (number,)).fetchone()
    if row is None:
        return False
    current = Status.of(row[0])
    if not may_follow(current, entry.status) or (transition.doubt and not is_quiet(current)):
        return False
    (step,) = db.execute("SELECT COALESCE(MAX(step), 0) + 1 FROM status WHERE number = ?", (number,)).fetchone()
    db.execute(
        "INSERT INTO status VALUES (?,?,?,?,?,?,?)",
        (number, step, entry.status.value, entry.created, entry.raw_code, entry.raw_text, entry.upstream),
    )
    db.execute(
        "UPDATE message SET code = ?, modified = ?, price = COALESCE(?, price), currency = COALESCE(?, currency)"
        " WHERE number = ?",
        (entry.status.value, entry.created, transition.price, transition.currency, number),
    )
    (url,) = db.execute("SELECT report_url FROM batch WHERE key <= ? ORDER BY key DESC LIMIT 1", (number,)).fetchone()
    if url is not None:
        # Due at once, whatever the upstream's clock says: `created` may lie in our future.
        db.execute("INSERT INTO callback (number, step, attempts, run_at) VALUES (?,?,0,0)", (number, step))
    return True


def cancel(db: sqlite3.Connection, of: Batch, now: int) -> list[Transition]:
    """Fail what is READY or HELD: it waits for its first attempt, or for another one after one that never left.

    A lease is a transaction of the same writer, so it comes wholly before this one or finds nothing.
    """
    rows = db.execute(
        "SELECT message.number, message.code, dispatch.key, dispatch.upstream"
        " FROM message JOIN dispatch ON dispatch.key = message.dispatch"
        " WHERE message.number BETWEEN ? AND ? AND dispatch.state IN (?, ?) ORDER BY message.number",
        (of.key, of.key + of.size - 1, READY, HELD),
    ).fetchall()
    # The messages of a dispatch leave together: what is known of one is true of all.
    left = {dispatch for _, code, dispatch, _ in rows if not is_quiet(Status.of(code))}
    waiting = [(number, dispatch, upstream) for number, _, dispatch, upstream in rows if dispatch not in left]
    db.executemany(
        "UPDATE dispatch SET state = ?, run_at = ? WHERE key = ?",
        [(FAILED, now, dispatch) for dispatch in {dispatch for _, dispatch, _ in waiting}],
    )
    return record(
        db,
        [
            Transition(number, StatusEntry(status=Status.CANCELED, created=now, upstream=upstream), doubt=True)
            for number, _, upstream in waiting
        ],
    )


def reclaim(db: sqlite3.Connection, now: int) -> list[Dispatch]:
    """End leases that ran out; what was being sent may have left, so its messages become Unknown."""
    db.execute("UPDATE dispatch SET state = ? WHERE state <= 3 AND state = ? AND run_at <= ?", (WAITING, POLLING, now))
    rows = db.execute(
        f"SELECT {_DISPATCH} FROM dispatch WHERE state <= 3 AND state = ? AND run_at <= ?",
        (SENDING, now),
    ).fetchall()
    lost = [_dispatch(db, row) for row in rows]
    for dispatch in lost:
        db.execute("UPDATE dispatch SET state = ? WHERE key = ?", (UNKNOWN, dispatch.key))
        words = "The gateway stopped while this was being sent"
        entry = StatusEntry(status=Status.UNKNOWN, created=now, raw_text=words, upstream=dispatch.upstream)
        record(db, [Transition(message.number, entry, doubt=True) for message in dispatch.messages])
    return lost


def next_due(db: sqlite3.Connection, upstream: str) -> int | None:
    """The earliest `run_at` of an upstream's unfinished dispatches."""
    (due,) = db.execute("SELECT MIN(run_at) FROM dispatch WHERE upstream = ? AND state <= 3", (upstream,)).fetchone()
    return None if due is None else int(due)


def resolve(db: sqlite3.Connection, dispatch: int, recipient: str) -> tuple[str, int] | None:
    """The upstream of a dispatch and the number of its message to a recipient."""
    row = db.execute(
        "SELECT dispatch.upstream, message.number FROM dispatch JOIN batch ON batch.key = dispatch.batch"
        " JOIN message ON message.number BETWEEN dispatch.key AND batch.key + batch.size - 1"
        " AND message.dispatch = dispatch.key WHERE dispatch.key = ? AND message.recipient = ?",
        (dispatch, recipient),
    ).fetchone()
    return None if row is None else (row[0], row[1])


def dispatch_of(db: sqlite3.Connection, number: int) -> Dispatch | None:
    """The dispatch that carries a message."""
    row = db.execute(
        f"SELECT {_DISPATCH} FROM dispatch WHERE key = (SELECT dispatch FROM message WHERE number = ?)", (number,)
    ).fetchone()
    return None if row is None else _dispatch(db, row)


def batch(db: sqlite3.Connection, key: int) -> Batch | None:
    """A batch by its key."""
    row = db.execute(f"SELECT {BATCH} FROM batch WHERE key = ?", (key,)).fetchone()
    return None if row is None else batch_of(row)


def tallies(db: sqlite3.Connection, of: Batch) -> tuple[Tally, ...]:
    """Messages, segments and known prices per status."""
    found: dict[Status, Tally] = {}
    for code, price, currency, count, segments in db.execute(
        "SELECT code, price, currency, COUNT(*), SUM(segments) FROM message WHERE number BETWEEN ? AND ?"
        " GROUP BY code, price, currency ORDER BY code",
        (of.key, of.key + of.size - 1),
    ):
        status = Status.of(code)
        so_far = found.get(status, Tally(status, 0, 0))
        found[status] = Tally(
            status,
            so_far.messages + count,
            so_far.segments + segments,
            so_far.price + count * Decimal(price or 0),
            currency or so_far.currency,
        )
    return tuple(found.values())


def messages(db: sqlite3.Connection, of: Batch, start: int, limit: int, *, descending: bool) -> tuple[Message, ...]:
    """A page by number: the numbers of a batch are dense, so no row is skipped over."""
    low, high = of.key + start, of.key + of.size - 1
    if descending:
        low, high = of.key, high - start
    rows = db.execute(
        f"SELECT {MESSAGE} FROM message WHERE number BETWEEN ? AND ?"
        f" ORDER BY number {'DESC' if descending else 'ASC'} LIMIT ?",
        (low, high, limit),
    )
    return tuple(message_of(row) for row in rows)


def message(db: sqlite3.Connection, number: int) -> tuple[Batch, Message, tuple[StatusEntry, ...]] | None:
    """A message, its batch and its whole history."""
    row = db.execute(f"SELECT {MESSAGE} FROM message WHERE number = ?", (number,)).fetchone()
    owner = db.execute(f"SELECT {BATCH} FROM batch WHERE key <= ? ORDER BY key DESC LIMIT 1", (number,)).fetchone()
    if row is None or owner is None:
        return None
    of = batch_of(owner)
    steps = db.execute(f"SELECT {ENTRY} FROM status WHERE number = ? ORDER BY step", (number,))
    return of, message_of(row), (StatusEntry(status=Status.ACCEPTED, created=of.created), *map(entry_of, steps))


def lease_callbacks(db: sqlite3.Connection, limit: int, now: int, until: int) -> list[Callback]:
    """Claim delivery reports that are due; counting the attempt first, so that a crash cannot repeat it for ever."""
    rows = db.execute(
        "SELECT key, number, step, attempts FROM callback WHERE run_at <= ? ORDER BY run_at, key LIMIT ?", (now, limit)
    ).fetchall()
    db.executemany(
        "UPDATE callback SET run_at = ?, attempts = attempts + 1 WHERE key = ?", [(until, row[0]) for row in rows]
    )
    return [_callback(db, *row) for row in rows]


def _callback(db: sqlite3.Connection, key: int, number: int, step: int, attempts: int) -> Callback:
    found = message(db, number)
    if found is None:
        raise LookupError(f"callback {key} has lost its message")
    of, msg, history = found
    return Callback(
        key=key, url=of.content.report_url or "", attempts=attempts + 1, batch=of, message=msg, entry=history[step]
    )


def settle_callback(db: sqlite3.Connection, key: int, run_at: int | None) -> None:
    """Send it again at `run_at`, or forget it."""
    if run_at is None:
        db.execute("DELETE FROM callback WHERE key = ?", (key,))
    else:
        db.execute("UPDATE callback SET run_at = ? WHERE key = ?", (run_at, key))


def next_callback(db: sqlite3.Connection) -> int | None:
    """When the next delivery report is due."""
    (due,) = db.execute("SELECT MIN(run_at) FROM callback").fetchone()
    return None if due is None else int(due)


def depths(db: sqlite3.Connection) -> dict[tuple[str, DispatchState], int]:
    """Unfinished dispatches by upstream and state."""
    rows = db.execute("SELECT upstream, state, COUNT(*) FROM dispatch WHERE state <= 3 GROUP BY upstream, state")
    return {(upstream, DispatchState(state)): count for upstream, state, count in rows}


def touch(db: sqlite3.Connection) -> None:
    """Write the schema's version over itself: a page goes to the disk, nothing changes."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    db.execute(f"PRAGMA user_version = {int(version)}")
