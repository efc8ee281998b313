"""All that a store holds, as documents, one after the other: read in pages, so that memory holds one page at most."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from gateway.clock import iso
from gateway.ids import Kind, public_id
from gateway.model import Batch, Incoming, Message, StatusEntry
from gateway.ports import Look, Part
from gateway.status import Status
from gateway.store import address_book, erasing, incoming, queries, registers
from gateway.store.db import Db
from gateway.store.rows import BATCH, ENTRY, MESSAGE, batch_of, entry_of, message_of

ROWS = 1000
"""Rows of a page."""

Document = dict[str, Any]


class Chosen(NamedTuple):
    """What is exported: all, or what is an account's, of a time (in milliseconds since 1970), or a number's."""

    account: str | None = None
    since: int | None = None
    until: int | None = None
    msisdn: str | None = None

    @property
    def timeless(self) -> bool:
        """Whether what has no time of its own is exported, too."""
        return self.since is None and self.until is None

    def takes(self, account: str, created: int) -> bool:
        """Whether a message of an account and a time is meant."""
        own = self.account in (None, account)
        return own and (self.since is None or self.since <= created) and (self.until is None or created < self.until)


def export(db: Db, chosen: Chosen) -> Iterator[Document]:
    """Every document that is meant; `kind` says what each is. Never a credential or a two-factor code."""
    yield from _sent(db, chosen) if chosen.msisdn is None else _sent_to(db, chosen, chosen.msisdn)
    yield from _received(db, chosen)
    if chosen.timeless:
        yield from _contacts(db, chosen)
        yield from _registered(db, chosen)


def _pages(db: Db, table: str) -> Iterator[tuple[int, int]]:
    """(behind, up to) of each page of a table by its keys."""
    after = 0
    while True:
        (upto,) = db.execute(
            f"SELECT MAX(key) FROM (SELECT key FROM {table} WHERE key > ? ORDER BY key LIMIT ?) AS page", (after, ROWS)
        ).fetchone()
        if upto is None:
            return
        yield after, upto
        after = upto


def _found(db: Db, part: Part, msisdn: str) -> Iterator[int]:
    """The keys of a part's rows that hold a number."""
    look: Look | None = None
    while look is None or look.after is not None:
        look = erasing.look(db, part, msisdn, (look and look.after) or 0, ROWS)
        yield from look.keys


def _sent(db: Db, chosen: Chosen) -> Iterator[Document]:
    for page in _pages(db, "batch"):
        rows = db.execute(f"SELECT {BATCH} FROM batch WHERE key > ? AND key <= ? ORDER BY key", page).fetchall()
        for batch in map(batch_of, rows):
            if chosen.takes(batch.account, batch.created):
                yield _batch(batch)
                yield from _messages(db, batch)


def _messages(db: Db, batch: Batch) -> Iterator[Document]:
    """A batch may be as large as a request may be, so its messages are read in pages, too."""
    for first in range(batch.key, batch.key + batch.size, ROWS):
        piece = (first, min(first + ROWS, batch.key + batch.size) - 1)
        rows = db.execute(
            f"SELECT {MESSAGE} FROM message WHERE number BETWEEN ? AND ? ORDER BY number", piece
        ).fetchall()
        steps = db.execute(
            f"SELECT number, {ENTRY} FROM status WHERE number BETWEEN ? AND ? ORDER BY number, step", piece
        ).fetchall()
        history: dict[int, list[StatusEntry]] = {}
        for number, *step in steps:
            history.setdefault(number, []).append(entry_of(tuple(step)))
        for message in map(message_of, rows):
            yield _message(batch, message, history.get(message.number, ()))


def _sent_to(db: Db, chosen: Chosen, msisdn: str) -> Iterator[Document]:
    last = 0
    for number in _found(db, Part.MESSAGES, msisdn):
        found = queries.message(db, number)
        if found is None or not chosen.takes(found[0].account, found[0].created):
            continue
        batch, message, history = found
        if batch.key != last:
            last = batch.key
            yield _batch(batch)
        yield _message(batch, message, history[1:])


