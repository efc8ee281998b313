"""Dispatches as operations see them, in JSON's types: never a text, and numbers masked unless asked for."""

from collections.abc import Collection
from typing import Any

from gateway.clock import iso
from gateway.ids import Kind, public_id
from gateway.model import Dispatch, DispatchState, Message, StatusEntry
from gateway.msisdn import mask

_DUE = frozenset({DispatchState.READY, DispatchState.WAITING})
"""States in which `run_at` is when something happens next."""


def dispatch_id(dispatch: Dispatch) -> str:
    """The id by which operations name a dispatch."""
    return public_id(Kind.DISPATCH, dispatch.batch.created, dispatch.key)


def of_dispatch(dispatch: Dispatch) -> dict[str, Any]:
    """A dispatch in a line."""
    batch = dispatch.batch
    return {
        "id": dispatch_id(dispatch),
        "state": dispatch.state.name.lower(),
        "upstream": dispatch.upstream,
        "route": dispatch.route,
        "messages": len(dispatch.messages),
        "attempts": dispatch.attempts,
        "accepted": iso(batch.created),
        "due": iso(dispatch.run_at) if dispatch.state in _DUE else None,
        "sent": at(dispatch.sent_at),
        "batch": public_id(Kind.BATCH, batch.created, batch.key),
        "caller": batch.caller,
        "face": batch.face,
    }


def of_message(message: Message, *, full: bool) -> dict[str, Any]:
    """A message in a line."""
    return {
        "number": message.number,
        "recipient": message.recipient if full else mask(message.recipient),
        "code": message.status.value,
        "name": message.status.label,
        "since": iso(message.modified),
    }


def of_entry(entry: StatusEntry) -> dict[str, Any]:
    """A step of a history."""
    return {
        "time": iso(entry.created),
        "code": entry.status.value,
        "name": entry.status.label,
        "raw_code": entry.raw_code,
        "raw_text": entry.raw_text,
        "upstream": entry.upstream,
    }


def at(moment: int | None) -> str | None:
    """A time in ISO 8601, where there is one."""
    return None if moment is None else iso(moment)


def words(states: Collection[DispatchState]) -> str:
    """States as a person reads them: `ready or held`."""
    return " or ".join(state.name.lower() for state in DispatchState if state in states)
