"""A person's number, found and erased wherever a SQL store holds it. What is still to be sent is left as it is."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from gateway.model import DispatchState
from gateway.msisdn import normalise
from gateway.ports import ERASED, Look, Part, Traces
from gateway.store import queries, queue
from gateway.store.db import Db
from gateway.store.rows import BATCH, batch_of, content_to_json

_DONE = f"{queue.SENT}, {queue.FAILED}"


class _Walk(NamedTuple):
    """How a part is looked through, and what is done with a row of it, by its key."""

    table: str
    key: str
    columns: tuple[str, ...]
    holds: Callable[[Sequence[str | None], str], bool]
    erase: Callable[[Db, int, str], bool]


def look(db: Db, part: Part, msisdn: str, after: int, limit: int) -> Look:
    """The rows of a page that hold a number."""
    walk = _WALKS[part]
    (upto,) = db.execute(
        f"SELECT MAX({walk.key}) FROM (SELECT {walk.key} FROM {walk.table} WHERE {walk.key} > ?"
        f" ORDER BY {walk.key} LIMIT ?) AS page",
        (after, limit),
    ).fetchone()
    if upto is None:
        return Look([], None)
    # Contacts write a number as they like, so that the statement cannot know it.
    may = "1 = 1" if part is Part.CONTACTS else " OR ".join(f"{column} LIKE ?" for column in walk.columns)
    rows = db.execute(
        f"SELECT {walk.key}, {', '.join(walk.columns)} FROM {walk.table}"
        f" WHERE {walk.key} > ? AND {walk.key} <= ? AND ({may}) ORDER BY {walk.key}",
        (after, upto, *([] if part is Part.CONTACTS else [f"%{msisdn}%"] * len(walk.columns))),
    )
    return Look(list(dict.fromkeys(row[0] for row in rows if walk.holds(row[1:], msisdn))), upto)


def erase(db: Db, part: Part, msisdn: str, keys: Sequence[int]) -> int:
    """Erase a number from rows that hold it; returns in how many that could be done."""
    return sum(_WALKS[part].erase(db, key, msisdn) for key in keys)


def unfinished(db: Db, numbers: Sequence[int]) -> dict[int, DispatchState]:
    """The messages of which something is still to be done."""
    found = {}
    for number in numbers:
        row = db.execute(
            f"SELECT state FROM dispatch WHERE key = (SELECT dispatch FROM message WHERE number = ?)"
            f" AND state NOT IN ({_DONE})",
            (number,),
        ).fetchone()
        if row is not None:
            found[number] = DispatchState(row[0])
    return found


def traces(db: Db, msisdn: str) -> Traces:
    """How much there is under a number itself."""
    return Traces(
        *(
            sum(db.execute(f"SELECT COUNT(*) {of}", given).fetchone()[0] for of, given in each)
            for each in _under(db, msisdn)
        )
    )


def erase_traces(db: Db, msisdn: str) -> Traces:
    """Remove it."""
    return Traces(
        *(sum(db.execute(f"DELETE {of}", given).rowcount for of, given in each) for each in _under(db, msisdn))
    )


def _under(db: Db, msisdn: str) -> Iterator[list[tuple[str, tuple[str, ...]]]]:
    of = "FROM conversation WHERE account = ? AND participant = ?"
    yield [(of, (account, msisdn)) for account in queries.accounts(db)]
    yield [("FROM passcode WHERE msisdn = ?", (msisdn,))]
    yield [("FROM idempotency WHERE key LIKE ?", (f"%{msisdn}%",))]


def _is(values: Sequence[str | None], msisdn: str) -> bool:
    return values[0] == msisdn


def _is_contact(values: Sequence[str | None], msisdn: str) -> bool:
    properties, metadata = (json.loads(value or "{}") for value in values)
    said = [*properties.values(), *(value for of in metadata.values() for value in of.values())]
    return any(normalise(value, "0") == msisdn for value in said)


def _mentions(values: Sequence[str | None], msisdn: str) -> bool:
    return any(value is not None and _written(msisdn).search(value) for value in values)


def _written(msisdn: str) -> re.Pattern[str]:
    """The number in a text, not where it is a part of a longer one."""
    return re.compile(rf"(?<!\d)(?:00)?{msisdn}(?!\d)")


def _message(db: Db, number: int, msisdn: str) -> bool:
    if number in unfinished(db, [number]):
        return False
    changed = db.execute(
        "UPDATE message SET recipient = ?, params = NULL WHERE number = ? AND recipient = ?", (ERASED, number, msisdn)
    ).rowcount
    if not changed:
        return False  # it went meanwhile
    db.execute("UPDATE status SET raw_text = NULL WHERE number = ?", (number,))
    _silence(db, number)
    return True


def _silence(db: Db, number: int) -> None:
    """Erase what a batch says, once nobody is left whom it was said to."""
    row = db.execute(f"SELECT {BATCH} FROM batch WHERE key <= ? ORDER BY key DESC LIMIT 1", (number,)).fetchone()
    batch = batch_of(row)
    others = db.execute(
        "SELECT 1 FROM message WHERE number BETWEEN ? AND ? AND recipient <> ? LIMIT 1",
        (batch.key, batch.key + batch.size - 1, ERASED),
    ).fetchone()
    if others is None:
        content = batch.content._replace(body="", reference=None, tags=(), defaults=None)
        db.execute("UPDATE batch SET content = ? WHERE key = ?", (content_to_json(content), batch.key))


def _incoming(db: Db, key: int, _msisdn: str) -> bool:
    db.execute("DELETE FROM callback WHERE incoming = ?", (key,))
    return bool(db.execute("DELETE FROM incoming WHERE key = ?", (key,)).rowcount)


def _contact(db: Db, key: int, _msisdn: str) -> bool:
    db.execute("DELETE FROM membership WHERE contact = ?", (key,))
    return bool(db.execute("DELETE FROM contact WHERE key = ?", (key,)).rowcount)


def _texts(table: str, key: str, columns: tuple[str, ...], unless: str = "") -> _Walk:
    """A table whose texts may mention the number; a row is left as it is for which `unless` finds anything."""
    return _Walk(table, key, columns, _mentions, partial(_rewrite, table, key, columns, unless))


def _rewrite(table: str, name: str, columns: tuple[str, ...], unless: str, db: Db, key: int, msisdn: str) -> bool:
    if unless and db.execute(f"{unless} AND state NOT IN ({_DONE})", (key,)).fetchone() is not None:
        return False
    seek = _written(msisdn)
    changed = False
    for column in columns:
        rows = db.execute(
            f"SELECT DISTINCT {column} FROM {table} WHERE {name} = ? AND {column} LIKE ?", (key, f"%{msisdn}%")
        ).fetchall()
        for (text,) in rows:
            new = seek.sub(ERASED, text)
            db.execute(f"UPDATE {table} SET {column} = ? WHERE {name} = ? AND {column} = ?", (new, key, text))
            changed = changed or new != text
    return changed


_OF_BATCH = (
    "SELECT 1 FROM batch JOIN dispatch ON dispatch.key BETWEEN batch.key AND batch.key + size - 1 WHERE batch.key = ?"
)
_OF_MESSAGE = "SELECT 1 FROM dispatch WHERE key = (SELECT dispatch FROM message WHERE number = ?)"

_WALKS = {
    Part.MESSAGES: _Walk("message", "number", ("recipient",), _is, _message),
    Part.INCOMING: _Walk("incoming", "key", ("sender",), _is, _incoming),
    Part.CONTACTS: _Walk("contact", "key", ("properties", "metadata"), _is_contact, _contact),
    Part.BATCH_TEXTS: _texts("batch", "key", ("content", "report_url"), _OF_BATCH),
    Part.MESSAGE_TEXTS: _texts("message", "number", ("recipient", "params"), _OF_MESSAGE),
    Part.STATUS_TEXTS: _texts("status", "number", ("raw_code", "raw_text")),
    Part.DISPATCH_TEXTS: _texts("dispatch", "key", ("upstream_ref",), "SELECT 1 FROM dispatch WHERE key = ?"),
    Part.INCOMING_TEXTS: _texts("incoming", "key", ("sender", "recipient", "body")),
    Part.CONTACT_TEXTS: _texts("contact", "key", ("properties", "metadata")),
}
