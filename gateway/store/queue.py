"""The dispatches in SQLite: claimed, ended, shared out between callers, listed and moved by operations."""

import itertools
import math
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from gateway.lifecycle import is_quiet
from gateway.model import Batch, Dispatch, DispatchState, Priority, StatusEntry
from gateway.ports import Depth, Pause, Selection, Settlement, Sharing, Transition
from gateway.status import Status
from gateway.store import leading, statuses
from gateway.store.db import Db, Update
from gateway.store.dispatches import DISPATCH, loaded

READY, SENDING, WAITING, POLLING = (DispatchState(state).value for state in range(4))
SENT = DispatchState.SENT.value
FAILED = DispatchState.FAILED.value
UNKNOWN = DispatchState.UNKNOWN.value
HELD = DispatchState.HELD.value

_CLAIMED = {READY: SENDING, WAITING: POLLING}
"""What is due, and what it becomes."""

_LEFT = (DispatchState.SENT, DispatchState.FAILED, DispatchState.WAITING)
"""The ends of an attempt after which no text is needed any more."""

_ERASED = {"credential": f"{SENT}, {FAILED}", "hidden": f"{SENT}, {FAILED}, {WAITING}, {POLLING}"}
"""What is sealed, by its table, and the states in which a dispatch has no use for it any more."""

_OF_QUEUE = "upstream = ? AND likely(state <= 3) AND state = ? AND priority = ? AND caller = ?"
"""One queue in the index. Without `likely`, SQLite takes `state <= 3` for the narrowest term and walks through all."""

_TURNS = {Priority.NORMAL.value: 1, Priority.HIGH.value: 4}
"""How often a caller's messages of a priority have their turn."""


def abandon(db: Db, of: str | None = None) -> None:
    """Let every lease run out at once, or every one of an upstream."""
    for upstream in _upstreams(db) if of is None else [of]:
        for queue in _queues(db, upstream, (SENDING, POLLING)):
            db.execute(f"UPDATE dispatch SET run_at = 0 WHERE {_OF_QUEUE}", (upstream, *queue))


def _upstreams(db: Db) -> list[str]:
    """The upstreams that have anything to do, found by a look at each of them and not at each dispatch."""
    found: list[str] = []
    following = "SELECT upstream FROM dispatch WHERE upstream > ? AND state <= 3 ORDER BY upstream LIMIT 1"
    while row := db.execute(following, (found[-1] if found else "",)).fetchone():
        found.append(row[0])
    return found


def _queues(db: Db, upstream: str, states: Sequence[int] = (READY, WAITING)) -> list[tuple[int, int, str]]:
    """(state, priority, caller) of all that an upstream has to do in these states, found by a look at each of them."""
    following = (
        "SELECT caller FROM dispatch WHERE upstream = ? AND state <= 3 AND state = ? AND priority = ? AND caller > ?"
        " ORDER BY caller LIMIT 1"
    )
    found: list[tuple[int, int, str]] = []
    for state, priority in itertools.product(states, _TURNS):
        caller = ""
        while row := db.execute(following, (upstream, state, priority, caller)).fetchone():
            (caller,) = row
            found.append((state, priority, caller))
    return found


def lease(  # noqa: PLR0913, PLR0917 - what the port is told, and the connection
    db: Db,
    upstream: str,
    limit: int,
    now: int,
    until: int,
    messages: int | None = None,
    turn: int = 0,
    sharing: Sharing | None = None,
) -> list[Dispatch]:
    """Claim what is due. What a report shows to have left is not sent again, whatever was answered."""
    closed: set[int] = set()
    most = leading.most_at_once(limit, sharing)
    claims = _Claims(db, _in_turn(db, upstream, now, most, turn, closed), closed, until, messages)
    full = claims.fill(limit)
    leased, leaders = claims.claimed, leading.NOBODY
    if sharing is not None and full:
        leased, leaders = leading.shared(leased, claims.fill, limit, now, sharing)
    db.execute_for("UPDATE dispatch SET state = ? WHERE key", claims.gone, (SENT,))
    _erase(db, claims.gone)
    for state in _CLAIMED.values():
        keys = [dispatch.key for dispatch in leased if dispatch.state.value == state]
        db.execute_for("UPDATE dispatch SET state = ?, run_at = ? WHERE key", keys, (state, until))
    return leading.lead(db, leased, leaders)


