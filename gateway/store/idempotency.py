"""Keys of requests that may be repeated, in SQLite."""

from gateway.model import Recipient
from gateway.ports import Repeated
from gateway.status import Status
from gateway.store import queries
from gateway.store.db import Db
from gateway.store.rows import MESSAGE, message_of


def repeated(db: Db, account: str, key: str) -> Repeated | None:
    """What a key stands for, as it was accepted; None where it is new."""
    row = db.execute(
        "SELECT fingerprint, batch FROM idempotency WHERE account = ? AND key = ?", (account, key)
    ).fetchone()
    batch = None if row is None else queries.batch(db, row[1])
    if batch is None:
        return None
    numbers = (batch.key, batch.key + batch.size - 1)
    messages = [
        message_of(found)
        for found in db.execute(
            f"SELECT {MESSAGE} FROM message WHERE number BETWEEN ? AND ? ORDER BY number",
            numbers,
        )
    ]
    # What an upstream says comes with its name: these are the ones that nobody was asked about.
    rejected = db.execute(
        "SELECT number FROM status WHERE number BETWEEN ? AND ? AND step = 1 AND code = ? AND upstream IS NULL",
        (*numbers, Status.RECIPIENT_REJECTED.code),
    )
    return Repeated(
        row[0],
        batch,
        tuple([Recipient(message.recipient, message.params) for message in messages]),
        tuple([message.segments for message in messages]),
        tuple([number - batch.key for (number,) in rejected]),
    )


def is_taken(db: Db, account: str, key: str) -> bool:
    """Whether anything was accepted under a key."""
    return db.execute("SELECT 1 FROM idempotency WHERE account = ? AND key = ?", (account, key)).fetchone() is not None


def forget(db: Db, before: int, limit: int) -> None:
    """Drop keys that are older than a moment, at most so many."""
    db.execute(
        "DELETE FROM idempotency WHERE (account, key) IN"
        " (SELECT account, key FROM idempotency WHERE created < ? ORDER BY created LIMIT ?)",
        (before, limit),
    )
