"""What is on its way to callers, in SQLite: run inside a transaction, or on the reading connection."""

from collections.abc import Mapping, Sequence

from gateway.ports import Callback, Forward, GivenUp, Outbox
from gateway.store import incoming, queries
from gateway.store.db import Db

_OF_CALLER = (" AND caller = ?", "")
_POST = "key, number, step, attempts, incoming"
# Each caller's earliest, found in the index however much waits behind it.
_DUE = """
WITH RECURSIVE turn (caller) AS (
    SELECT MIN(caller) FROM callback WHERE given_up IS NULL
    UNION ALL
    SELECT (SELECT MIN(caller) FROM callback WHERE given_up IS NULL AND caller > turn.caller)
    FROM turn WHERE turn.caller IS NOT NULL
)
SELECT caller, (SELECT MIN(run_at) FROM callback WHERE given_up IS NULL AND callback.caller = turn.caller)
FROM turn WHERE caller IS NOT NULL
"""


def due(db: Db) -> dict[str, int]:
    """When the next post of each caller is due."""
    return {str(caller): int(run_at) for caller, run_at in db.execute(_DUE)}


def lease(db: Db, room: Mapping[str, int], now: int, until: int) -> list[Callback | Forward]:
    """Claim what is due of these callers, so much of each; counting the attempt first, so that no crash repeats it."""
    rows = [
        row
        for caller, most in room.items()
        for row in db.execute(
            f"SELECT {_POST} FROM callback WHERE given_up IS NULL AND caller = ? AND run_at <= ?"
            " ORDER BY run_at, key LIMIT ?",
            (caller, now, most),
        ).fetchall()
    ]
    db.executemany(
        "UPDATE callback SET run_at = ?, attempts = attempts + 1 WHERE key = ?", [(until, row[0]) for row in rows]
    )
    posts = {key: _post(db, key, number, step, attempts + 1, arrived) for key, number, step, attempts, arrived in rows}
    db.executemany("DELETE FROM callback WHERE key = ?", [(key,) for key, post in posts.items() if post is None])
    return [post for post in posts.values() if post is not None]


def _post(db: Db, key: int, number: int, step: int, attempts: int, arrived: int | None) -> Callback | Forward | None:
    """What is posted; None where that was so old that it was removed."""
    if arrived is not None:
        came = incoming.by_key(db, arrived)
        return None if came is None else Forward(key, attempts, came)
    found = queries.message(db, number)
    if found is None:
        return None
    batch, message, history = found
    return Callback(key, batch.content.report_url or "", attempts, batch, message, history[step])


def settle(db: Db, key: int, run_at: int | None) -> None:
    """Send it again at `run_at`, or forget it."""
    if run_at is None:
        db.execute("DELETE FROM callback WHERE key = ?", (key,))
    else:
        db.execute("UPDATE callback SET run_at = ? WHERE key = ?", (run_at, key))


def give_up(db: Db, key: int, now: int) -> None:
    """Send it no more, but keep it."""
    db.execute("UPDATE callback SET given_up = ? WHERE key = ?", (now, key))


def boxes(db: Db) -> list[Outbox]:
    """What each caller has there."""
    rows = db.execute(
        "SELECT caller, COUNT(*) FILTER (WHERE given_up IS NULL), MIN(run_at) FILTER (WHERE given_up IS NULL),"
        " COUNT(given_up) FROM callback GROUP BY caller ORDER BY caller"
    )
    return [Outbox(*row) for row in rows]


def given_up(db: Db, caller: str | None, after: int, limit: int) -> list[GivenUp]:
    """A page of what was given up, in the order of its keys."""
    page = (
        f"SELECT {_POST}, given_up FROM callback WHERE given_up IS NOT NULL AND key > ?{_OF_CALLER[caller is None]}"
        " ORDER BY key LIMIT ?"
    )
    of = () if caller is None else (caller,)
    found: list[GivenUp] = []
    while rows := db.execute(page, (after, *of, limit - len(found))).fetchall():
        found += [GivenUp(post, row[-1]) for row in rows if (post := _post(db, *row[:-1])) is not None]
        after = rows[-1][0]
        if len(found) == limit:
            break
    return found


def retry(db: Db, keys: Sequence[int], now: int) -> int:
    """Send again what was given up, with all attempts before it; how many there were."""
    return db.executemany(
        "UPDATE callback SET given_up = NULL, attempts = 0, run_at = ? WHERE key = ? AND given_up IS NOT NULL",
        [(now, key) for key in keys],
    ).rowcount


def drop(db: Db, keys: Sequence[int]) -> int:
    """Forget what was given up; how many there were."""
    return db.executemany(
        "DELETE FROM callback WHERE key = ? AND given_up IS NOT NULL", [(key,) for key in keys]
    ).rowcount


def forget(db: Db, before: int, limit: int) -> None:
    """Forget what was given up before a moment; at most so many at a time."""
    db.execute(
        "DELETE FROM callback WHERE key IN (SELECT key FROM callback WHERE given_up < ? LIMIT ?)", (before, limit)
    )