class _Claims:
    """What is claimed of what is due, and what turned out to have left."""

    def __init__(
        self, db: Db, due: Iterator[tuple[Any, ...]], closed: set[int], until: int, messages: int | None
    ) -> None:
        self._db = db
        self._due = due
        self._closed = closed
        self._until = until
        self._left = math.inf if messages is None else messages
        self.claimed: list[Dispatch] = []
        self.gone: list[int] = []

    def fill(self, size: int) -> bool:
        """Claim until there are so many; whether there are."""
        while len(self.claimed) < size:
            if self._left <= 0:
                self._closed.add(READY)  # nothing more may be sent, but upstreams may be asked
            room = size - len(self.claimed)
            # Each carries a message at least, so no more are looked at than may leave.
            rows = list(itertools.islice(self._due, room if self._left <= 0 else int(min(room, self._left))))
            if not rows:
                return False
            rows = [(*row[:4], _CLAIMED[row[4]], row[5], self._until, *row[7:]) for row in rows]
            for dispatch in loaded(self._db, rows):
                self._claim(dispatch)
        return True

    def _claim(self, dispatch: Dispatch) -> None:
        if dispatch.state is DispatchState.POLLING:
            self.claimed.append(dispatch)
        elif _has_left(dispatch):
            self.gone.append(dispatch.key)
        elif self._left > 0:
            self.claimed.append(dispatch)
            self._left -= len(dispatch.messages)


def _in_turn(db: Db, upstream: str, now: int, limit: int, turn: int, closed: set[int]) -> Iterator[tuple[Any, ...]]:
    """What is due: of each caller and priority the oldest first, at most so many; one after the other of these in turn.

    A state that is added to `closed` meanwhile is left out from then on.
    """
    queues = {
        queue: db.execute(
            f"SELECT {DISPATCH} FROM dispatch WHERE {_OF_QUEUE} AND run_at <= ? ORDER BY run_at LIMIT ?",
            (upstream, *queue, now, limit),
        )
        for queue in _queues(db, upstream)
    }
    turns = [queue for queue in queues for _ in range(_TURNS[queue[1]])]
    first = turn % len(turns) if turns else 0
    turns = turns[first:] + turns[:first]
    while turns:
        ended = set()
        for queue in turns:
            if queue not in ended and queue[0] not in closed and (row := queues[queue].fetchone()) is not None:
                yield row
            else:
                ended.add(queue)
        turns = [queue for queue in turns if queue not in ended]


def _has_left(dispatch: Dispatch) -> bool:
    """Whether the upstream has spoken of any of its messages, which leave together."""
    return not all(is_quiet(message.status) for message in dispatch.messages)


_END = Update(
    "UPDATE dispatch SET state = :state, run_at = :run_at, attempts = :attempts,"
    " sent_at = COALESCE(:sent_at, dispatch.sent_at), upstream_ref = COALESCE(:upstream_ref, dispatch.upstream_ref),"
    " upstream = COALESCE(:onward, dispatch.upstream),"
    " began = CASE WHEN :onward IS NULL THEN COALESCE(dispatch.began, :began) END,"
    " plan = CASE WHEN :onward IS NULL THEN dispatch.plan ELSE json_remove(dispatch.plan, '$.fallback[0]') END",
    f"dispatch.key = :key AND dispatch.state IN ({SENDING}, {POLLING}, {UNKNOWN})"
    " AND COALESCE(:lease, dispatch.run_at) = dispatch.run_at",
    "key BIGINT, state BIGINT, run_at BIGINT, attempts BIGINT, sent_at BIGINT, upstream_ref TEXT, began BIGINT,"
    " onward TEXT, lease BIGINT",
)


def settle(db: Db, ends: Sequence[Settlement]) -> list[list[Transition]]:
    """Write how attempts ended; an answer that comes after its lease ran out still counts."""
    for some in _one_of_each(ends):
        db.update(
            _END,
            [
                (
                    end.dispatch,
                    end.state.value,
                    end.run_at,
                    end.attempts,
                    end.sent_at,
                    end.upstream_ref,
                    end.began,
                    end.onward,
                    end.lease,
                )
                for end in some
            ],
        )
    _erase(db, [end.dispatch for end in ends if end.state in _LEFT])
    return statuses.record_each(db, [end.transitions for end in ends])


def _one_of_each(ends: Sequence[Settlement]) -> Iterator[Sequence[Settlement]]:
    """The ends in rounds in which no dispatch comes twice; those of the same one in their order."""
    while ends:
        first = {end.dispatch: end for end in reversed(ends)}
        yield list(first.values())
        ends = [end for end in ends if first[end.dispatch] is not end]


