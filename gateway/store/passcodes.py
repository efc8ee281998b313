"""Codes that were sent, in SQLite: run inside a transaction, or on the reading connection."""

import json
import sqlite3

from gateway.model import DispatchState
from gateway.passcodes import ATTEMPTS, Asked, Passcode

_COLUMNS = "key, account, phone, hash, expires, attempts, message"
_WAITS = (DispatchState.READY, DispatchState.SENDING, DispatchState.UNKNOWN, DispatchState.HELD)


def add(db: sqlite3.Connection, passcode: Passcode, now: int, limit: int) -> int | None:
    """Keep a code that is not sent yet; returns its key, or None where the phone has as many as it may.

    One that was used up by wrong answers keeps its place until it has expired: else more guesses could be asked for.
    """
    account, phone = passcode.account, passcode.phone
    (count,) = db.execute(
        "SELECT COUNT(*) FROM passcode WHERE account = ? AND phone = ? AND expires > ?", (account, phone, now)
    ).fetchone()
    if count >= limit:
        return None
    row = db.execute(
        "INSERT INTO passcode (account, phone, hash, expires, attempts, message) VALUES (?,?,?,?,?,?) RETURNING key",
        passcode[1:],
    ).fetchone()
    return int(row[0])


def sent(db: sqlite3.Connection, key: int, message: int | None) -> None:
    """Note which SMS carries a code; None where none does: then it is forgotten."""
    if message is None:
        db.execute("DELETE FROM passcode WHERE key = ?", (key,))
    else:
        db.execute("UPDATE passcode SET message = ? WHERE key = ?", (message, key))


def live(db: sqlite3.Connection, account: str, phone: str, now: int) -> list[Passcode]:
    """The codes of a phone that can still be used."""
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM passcode WHERE account = ? AND phone = ? AND expires > ? AND attempts < ?"
        " ORDER BY key",
        (account, phone, now, ATTEMPTS),
    )
    return [Passcode(*row) for row in rows]


def attempt(db: sqlite3.Connection, account: str, phone: str, now: int) -> list[Passcode]:
    """As `live`, and counts an answer against each of them."""
    found = live(db, account, phone, now)
    db.executemany("UPDATE passcode SET attempts = attempts + 1 WHERE key = ?", [(passcode.key,) for passcode in found])
    return found


def use(db: sqlite3.Connection, key: int) -> bool:
    """Let a code be worth nothing any more; whether it was worth something."""
    return db.execute("UPDATE passcode SET expires = 0 WHERE key = ? AND expires > 0", (key,)).rowcount > 0


def forget(db: sqlite3.Connection, now: int, limit: int) -> int:
    """Drop codes that were used or have expired, and take them out of the SMS that carried them; returns how many.

    An SMS that may still have to leave keeps its code until then.
    """
    rows = db.execute(
        "SELECT passcode.key, passcode.message FROM passcode LEFT JOIN message ON message.number = passcode.message"
        " LEFT JOIN dispatch ON dispatch.key = message.dispatch"
        " WHERE passcode.expires <= ? AND (dispatch.state IS NULL OR dispatch.state NOT IN (?,?,?,?)) LIMIT ?",
        (now, *_WAITS, limit),
    ).fetchall()
    db.executemany("UPDATE message SET params = NULL WHERE number = ?", [(message,) for _, message in rows])
    db.executemany("DELETE FROM passcode WHERE key = ?", [(key,) for key, _ in rows])
    return len(rows)


def settings(db: sqlite3.Connection, account: str) -> Asked:
    """What an account has set."""
    row = db.execute("SELECT settings FROM passcode_settings WHERE account = ?", (account,)).fetchone()
    return Asked() if row is None else Asked(*json.loads(row[0]))


def set_settings(db: sqlite3.Connection, account: str, asked: Asked) -> None:
    """Keep what an account sets."""
    db.execute("INSERT OR REPLACE INTO passcode_settings VALUES (?,?)", (account, json.dumps(asked)))
