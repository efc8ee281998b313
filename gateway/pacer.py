"""Who waits when all that comes in and all that leaves cannot be done at once: what comes in."""

import asyncio
from collections.abc import Callable

EVERY = 0.02
"""Seconds between two bunches of requests that are let in meanwhile."""
BUNCH = 16
"""Requests of a bunch: they share a commit, so the lanes are left more of the processor than if each came alone."""


class Pacer:
    """Lets requests in bunch by bunch while the lanes are behind; otherwise it is not noticed."""

    def __init__(self, behind: Callable[[], bool]) -> None:
        """`behind` tells whether something leaves later than it could for want of a processor."""
        self._behind = behind
        self._at = 0.0
        self._taken = 0

    async def turn(self, under_way: int, callers: int) -> None:
        """Wait for one's turn: for the next bunch, where so many requests of one's own, and so many callers, are few.

        What waits longer is what somebody has piled up.
        """
        if not self._behind():
            return
        now = asyncio.get_running_loop().time()
        if now >= self._at + EVERY:
            self._at, self._taken = now, 0
        elif self._taken >= BUNCH:
            self._at, self._taken = self._at + EVERY, 0
        self._taken += 1
        at = self._at if under_way * callers > BUNCH else min(self._at, now + EVERY)
        if at > now:
            await asyncio.sleep(at - now)