def _erase(db: Db, dispatches: Sequence[int]) -> None:
    """Forget a caller's own credentials, and a text that holds a secret, once nothing is left to do with them."""
    for table, states in _ERASED.items():
        of = f"SELECT {table}.batch FROM dispatch JOIN {table} ON {table}.batch = dispatch.batch WHERE dispatch.key"
        db.executemany(
            f"DELETE FROM {table} WHERE batch = ? AND NOT EXISTS ("
            "SELECT 1 FROM batch JOIN dispatch AS other ON other.key BETWEEN batch.key AND batch.key + batch.size - 1"
            f" WHERE batch.key = {table}.batch AND other.state NOT IN ({states}))",
            sorted(set(db.execute_for(of, dispatches))),
        )


def cancel(db: Db, keys: Sequence[int], now: int) -> list[Transition]:
    """Fail what is READY or HELD: it waits for its first attempt, or for another one after one that never left.

    A lease is a transaction of the same writer, so it comes wholly before this one or finds nothing.
    """
    rows = db.execute_for(f"SELECT {DISPATCH} FROM dispatch WHERE state IN ({READY}, {HELD}) AND key", keys)
    # The messages of a dispatch leave together: what is known of one is true of all.
    quiet = [dispatch for dispatch in loaded(db, sorted(rows)) if not _has_left(dispatch)]
    left = [dispatch.key for dispatch in quiet]
    db.execute_for("UPDATE dispatch SET state = ?, run_at = ? WHERE key", left, (FAILED, now))
    _erase(db, left)
    canceled = [
        Transition(message.number, StatusEntry(Status.CANCELED, now, upstream=dispatch.upstream), doubt=True)
        for dispatch in quiet
        for message in dispatch.messages
    ]
    return statuses.record(db, canceled)


def cancel_alone(db: Db, numbers: Sequence[int], now: int) -> list[Transition]:
    """Cancel messages that wait, each alone: the last one of a dispatch ends it, any other one leaves it."""
    moved: list[Transition] = []
    for number in numbers:
        row = db.execute(
            "SELECT key, upstream FROM dispatch WHERE key = (SELECT dispatch FROM message WHERE number = ?)"
            " AND state IN (?, ?)",
            (number, READY, HELD),
        ).fetchone()
        if row is None:
            continue
        key, upstream = row
        dispatch = dispatch_of(db, number)
        if dispatch is None or len(dispatch.messages) == 1:
            moved += cancel(db, [key], now)
        elif not _has_left(dispatch):
            db.execute("UPDATE message SET dispatch = 0 WHERE number = ?", (number,))
            entry = StatusEntry(status=Status.CANCELED, created=now, upstream=upstream)
            moved += statuses.record(db, [Transition(number, entry, doubt=True)])
    return moved


def cancel_batch(db: Db, of: Batch, now: int) -> list[Transition]:
    """Cancel what has not left of a batch."""
    rows = db.execute("SELECT key FROM dispatch WHERE key BETWEEN ? AND ?", (of.key, of.key + of.size - 1)).fetchall()
    return cancel(db, [key for (key,) in rows], now)


def reclaim(db: Db, now: int, until: int, flying: Collection[int], others: Collection[str] = ()) -> list[Dispatch]:
    """Take over the leases that ran out of what was being sent; what was being asked waits to be asked again.

    Those of the upstreams that are `others` are left alone.
    """
    lost: list[Dispatch] = []
    for upstream in _upstreams(db):
        if upstream in others:
            continue
        for queue in _queues(db, upstream, (POLLING,)):
            db.execute(
                f"UPDATE dispatch SET state = ? WHERE {_OF_QUEUE} AND run_at <= ?", (WAITING, upstream, *queue, now)
            )
        for queue in _queues(db, upstream, (SENDING,)):
            rows = db.execute(
                f"SELECT {DISPATCH} FROM dispatch WHERE {_OF_QUEUE} AND run_at <= ?", (upstream, *queue, now)
            ).fetchall()
            lost += loaded(db, [row for row in rows if row[0] not in flying])
    db.execute_for("UPDATE dispatch SET run_at = ? WHERE key", [dispatch.key for dispatch in lost], (until,))
    return lost


