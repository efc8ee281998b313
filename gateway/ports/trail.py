"""What operations have done to a gateway or its store: kept beside what was accepted, and only ever added to."""

from typing import NamedTuple, Protocol


class Act(NamedTuple):
    """Somebody's act, as it begins; `about` is a JSON object of names and ids. Times in milliseconds since 1970."""

    moment: int
    who: str
    what: str
    about: str


class Recorded(NamedTuple):
    """An act with its key, when it ended and how; None where nobody knows, for it was cut off."""

    key: int
    act: Act
    ended: int | None
    said: str | None


class Trail(Protocol):
    """The acts of a store. Raises Busy where nothing can be written now."""

    async def begin(self, act: Act) -> int:
        """Keep an act before it is done; its key."""
        ...

    async def end(self, key: int, moment: int, said: str) -> None:
        """Keep how it ended."""
        ...
