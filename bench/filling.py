"""Stores that hold much, made quickly: one message is stored as the gateway does it, and copied by SQL."""

import asyncio
import contextlib
import sqlite3
import time
from pathlib import Path

from gateway.model import Content, DispatchState, Recipient
from gateway.ports import NewBatch, NewDispatch
from gateway.status import Status
from gateway.store import open_store

_MOVED = {"batch": ("key", "ordinal"), "dispatch": ("key", "batch"), "message": ("number", "dispatch")}
"""Columns in which each copy is one further than the one before."""
_TOLD = "INSERT INTO status (number, step, code, created) SELECT number, ?, ?, modified FROM message"
_COPIES = "WITH RECURSIVE copy (at) AS (SELECT 1 UNION ALL SELECT at + 1 FROM copy WHERE at < ?)"
AGO = 60_000
"""Milliseconds ago when what is copied was accepted."""


def fill(path: Path, account: str, messages: int, *, finished: bool) -> None:
    """Store so many messages of an account, each in a batch of its own: delivered, or waiting for the upstream main."""
    path.parent.mkdir(exist_ok=True)
    asyncio.run(_first(f"sqlite:///{path.absolute()}", account))
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA synchronous = OFF")
        db.execute("BEGIN")
        if finished:
            db.execute("UPDATE message SET code = ?", (Status.DELIVERED_TO_HANDSET.code,))
            db.execute("UPDATE dispatch SET state = ?, attempts = 1, upstream_ref = 'x'", (DispatchState.SENT.value,))
        if messages > 1:
            for table in _MOVED:
                _copy(db, table, messages - 1)
        if finished:
            for step, status in enumerate((Status.QUEUED, Status.DELIVERED_TO_HANDSET), start=1):
                db.execute(_TOLD, (step, status.code))
        # Conversations are filed behind the accept path, in a share of time of their own; here that has been done.
        db.execute(
            "INSERT OR REPLACE INTO filed SELECT account, max(ordinal), max(key), 0 FROM batch WHERE account = ?",
            (account,),
        )
        db.execute("COMMIT")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


async def _first(url: str, account: str) -> None:
    store = open_store(url)
    try:
        then = time.time_ns() // 1_000_000 - AGO
        content, to = Content("iP1", "Hello"), (Recipient("46700000001"),)
        dispatches = (NewDispatch("main", "default", range(1)),)
        await store.add(NewBatch(then, then, account, account, "rest_v2", content, to, (1,), dispatches))[1]
    finally:
        await store.close()


def _copy(db: sqlite3.Connection, table: str, times: int) -> None:
    columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
    moved = {column: f"{column} + at" for column in _MOVED[table]}
    # In no order, as in life.
    moved["recipient"] = "printf('467%08d', abs(random()) % 100000000)"
    taken = ", ".join(moved.get(column, column) for column in columns)
    of = f"(SELECT * FROM {table} LIMIT 1)"
    db.execute(f"{_COPIES} INSERT INTO {table} SELECT {taken} FROM {of}, copy", (times,))