def _received(db: Db, chosen: Chosen) -> Iterator[Document]:
    if chosen.msisdn is not None:
        letters = (incoming.by_key(db, key) for key in _found(db, Part.INCOMING, chosen.msisdn))
    else:
        letters = (
            incoming.incoming_of(row)
            for page in _pages(db, "incoming")
            for row in db.execute(
                f"SELECT {incoming.COLUMNS} FROM incoming WHERE key > ? AND key <= ? ORDER BY key", page
            ).fetchall()
        )
    for letter in letters:
        if letter is not None and chosen.takes(letter.account, letter.created):
            yield _letter(letter)


def _contacts(db: Db, chosen: Chosen) -> Iterator[Document]:
    found = None if chosen.msisdn is None else set(_found(db, Part.CONTACTS, chosen.msisdn))
    for page in _pages(db, "contact"):
        rows = db.execute("SELECT key, account FROM contact WHERE key > ? AND key <= ? ORDER BY key", page).fetchall()
        for key, account in rows:
            contact = address_book.contact(db, account, key)
            if contact is not None and chosen.account in (None, account) and (found is None or key in found):
                yield {
                    "kind": "contact",
                    "account": account,
                    **contact._asdict(),
                    "created": iso(contact.created),
                    "modified": iso(contact.modified),
                }


def _registered(db: Db, chosen: Chosen) -> Iterator[Document]:
    for account, sender in registers.senders(db, chosen.account):
        if chosen.msisdn in (None, sender.name.lstrip("+")):
            yield {"kind": "sender", "account": account, "sender": sender.name, "created": iso(sender.created)}
    for account, entry in registers.blocked(db, chosen.account):
        if chosen.msisdn in (None, entry.msisdn):
            yield {"kind": "blocked", "account": account, "number": entry.msisdn, "created": iso(entry.created)}
    rows = db.execute("SELECT account, msisdn, created, expires, attempts FROM passcode ORDER BY key").fetchall()
    for account, msisdn, created, expires, attempts in rows:
        if chosen.account in (None, account) and chosen.msisdn in (None, msisdn):
            times = {"created": iso(created), "expires": iso(expires)}
            yield {"kind": "passcode", "account": account, "number": msisdn, **times, "wrong_guesses": attempts}


def _batch(batch: Batch) -> Document:
    content = batch.content
    return {
        "kind": "batch",
        "id": public_id(Kind.BATCH, batch.created, batch.key),
        "created": iso(batch.created),
        "account": batch.account,
        "caller": batch.caller,
        "face": batch.face,
        "size": batch.size,
        "sender": content.sender,
        "text": content.body,
        "type": content.type.value,
        "datacoding": content.datacoding,
        "priority": content.priority.name.lower(),
        "windows": [[moment and iso(moment) for moment in window] for window in content.windows],
        "report_url": content.report_url,
        "reference": content.reference,
        "tags": list(content.tags),
        "defaults": None if content.defaults is None else dict(content.defaults),
    }


def _message(batch: Batch, message: Message, history: Sequence[StatusEntry]) -> Document:
    accepted = StatusEntry(status=Status.ACCEPTED, created=batch.created)
    return {
        "kind": "message",
        "id": public_id(Kind.MESSAGE, batch.created, message.number),
        "number": message.number,
        "batch": public_id(Kind.BATCH, batch.created, batch.key),
        "recipient": message.recipient,
        "params": dict(message.params),
        "segments": message.segments,
        "price": message.price,
        "currency": message.currency,
        "status": message.status.value,
        "statuses": [
            {
                "time": iso(entry.created),
                "code": entry.status.value,
                "name": entry.status.label,
                "raw_code": entry.raw_code,
                "raw_text": entry.raw_text,
                "upstream": entry.upstream,
            }
            for entry in (accepted, *history)
        ],
    }


def _letter(letter: Incoming) -> Document:
    return {
        "kind": "incoming",
        "id": public_id(Kind.INCOMING, letter.created, letter.key),
        "created": iso(letter.created),
        "account": letter.account,
        "caller": letter.caller,
        "upstream": letter.upstream,
        "upstream_id": letter.upstream_id,
        "sender": letter.sender,
        "recipient": letter.recipient,
        "text": letter.body,
        "segments": letter.segments,
        "datacoding": letter.datacoding,
        "mcc": letter.mcc,
        "mnc": letter.mnc,
    }


def line(document: Document) -> str:
    """A document as a line of JSON."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
