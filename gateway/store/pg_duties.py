"""Which of the gateways that share a database does what: each upstream is sent to by one of them alone.

A gateway says twice a second that it lives. A duty goes to the one among the living that a hash picks; whoever has it
keeps it until nothing of it is under way, and loses it when it has not been heard of for a while. Time is the server's.
"""

import os
import time
from collections.abc import Collection, Mapping
from hashlib import blake2b
from typing import NamedTuple

from gateway.store import queue
from gateway.store.db import Db
from gateway.store.pg_session import now as the_time

TTL = 3_000
"""Milliseconds after which a gateway that says nothing has no duties any more."""
_PATIENCE = TTL / 1000
"""Seconds for which a gateway must have been heard itself before it takes what another one has lost.

After the server was away, all of them seem to have been silent.
"""
_FORGOTTEN = 3_600_000


class _Row(NamedTuple):
    gateway: int
    until: int
    held: bool


class Duties:
    """This gateway's part. Used in the writing thread, inside its transactions, which come one after the other."""

    def __init__(self) -> None:
        self.gateway = int.from_bytes(os.urandom(6))
        self._heard_since = self._heard_at = float("-inf")
        self._leaving: frozenset[str] = frozenset()

    def attend(self, db: Db, wanted: Collection[str], busy: Collection[str]) -> frozenset[str]:
        """Say that this gateway lives, and share the duties out; returns those that it may begin something for."""
        now = the_time(db)
        patient = self._is_patient()
        me = self.gateway
        db.executemany(
            "INSERT INTO duty VALUES (?,?,?,0) ON CONFLICT (gateway, duty) DO UPDATE SET until = excluded.until",
            [(me, duty, now + TTL) for duty in wanted],
        )
        db.execute("DELETE FROM duty WHERE gateway = ? AND until <> ?", (me, now + TTL))
        db.execute("DELETE FROM duty WHERE until < ?", (now - _FORGOTTEN,))
        mine, leaving = set(), set()
        for duty, rows in _by_duty(db, wanted).items():
            best = max((row.gateway for row in rows if row.until > now), key=lambda gateway: _weight(gateway, duty))
            holder = next((row for row in rows if row.held), None)
            if best != me:
                if holder is not None and holder.gateway == me:
                    # What was begun until this gateway heard that the duty goes is busy with it the next time.
                    if duty in self._leaving and duty not in busy:
                        db.execute("UPDATE duty SET held = 0 WHERE gateway = ? AND duty = ?", (me, duty))
                    leaving.add(duty)
                continue
            if holder is not None and holder.gateway != me:
                if holder.until > now or not patient:
                    continue
                db.execute("DELETE FROM duty WHERE gateway = ? AND duty = ?", (holder.gateway, duty))
                queue.abandon(db, duty)
            db.execute("UPDATE duty SET held = 1 WHERE gateway = ? AND duty = ?", (me, duty))
            mine.add(duty)
        self._leaving = frozenset(leaving)
        return frozenset(mine)

    def is_elsewhere(self, db: Db, duty: str) -> bool:
        """Whether another gateway has a duty."""
        row = db.execute(
            "SELECT 1 FROM duty WHERE duty = ? AND held = 1 AND gateway <> ? AND until > ?",
            (duty, self.gateway, the_time(db)),
        ).fetchone()
        return row is not None

    def others(self, db: Db) -> frozenset[str]:
        """What other gateways do, or will do when they are back, and this one does not."""
        rows = db.execute(
            "SELECT duty FROM duty WHERE gateway <> ?"
            " AND duty NOT IN (SELECT duty FROM duty WHERE gateway = ? AND held = 1)",
            (self.gateway, self.gateway),
        )
        return frozenset(duty for (duty,) in rows)

    def leave(self, db: Db) -> None:
        """Hand every duty on: what is still leased here has nobody who waits for its answer."""
        held = db.execute("SELECT duty FROM duty WHERE gateway = ? AND held = 1", (self.gateway,)).fetchall()
        for (duty,) in held:
            queue.abandon(db, duty)
        db.execute("DELETE FROM duty WHERE gateway = ?", (self.gateway,))

    def _is_patient(self) -> bool:
        now = time.monotonic()
        if now - self._heard_at > _PATIENCE / 2:
            self._heard_since = now
        self._heard_at = now
        return now - self._heard_since >= _PATIENCE


def _by_duty(db: Db, wanted: Collection[str]) -> Mapping[str, list[_Row]]:
    found: dict[str, list[_Row]] = {duty: [] for duty in wanted}
    for gateway, duty, until, held in db.execute("SELECT gateway, duty, until, held FROM duty"):
        if duty in found:
            found[duty].append(_Row(gateway, until, bool(held)))
    return found


def _weight(gateway: int, duty: str) -> bytes:
    """Who has the highest one for a duty gets it: so few duties move when a gateway comes or goes."""
    return blake2b(f"{gateway} {duty}".encode(), digest_size=8).digest()
