"""Two-factor codes in SQLite: run inside a transaction, or on the reading connection."""

import hmac
from collections.abc import Collection

from gateway.commands import PasscodeSettings
from gateway.ports import NewPasscode
from gateway.store.db import Db


def keep(db: Db, new: NewPasscode, most: int) -> int | None:
    """Store a code unless its phone has `most` that have not expired."""
    (held,) = db.execute(
        "SELECT COUNT(*) FROM passcode WHERE account = ? AND msisdn = ? AND expires > ?",
        (new.account, new.msisdn, new.created),
    ).fetchone()
    if held >= most:
        return None
    row = db.execute(
        "INSERT INTO passcode (account, msisdn, mark, created, expires, attempts) VALUES (?,?,?,?,?,0) RETURNING key",
        new,
    ).fetchone()
    return int(row[0])


def forget(db: Db, key: int) -> None:
    """Forget a code."""
    db.execute("DELETE FROM passcode WHERE key = ?", (key,))


def forget_expired(db: Db, now: int, limit: int) -> None:
    """Forget codes that have expired, at most so many."""
    db.execute("DELETE FROM passcode WHERE key IN (SELECT key FROM passcode WHERE expires <= ? LIMIT ?)", (now, limit))


def use(db: Db, account: str, msisdn: str, marks: Collection[bytes], now: int, attempts: int) -> bool:
    """Use up the code that has one of these marks, or count a wrong guess against each that could have been meant."""
    rows = db.execute(
        "SELECT key, mark FROM passcode WHERE account = ? AND msisdn = ? AND expires > ? AND attempts < ?",
        (account, msisdn, now, attempts),
    ).fetchall()
    # Every one of them is compared, and in constant time: how long it takes tells nothing of any.
    hits = [key for key, mark in rows for given in marks if hmac.compare_digest(mark, given)]
    for key in hits:
        forget(db, key)
    if not hits:
        db.executemany("UPDATE passcode SET attempts = attempts + 1 WHERE key = ?", [(key,) for key, _ in rows])
    return bool(hits)


def settings(db: Db, account: str) -> PasscodeSettings:
    """What an account has set."""
    row = db.execute(
        "SELECT concurrent, sender, format, length, lifetime, numeric FROM passcode_settings WHERE account = ?",
        (account,),
    ).fetchone()
    if row is None:
        return PasscodeSettings()
    concurrent, sender, format_, length, lifetime, numeric = row
    return PasscodeSettings(concurrent, sender, format_, length, lifetime, None if numeric is None else bool(numeric))


def put_settings(db: Db, account: str, new: PasscodeSettings) -> None:
    """Set these in the place of all that the account has set."""
    db.execute("DELETE FROM passcode_settings WHERE account = ?", (account,))
    numeric = None if new.numeric is None else int(new.numeric)
    db.execute("INSERT INTO passcode_settings VALUES (?,?,?,?,?,?,?)", (account, *new[:-1], numeric))
