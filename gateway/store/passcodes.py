"""Codes that were sent, in SQLite: run inside a transaction, or on the reading connection."""

import json
import sqlite3

from gateway.model import DispatchState
from gateway.passcodes import ATTEMPTS, Asked, Passcode

_COLUMNS = "key, account, phone, hash, expires, attempts, message"
_WAITS = (DispatchState.READY, DispatchState.SENDING, DispatchState.UNKNOWN, DispatchState.HELD)


def add(db: sqlite3.Connection, passcode: Passcode) -> None:
    """Keep a code; its key is given here."""
    db.execute(
        "INSERT INTO passcode (account, phone, hash, expires, attempts, message) VALUES (?,?,?,?,?,?)", passcode[1:]
    )


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
        "SELECT passcode.key, passcode.message FROM passcode JOIN message ON message.number = passcode.message"
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