def next_due(db: Db, upstream: str) -> int | None:
    """The earliest `run_at` of what an upstream may lease."""
    earliest = f"SELECT run_at FROM dispatch WHERE {_OF_QUEUE} ORDER BY run_at LIMIT 1"
    return min(
        (db.execute(earliest, (upstream, *queue)).fetchone()[0] for queue in _queues(db, upstream)), default=None
    )


def resolve(db: Db, dispatch: int, recipient: str) -> tuple[str, int] | None:
    """The upstream of a dispatch and the number of its message to a recipient."""
    row = db.execute(
        "SELECT dispatch.upstream, message.number FROM dispatch JOIN batch ON batch.key = dispatch.batch"
        " JOIN message ON message.number BETWEEN dispatch.key AND batch.key + batch.size - 1"
        " AND message.dispatch = dispatch.key WHERE dispatch.key = ? AND message.recipient = ?",
        (dispatch, recipient),
    ).fetchone()
    return leading.led(db, dispatch, recipient) if row is None else (row[0], row[1])


def dispatch_of(db: Db, number: int) -> Dispatch | None:
    """The dispatch that carries a message."""
    row = db.execute(
        f"SELECT {DISPATCH} FROM dispatch WHERE key = (SELECT dispatch FROM message WHERE number = ?)", (number,)
    ).fetchone()
    return None if row is None else loaded(db, [row])[0]


def depths(db: Db) -> dict[tuple[str, DispatchState], Depth]:
    """Unfinished dispatches by upstream and state, out of the indexes alone."""
    rows = db.execute(
        "SELECT upstream, state, COUNT(*), MIN(key) FROM dispatch WHERE state <= 3 GROUP BY upstream, state UNION ALL"
        " SELECT upstream, state, COUNT(*), MIN(key) FROM dispatch WHERE state >= 6 GROUP BY upstream, state"
    ).fetchall()
    return {(upstream, DispatchState(state)): Depth(count, _created(db, key)) for upstream, state, count, key in rows}


def _created(db: Db, key: int) -> int:
    (created,) = db.execute("SELECT created FROM batch WHERE key <= ? ORDER BY key DESC LIMIT 1", (key,)).fetchone()
    return int(created)


_PARTS = (("state <= 3", "INDEXED BY dispatch_due"), ("state >= 6", "INDEXED BY dispatch_asks"))
"""What is unfinished, and the index that holds nothing else."""


def select(db: Db, wanted: Selection, after: int, limit: int) -> list[Dispatch]:
    """A page of the dispatches that are meant, in the order of their keys."""
    upstream, route, state, batch = wanted
    terms: list[str] = []
    values: list[object] = []
    for term, value in (("upstream = ?", upstream), ("route = ?", route), ("state = ?", state)):
        if value is not None:
            terms.append(term)
            values.append(value)
    # A batch's dispatches lie side by side; all others must not be looked for among those that are done.
    parts = (("key BETWEEN ? AND ?", ""),) if batch else _PARTS
    bounds = (max(after + 1, batch.key), batch.key + batch.size - 1) if batch else (after,)
    selects = [
        f"SELECT {DISPATCH} FROM dispatch {index} WHERE {' AND '.join((part, *terms))}"
        + ("" if batch else " AND key > ?")
        for part, index in parts
    ]
    given = [*bounds, *values] if batch else [*values, *bounds]
    rows = db.execute(f"{' UNION ALL '.join(selects)} ORDER BY 1 LIMIT ?", (*given * len(selects), limit))
    return loaded(db, rows.fetchall())


def requeue(db: Db, keys: Sequence[int], now: int) -> list[int]:
    """Let what waits for its time, for a person, or for nobody any more, be sent now; returns what was moved."""
    return [
        key
        for key in keys
        if db.execute(
            "UPDATE dispatch SET state = ?, run_at = ?, attempts = 0, began = NULL"
            " WHERE key = ? AND state IN (?, ?, ?)",
            (READY, now, key, READY, UNKNOWN, HELD),
        ).rowcount
    ]


def pauses(db: Db) -> dict[str, Pause]:
    """The upstreams that operations have stopped."""
    rows = db.execute("SELECT upstream, since, reason FROM pause")
    return {upstream: Pause(since, reason) for upstream, since, reason in rows}


def pause(db: Db, upstream: str, of: Pause | None) -> None:
    """Remember that an upstream is stopped, or that it is not any more."""
    if of is None:
        db.execute("DELETE FROM pause WHERE upstream = ?", (upstream,))
    else:
        db.execute("INSERT INTO pause VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (upstream, *of))
