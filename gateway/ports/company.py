"""What gateways that share a store are to one another: who does what, and what they tell one another."""

from collections.abc import Callable, Collection
from enum import StrEnum
from typing import Protocol

OUTBOX = ""
"""The duty of posting to callers what the outbox holds; every other duty has the name of an upstream, to send there."""


class Word(StrEnum):
    """What one gateway tells the others, with what it is about."""

    WAKE = "wake"
    """There is work for an upstream."""
    HURRY = "hurry"
    """An upstream can be used now, whatever it was resting for."""
    PAUSED = "paused"
    """An upstream was paused, or goes on."""
    REGISTERED = "registered"
    """An account's senders or its blacklist have changed."""
    VERDICT = "verdict"
    """How the attempt with a dispatch ended that its caller may wait for."""
    SPENT = "spent"
    """Messages that a caller has had accepted."""
    MISSED = "missed"
    """Told by nobody: words may have been lost."""


class Company(Protocol):
    """The gateways that share a store, this one among them."""

    @property
    def alone(self) -> bool:
        """Whether there is no other gateway, ever: then all duties are this one's."""
        ...

    async def attend(self, wanted: Collection[str], busy: Collection[str]) -> frozenset[str]:
        """Say that this gateway lives, which must be said twice a second; returns the duties that it has.

        It can do those that are `wanted`, and keeps those that it is `busy` with until they can be handed on.
        Raises Busy.
        """
        ...

    def tell(self, word: Word, about: str) -> None:
        """Tell the others, soon: what was written before can be read by them then. Words may be lost."""
        ...

    def listen(self, heard: Callable[[Word, str], None]) -> None:
        """Let what others tell be heard, in this event loop, until the store is closed."""
        ...
