"""Who waits when all that comes in and all that leaves cannot be done at once: what comes in."""

import asyncio
from collections.abc import Callable

SPACING = 0.001
"""Seconds between two requests that are let in meanwhile: of one processor, the lanes are left most."""


class Pacer:
    """Lets requests in one by one while the lanes are behind; otherwise it is not noticed."""

    def __init__(self, behind: Callable[[], bool]) -> None:
        """`behind` tells whether something leaves later than it could for want of a processor."""
        self._behind = behind
        self._next = 0.0

    async def turn(self) -> None:
        """Wait for one's turn."""
        if not self._behind():
            return
        now = asyncio.get_running_loop().time()
        at = max(self._next, now)
        self._next = at + SPACING
        if at > now:
            await asyncio.sleep(at - now)
