"""Where a stored message or batch stands, in the words of both vocabularies. Never what it says."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gateway.cli.codes import legacy_words
from gateway.cli.options import read_settings
from gateway.cli.output import ExitCode, fail, say, show_json, show_table
from gateway.clock import SystemClock, iso
from gateway.ids import Kind, public_id
from gateway.model import Batch, Message, Page, StatusEntry
from gateway.msisdn import mask
from gateway.status import Status
from gateway.store import queries
from gateway.store.db import Db
from gateway.store.inspect import Unreadable, find_batch, find_message, reading
from gateway.translator import LEGACY

SHOWN = 50
"""Messages of a batch that are listed."""


def show(config: Path | None, text: str, *, full: bool, as_json: bool) -> None:
    """Print the state of the message or batch that an id names."""
    with stored(read_settings(config).store) as db:
        if found := find_message(db, text):
            document = message_document(*found, full=full)
            printed = _print_message
        elif batch := find_batch(db, text):
            document = _batch_document(db, batch, full=full)
            printed = _print_batch
        else:
            not_found(text)
    if as_json:
        show_json(document)
    else:
        printed(document)


@contextlib.contextmanager
def stored(url: str) -> Iterator[Db]:
    """The store for reading; where that is impossible, the command ends with the reason."""
    try:
        with reading(url) as db:
            yield db
    except Unreadable as error:
        fail(ExitCode.UNREACHABLE, str(error))


def not_found(text: str) -> None:
    """End the command: the store does not know this id."""
    fail(
        ExitCode.FINDINGS, f"Nothing is stored under {text}: give a message's number, or the id of a message or batch."
    )


def message_document(batch: Batch, message: Message, entries: tuple[StatusEntry, ...], *, full: bool) -> dict[str, Any]:
    """What may be told of a message: everything but its text, its number masked unless `full`."""
    delayed = batch.content.delayed(SystemClock().now())
    return {
        "id": public_id(Kind.MESSAGE, batch.created, message.number),
        "number": message.number,
        "batch": public_id(Kind.BATCH, batch.created, batch.key),
        **_origin(batch),
        "recipient": message.recipient if full else mask(message.recipient),
        "segments": message.segments,
        "price": message.price,
        "currency": message.currency,
        "status": _status(message.status, delayed=delayed),
        "statuses": [
            {
                "time": iso(entry.created),
                **_status(entry.status, delayed=delayed),
                "raw_code": entry.raw_code,
                "raw_text": entry.raw_text,
                "upstream": entry.upstream,
            }
            for entry in entries
        ],
    }


def _origin(batch: Batch) -> dict[str, Any]:
    return {"created": iso(batch.created), "caller": batch.caller, "account": batch.account, "face": batch.face}


def _status(status: Status, *, delayed: bool) -> dict[str, Any]:
    return {
        "code": status.value,
        "name": status.label,
        "final": status.final,
        "legacy": legacy_words(LEGACY.current(status, delayed=delayed)),
    }


def _batch_document(db: Db, batch: Batch, *, full: bool) -> dict[str, Any]:
    delayed = batch.content.delayed(SystemClock().now())
    return {
        "id": public_id(Kind.BATCH, batch.created, batch.key),
        **_origin(batch),
        "size": batch.size,
        "tallies": [
            {**_status(tally.status, delayed=delayed), "messages": tally.messages, "segments": tally.segments}
            for tally in queries.tallies(db, batch)
        ],
        "first_messages": [
            {
                "number": message.number,
                "recipient": message.recipient if full else mask(message.recipient),
                "time": iso(message.modified),
                **_status(message.status, delayed=delayed),
            }
            for message in queries.messages(db, batch, Page(limit=SHOWN))
        ],
    }


def _print_message(document: dict[str, Any]) -> None:
    say(
        "Message {number} ({id}) of batch {batch}: to {recipient}, segments {segments},"
        " accepted from {caller} over {face}.".format(**document)
    )
    print_statuses(document["statuses"])


def print_statuses(statuses: list[dict[str, Any]]) -> None:
    """A message's history as a table."""
    show_table(
        ("Time", "Status", "Older APIs are told", "Raw code", "Raw text", "Upstream"),
        ((row["time"], *_worded(row), row["raw_code"], row["raw_text"], row["upstream"]) for row in statuses),
    )


def _worded(row: dict[str, Any]) -> tuple[str, str]:
    return "{code} {name}".format(**row), "{code} {words}".format(**row["legacy"])


def _print_batch(document: dict[str, Any]) -> None:
    say("Batch {id}: messages {size}, accepted {created} from {caller} over {face}.".format(**document))
    show_table(
        ("Messages", "Segments", "Status", "Older APIs are told"),
        ((row["messages"], row["segments"], *_worded(row)) for row in document["tallies"]),
    )
    show_table(
        ("Message", "Recipient", "Since", "Status", "Older APIs are told"),
        ((row["number"], row["recipient"], row["time"], *_worded(row)) for row in document["first_messages"]),
    )
    if document["size"] > SHOWN:
        say(f"The first {SHOWN} of {document['size']} messages are listed.")
