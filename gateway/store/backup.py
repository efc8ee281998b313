"""Copies of an embedded store: made while the gateway runs, and put back after a disk was lost.

What is put back is older than what was lost. Messages that waited when the copy was made may have left since, so none
of them is sent again by itself; and numbers that were given out since are not given out a second time.
"""

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, cast

from gateway.ids import LAST_NUMBER
from gateway.model import DispatchState, StatusEntry
from gateway.ports import Act, Transition
from gateway.status import Status
from gateway.store import queries, schema, statuses, trail
from gateway.store.inspect import reading

PAGES = 2048
"""Pages of the database that are copied at a time; the gateway writes in between."""
GAP = 10_000_000
"""Numbers that are passed over after a copy was put back: more than any gateway gives out between two copies."""
TOLD = "Put back from a backup: it may have left since that was made"

_DOUBTFUL = (DispatchState.READY, DispatchState.SENDING, DispatchState.HELD)
_AT_ONCE = 500

Progress = Callable[[int, int], None]
"""Is told how much is left, and how much there is."""


class Restored(NamedTuple):
    """What is in a store that was put back: its messages, and how many of them may have left since."""

    messages: int
    doubtful: int


def backup(url: str, target: Path, progress: Progress) -> int:
    """Copy a store, also one that a gateway writes to, into a new file; returns its size in bytes.

    The file is whole, or is not there. Raises Unreadable, OSError (FileExistsError among them), sqlite3.Error.
    """
    if target.exists():
        raise FileExistsError(f"{target} exists already")
    with reading(url) as db, becoming(target) as path:
        store = cast("sqlite3.Connection", db)
        # From here on it sees one moment; otherwise each write of the gateway's would begin the copy anew.
        store.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
        with contextlib.closing(sqlite3.connect(path)) as copy:
            store.backup(copy, pages=PAGES, progress=lambda _status, left, whole: progress(left, whole), sleep=0.001)
            _check(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
        return path.stat().st_size


def restore(source: Path, path: Path, now: int, *, nothing_left: bool, who: str, about: str) -> Restored:
    """Put a copy where the store of a gateway is to be. `nothing_left`: no gateway has run since it was made.

    It is in the audit log of the store that is put back that `who` has done it, with what that was `about`.

    Raises ConfigError where the copy is none of ours or the place is in use, OSError, sqlite3.Error.
    """
    with contextlib.closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as copy:
        _check(copy)
        with contextlib.closing(schema.lock(path)):
            _clear(path)
            with becoming(path) as place:
                with contextlib.closing(sqlite3.connect(place)) as made:
                    copy.backup(made)
                schema.prepare(place)
                with contextlib.closing(schema.connect(str(place))) as store:
                    restored = _doubted(store, now) if not nothing_left else Restored(_messages(store), 0)
                    key = trail.begin(store, Act(now, who, "restore", about))
                    trail.end(store, key, now, f"done, messages {restored.messages}, unknown {restored.doubtful}")
                    store.execute("PRAGMA journal_mode = DELETE")
                return restored


def _clear(path: Path) -> None:
    """The place is free. What a look at a store leaves beside it goes; a log with anything in it would be played back.

    Raises FileExistsError.
    """
    beside = [name for name in schema.beside(path) if name.exists()]
    logs = [name for name in beside if not name.name.endswith("-shm") and name.stat().st_size]
    if left := [name for name in (path, *logs) if name.exists()]:
        raise FileExistsError(f"{left[0]} exists already")
    for name in beside:
        name.unlink()


def _messages(store: sqlite3.Connection) -> int:
    (messages,) = store.execute("SELECT COUNT(*) FROM message").fetchone()
    return int(messages)


def _doubted(store: schema.Connection, now: int) -> Restored:
    """Let nothing leave that may have left, and no number be given out that may have been."""
    store.begin()
    floor = min(queries.highest(store) + GAP, LAST_NUMBER - 1)
    store.execute("UPDATE floor SET number = ?", (floor,))
    doubtful = 0
    states = ", ".join(str(state.value) for state in _DOUBTFUL)
    page = f"SELECT key, upstream FROM dispatch WHERE state IN ({states}) AND key > ? ORDER BY key LIMIT ?"
    after = -1
    while rows := store.execute(page, (after, _AT_ONCE)).fetchall():
        for key, upstream in rows:
            numbers = [
                number
                for (number,) in store.execute(
                    "SELECT number FROM message WHERE dispatch = ? AND number >= ? AND number <"
                    " ? + (SELECT size FROM batch WHERE batch.key = (SELECT batch FROM dispatch WHERE key = ?))",
                    (key, key, key, key),
                )
            ]
            entry = StatusEntry(status=Status.UNKNOWN, created=now, raw_text=TOLD, upstream=upstream)
            statuses.record(store, [Transition(number, entry) for number in numbers])
            store.execute("UPDATE dispatch SET state = ? WHERE key = ?", (DispatchState.UNKNOWN.value, key))
            doubtful += len(numbers)
        after = rows[-1][0]
    store.commit()
    return Restored(_messages(store), doubtful)


def _check(copy: sqlite3.Connection) -> None:
    schema.check(copy, "the copy")
    (said,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
    if said != "ok":
        raise sqlite3.DatabaseError(f"the copy is damaged: {said}")


@contextlib.contextmanager
def becoming(target: Path) -> Iterator[Path]:
    """A file beside the target that takes its name once it is whole and on the disk; gone where it never is."""
    path = target.with_name(target.name + ".part")
    path.unlink(missing_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_EXCL, 0o600))
    try:
        yield path
        with path.open("rb+") as whole:
            os.fsync(whole.fileno())
        path.rename(target)
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        for name in (path, *schema.beside(path)):
            name.unlink(missing_ok=True)
