"""Dispatches out of their rows, with the batches and messages that belong to them: many of them in few statements."""

from collections.abc import Iterable, Sequence
from typing import Any

from gateway.model import Batch, Dispatch, DispatchState, Message
from gateway.store.db import Db
from gateway.store.rows import BATCH, MESSAGE, batch_of, message_of, plan_from_json

DISPATCH = (
    "key, batch, upstream, route, state, attempts, run_at, sent_at, upstream_ref, plan, began, leader,"
    " (SELECT sealed FROM credential WHERE credential.batch = dispatch.batch),"
    " (SELECT sealed FROM hidden WHERE hidden.batch = dispatch.batch)"
)
"""The columns of a row."""

_FEW = 8
"""Up to so many numbers are looked for one by one, and a batch's messages by their range from there on."""


def loaded(db: Db, rows: Sequence[tuple[Any, ...]]) -> list[Dispatch]:
    """The dispatches of these rows, in their order. Raises LookupError where the batch of one is gone."""
    batches = _batches(db, {row[1] for row in rows})
    if lost := [row[0] for row in rows if row[1] not in batches]:
        raise LookupError(f"dispatch {lost[0]} has lost its batch")
    messages = _messages(db, [(row[0], batches[row[1]]) for row in rows])
    return [_dispatch(row, batches[row[1]], messages[row[0]]) for row in rows]


def _batches(db: Db, keys: Iterable[int]) -> dict[int, Batch]:
    rows = db.execute_for(f"SELECT {BATCH} FROM batch WHERE key", sorted(keys))
    return {batch.key: batch for batch in map(batch_of, rows)}


def _messages(db: Db, wanted: Sequence[tuple[int, Batch]]) -> dict[int, list[Message]]:
    """Messages by the dispatch that carries them: they lie between its key, the first's number, and the batch's end."""
    statement = f"SELECT dispatch, {MESSAGE} FROM message WHERE number"
    numbers: set[int] = set()
    rows: list[Any] = []
    for key, batch in wanted:
        last = batch.key + batch.size - 1
        if last - key < _FEW:
            numbers.update(range(key, last + 1))
        else:
            rows += db.execute(f"{statement} BETWEEN ? AND ? AND dispatch = ?", (key, last, key)).fetchall()
    rows += db.execute_for(statement, sorted(numbers))
    found: dict[int, list[Message]] = {key: [] for key, _ in wanted}
    for dispatch, *message in sorted(set(rows)):  # one that lies in another's range was found twice
        if dispatch in found:
            found[dispatch].append(message_of(message))
    return found


def _dispatch(row: tuple[Any, ...], batch: Batch, messages: Iterable[Message]) -> Dispatch:
    key, _, upstream, route, state, attempts, run_at, sent_at, upstream_ref, plan, began, leader, sealed, hidden = row
    return Dispatch(
        key=key,
        batch=batch,
        upstream=upstream,
        route=route,
        state=DispatchState(state),
        attempts=attempts,
        run_at=run_at,
        sent_at=sent_at,
        upstream_ref=upstream_ref,
        messages=tuple(messages),
        plan=plan_from_json(plan),
        began=began,
        sealed=sealed,
        hidden=hidden,
        leader=leader,
    )
