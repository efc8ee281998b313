"""A copy of an embedded store, made before its schema changes: the way back to the version before."""

import contextlib
import sqlite3
from pathlib import Path

import structlog

from gateway.errors import ConfigError
from gateway.store import schema
from gateway.store.backup import becoming

log = structlog.get_logger()

KEPT = 2
"""Copies that are kept: the older ones are of versions that nobody goes back to."""


def keep_copy(path: Path) -> None:
    """Copy a database that the next start of a newer program is about to change, beside it; a new one is left alone.

    Raises ConfigError where it is none of ours, or cannot be copied: then nothing has changed.
    """
    if not path.is_file() or not path.stat().st_size:
        return
    try:
        with contextlib.closing(sqlite3.connect(path)) as store:
            try:
                version = schema.check(store, str(path))
            except sqlite3.DatabaseError:
                return  # whoever opens it says what is wrong
            if not 0 < version < schema.newest():
                return
            target = schema.copy_of(path, version)
            with becoming(target) as place, contextlib.closing(sqlite3.connect(place)) as copy:
                store.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")
    except (OSError, sqlite3.Error) as error:
        problem = f"store: {path} has an older schema and cannot be copied before it is changed: {error}"
        raise ConfigError([f"{problem}; make room beside it"]) from None
    log.info("store.copied", before_schema=schema.newest(), file=str(target))
    copies = sorted(path.parent.glob(schema.copy_of(path, 0).name.replace("0000", "[0-9][0-9][0-9][0-9]")))
    for old in copies[:-KEPT]:
        old.unlink()
