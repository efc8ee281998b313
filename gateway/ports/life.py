"""How long a store remembers: what is removed once it is old, and what is erased when a person asks for it."""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

from gateway.model import DispatchState

ERASED = "0000000000"
"""Stands where a person's number stood: digits, for older clients read digits; nobody's, for no country begins so."""


class Part(StrEnum):
    """Where a number may be, in the order in which it is erased; each is looked through in pages."""

    MESSAGES = "messages"
    INCOMING = "incoming"
    CONTACTS = "contacts"
    BATCH_TEXTS = "batch_texts"
    MESSAGE_TEXTS = "message_texts"
    STATUS_TEXTS = "status_texts"
    DISPATCH_TEXTS = "dispatch_texts"
    INCOMING_TEXTS = "incoming_texts"
    CONTACT_TEXTS = "contact_texts"


class Traces(NamedTuple):
    """What is found by a number itself, without a look at every row."""

    conversations: int
    passcodes: int
    idempotency: int


class Look(NamedTuple):
    """A page of a part: the keys of the rows that hold the number, and behind which key the next page begins."""

    keys: list[int]
    after: int | None


class Expired(NamedTuple):
    """What was removed because it was old."""

    batches: int
    messages: int
    incoming: int


class Life(Protocol):
    """Part of a store; every method that writes returns only once the write is durable. Raises Busy as a store does."""

    async def look(self, part: Part, msisdn: str, after: int, limit: int) -> Look:
        """Look through the next `limit` rows of a part for a number."""
        ...

    async def traces(self, msisdn: str) -> Traces:
        """How much the store holds under a number itself."""
        ...

    async def unfinished(self, numbers: Sequence[int]) -> dict[int, DispatchState]:
        """Those of these messages that something is still to be done with, each with the state of its dispatch."""
        ...

    async def erase(self, part: Part, msisdn: str, keys: Sequence[int]) -> int:
        """Erase a number from these rows, but not from what is still to be sent; returns how many rows it was."""
        ...

    async def erase_traces(self, msisdn: str) -> Traces:
        """Erase what is stored under a number itself; returns how much it was."""
        ...

    async def expire(self, before: int, limit: int) -> Expired:
        """Remove what was done with before a moment, in milliseconds since 1970; at most so many messages at a time.

        A batch goes as a whole: with its messages, their statuses and their entries in conversations, once nothing of
        it is left to do and nothing was heard of any of its messages since. Messages that came in go likewise.
        """
        ...

    async def scrub(self) -> bool:
        """Leave no byte of what was erased in the store's files; whether the store can do that. Raises Busy."""
        ...
