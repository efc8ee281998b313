"""One line to a valid object: every builder gives a whole one, and takes whatever a test cares about by keyword."""

from collections.abc import Iterator
from typing import Any

from gateway.commands import Accepted, SubmitBatch
from gateway.config import Caller
from gateway.ids import FIRST_NUMBER
from gateway.model import Batch, Content, Dispatch, DispatchState, Message, Recipient
from gateway.ports import Callback, Forward, NewBatch, NewDispatch, Store
from gateway.service import Service
from gateway.status import Status

NOW = 1_540_316_599_000
"""2018-10-23T17:43:19Z, the moment in the provider's own examples."""


class FrozenClock:
    """A clock that stands still until it is told to move."""

    def __init__(self, now: int = NOW) -> None:
        """Show `now`, in milliseconds since 1970."""
        self._now = now

    def now(self) -> int:
        """Milliseconds since 1970-01-01T00:00Z."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now += round(seconds * 1000)


def a_content(**over: Any) -> Content:
    """What a batch says."""
    return Content(**{"sender": "iP1", "body": "Hello"} | over)


def a_batch(**over: Any) -> Batch:
    """An accepted batch of one message."""
    given = {
        "key": FIRST_NUMBER,
        "created": NOW,
        "account": "ip1-12345",
        "caller": "erp",
        "face": "rest_v2",
        "size": 1,
        "content": a_content(),
    }
    return Batch(**given | over)


def a_message(**over: Any) -> Message:
    """The first message of `a_batch()`."""
    given = {
        "number": FIRST_NUMBER,
        "recipient": "46712345678",
        "segments": 1,
        "status": Status.ACCEPTED,
        "modified": NOW,
    }
    return Message(**given | over)


def a_dispatch(**over: Any) -> Dispatch:
    """A dispatch that is being sent; its key and its batch fit its `messages` unless they are given."""
    messages = over.get("messages", (a_message(),))
    key = messages[0].number
    given = {
        "key": key,
        "batch": a_batch(key=key, size=len(messages)),
        "upstream": "main",
        "route": "default",
        "state": DispatchState.SENDING,
        "attempts": 0,
        "run_at": NOW,
        "sent_at": None,
        "upstream_ref": None,
        "messages": messages,
    }
    return Dispatch(**given | over)


def a_new_batch(**over: Any) -> NewBatch:
    """A batch about to be stored, due at once; all its `recipients` go one way unless `dispatches` says otherwise."""
    recipients = over.get("recipients", (Recipient("46712345678"),))
    given = {
        "created": NOW,
        "due": over.get("created", NOW),
        "account": "ip1-12345",
        "caller": "erp",
        "face": "rest_v2",
        "content": a_content(),
        "recipients": recipients,
        "segments": (1,) * len(recipients),
        "dispatches": (NewDispatch("main", "default", range(len(recipients))),),
    }
    return NewBatch(**given | over)


async def claimed(store: Store, most: int = 10, now: int = NOW) -> list[Callback | Forward]:
    """What is due to be posted to callers, so much of each, claimed for a minute."""
    return await store.lease_callbacks(dict.fromkeys(await store.callbacks_due(), most), now, now + 60_000)


async def next_post(store: Store) -> int | None:
    """When the next post to any caller is due."""
    return min((await store.callbacks_due()).values(), default=None)


async def stored(store: Store, new: NewBatch) -> Batch:
    """Add a batch and wait until it is durable."""
    batch, durable = store.add(new)
    await durable
    return batch


async def submitted(service: Service, command: SubmitBatch, caller: Caller, face: str) -> Accepted:
    """Submit a batch and wait until it is durable."""
    result = service.submit(command, caller, face)
    await result.durable
    return result


async def depths(store: Store) -> dict[tuple[str, DispatchState], int]:
    """How many dispatches of each upstream stand in each state that is not finished."""
    return {where: depth.dispatches for where, depth in (await store.depths()).items()}


class _Done:
    def __await__(self) -> Iterator[None]:
        return iter(())


DONE = _Done()
"""What is awaited of a batch that is durable already."""
