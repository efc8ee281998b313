"""Statuses as they come in: appended where they may follow, and told to the caller who asked for reports."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from typing import NamedTuple

from gateway.lifecycle import is_quiet, may_follow
from gateway.ports import Transition
from gateway.status import Status
from gateway.store.db import Db, Update
from gateway.store.rows import is_secret

_OF_MESSAGES = (
    "SELECT number, code, (SELECT COALESCE(MAX(step), 0) FROM status WHERE status.number = message.number),"
    # No dispatch tells the batch of a message that was refused at once.
    " (SELECT key FROM batch WHERE key <= message.number ORDER BY key DESC LIMIT 1) FROM message WHERE number"
)

_STATUS = Update(
    "UPDATE message SET code = :code, modified = :modified, price = COALESCE(:price, message.price),"
    " currency = COALESCE(:currency, message.currency)",
    "message.number = :number",
    "number BIGINT, code BIGINT, modified BIGINT, price TEXT, currency TEXT",
)


@dataclass(slots=True)
class _Message:
    """What is known of it, and then what becomes of it; a price that is None stays as it is stored."""

    status: Status
    step: int
    batch: int
    modified: int = 0
    price: str | None = None
    currency: str | None = None


class _Batch(NamedTuple):
    report_url: str | None
    caller: str
    secret: bool


def record(db: Db, transitions: Sequence[Transition]) -> list[Transition]:
    """Append each status that may follow its message's present one; returns those."""
    return record_each(db, [transitions])[0]


def record_each(db: Db, several: Sequence[Sequence[Transition]]) -> list[list[Transition]]:
    """The same for several of them, each with its result."""
    moved = iter(_advance(db, [transition for transitions in several for transition in transitions]))
    return [[transition for transition in transitions if next(moved)] for transitions in several]


def _advance(db: Db, transitions: Sequence[Transition]) -> list[bool]:
    """Append each status that may follow its message's present one, one after the other; says which did."""
    messages = {
        number: _Message(Status.of(code), step, batch)
        for number, code, step, batch in db.execute_for(_OF_MESSAGES, [one.number for one in transitions])
    }
    moved = [_moves(messages.get(transition.number), transition) for transition in transitions]
    _write(db, list(compress(transitions, moved)), messages)
    return moved


def _moves(message: _Message | None, transition: Transition) -> bool:
    if message is None or not may_follow(message.status, transition.entry.status):
        return False
    if transition.doubt and not is_quiet(message.status):
        return False
    message.status = transition.entry.status
    return True


def _write(db: Db, transitions: list[Transition], messages: dict[int, _Message]) -> None:
    batches = _batches(db, sorted({messages[transition.number].batch for transition in transitions}))
    statuses, reports = [], []
    for number, entry, _, price, currency in transitions:
        message = messages[number]
        message.step += 1
        message.modified = entry.created
        message.price, message.currency = price or message.price, currency or message.currency
        batch = batches[message.batch]
        # What an upstream says of a text that holds a code may quote it.
        raw_text = None if batch.secret else entry.raw_text
        code = entry.status.value
        statuses.append((number, message.step, code, entry.created, entry.raw_code, raw_text, entry.upstream))
        if batch.report_url is not None:
            # Due at once, whatever the upstream's clock says: `created` may lie in our future.
            reports.append((number, message.step, 0, 0, batch.caller))
    db.insert("INSERT INTO status (number, step, code, created, raw_code, raw_text, upstream)", statuses)
    moved = [(number, messages[number]) for number in dict.fromkeys(one.number for one in transitions)]
    db.update(_STATUS, [(number, of.status.value, of.modified, of.price, of.currency) for number, of in moved])
    db.insert("INSERT INTO callback (number, step, attempts, run_at, caller)", reports)


def _batches(db: Db, keys: Sequence[int]) -> dict[int, _Batch]:
    rows = db.execute_for("SELECT key, report_url, caller, content FROM batch WHERE key", keys)
    return {key: _Batch(report_url, caller, is_secret(content)) for key, report_url, caller, content in rows}
