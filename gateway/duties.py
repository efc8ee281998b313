"""What this gateway may do at this moment, of what gateways on one store share."""

import time
from collections.abc import Callable, Mapping

from gateway.ports import Company

SURE = 2.0
"""Seconds for which a gateway that has said that it lives is sure of its duties: others take them later than that."""


class Duties:
    """Asked before anything is begun that another gateway could be doing."""

    def __init__(self, company: Company, pace: Callable[[], float] = time.monotonic) -> None:
        """`pace` tells seconds that never go back, and that go on while the process stands still."""
        self._company = company
        self._pace = pace
        self._able: list[Callable[[], Mapping[str, bool]]] = []
        self._mine: frozenset[str] = frozenset()
        self._until = 0.0

    def serve(self, able: Callable[[], Mapping[str, bool]]) -> None:
        """What can be done here, each duty with whether something of it is under way."""
        self._able.append(able)

    def has(self, duty: str) -> bool:
        """Whether a duty is this gateway's, now."""
        return self._company.alone or (duty in self._mine and self._pace() < self._until)

    async def renew(self) -> bool:
        """Say that this gateway lives, and hear what its duties are; whether any of them is new. Raises Busy."""
        able = {duty: busy for each in self._able for duty, busy in each().items()}
        said, before = self._pace(), self._mine
        self._mine = await self._company.attend(able, [duty for duty, busy in able.items() if busy])
        self._until = said + SURE
        return not self._mine <= before
