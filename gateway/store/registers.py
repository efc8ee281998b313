"""Senders and blacklists in SQLite: run inside a transaction, or on the reading connection."""

from collections.abc import Sequence

from gateway.model import Blocked, Sender
from gateway.store.db import Db


def senders(db: Db, account: str | None) -> list[tuple[str, Sender]]:
    """An account's or every account's, each with its account."""
    where, of = ("", ()) if account is None else (" WHERE account = ?", (account,))
    rows = db.execute(f"SELECT account, name, created FROM sender{where} ORDER BY account, name", of)
    return [(account, Sender(name, created)) for account, name, created in rows]


def register(db: Db, account: str, sender: Sender) -> None:
    """Keep a sender; one that is there stays as it is."""
    db.execute("INSERT INTO sender (account, name, created) VALUES (?,?,?) ON CONFLICT DO NOTHING", (account, *sender))


def unregister(db: Db, account: str, name: str) -> None:
    """Forget a sender."""
    db.execute("DELETE FROM sender WHERE account = ? AND name = ?", (account, name))


def blocked(db: Db, account: str | None) -> list[tuple[str, Blocked]]:
    """An account's or every account's numbers, each with its account, in the order in which they were added."""
    where, of = ("", ()) if account is None else (" WHERE account = ?", (account,))
    rows = db.execute(f"SELECT account, key, msisdn, created FROM blocked{where} ORDER BY key", of)
    return [(account, Blocked(*entry)) for account, *entry in rows]


def block(db: Db, account: str, msisdns: Sequence[str], now: int) -> list[Blocked]:
    """Add numbers; returns their entries, of those that were there the old one."""
    db.executemany(
        "INSERT INTO blocked (account, msisdn, created) VALUES (?,?,?) ON CONFLICT DO NOTHING",
        [(account, msisdn, now) for msisdn in msisdns],
    )
    find = "SELECT key, msisdn, created FROM blocked WHERE account = ? AND msisdn = ?"
    return [Blocked(*db.execute(find, (account, msisdn)).fetchone()) for msisdn in msisdns]


def unblock(db: Db, account: str, msisdn: str) -> None:
    """Take a number off."""
    db.execute("DELETE FROM blocked WHERE account = ? AND msisdn = ?", (account, msisdn))
