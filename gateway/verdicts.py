"""What an upstream said at once, for callers whose route lets them wait for it."""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping

from gateway.errors import RequestError, Unauthenticated, rejection
from gateway.model import DispatchState
from gateway.ports import Settlement

_Verdict = asyncio.Future[RequestError | None]
_UNDECIDED = (DispatchState.READY, DispatchState.SENDING)

TAKEN, DENIED = 0, 1
"""Verdicts beside the numbers of statuses, which are all greater."""


class Verdicts:
    """Brings those who wait together with the settlements of what they wait for."""

    def __init__(self) -> None:
        self._waiting: dict[int, _Verdict] = {}

    def expect(self, dispatches: Iterable[int], within: float) -> Awaitable[RequestError | None]:
        """Why all of these dispatches were refused; None where one was taken, or where time (in seconds) is up.

        Whoever asks is waited for from now on, whenever the answer is read.
        """
        loop = asyncio.get_running_loop()
        return loop.create_task(self._wait({key: loop.create_future() for key in dispatches}, within))

    async def _wait(self, mine: Mapping[int, _Verdict], within: float) -> RequestError | None:
        self._waiting |= mine
        try:
            said = None
            for first in asyncio.as_completed(mine.values(), timeout=within):
                said = await first
                if said is None:
                    break
        except TimeoutError:
            return None
        else:
            return said
        finally:
            for key in mine:
                del self._waiting[key]

    def told(self, dispatch: int, word: int | None) -> None:
        """An attempt has ended, here or at another gateway, with this verdict."""
        future = self._waiting.get(dispatch)
        if future is not None and not future.done() and word is not None:
            future.set_result(_refusal(word))


def verdict(settlement: Settlement) -> int | None:
    """What an attempt's end says to whoever waits: TAKEN, DENIED, or the status by which all of it was refused.

    None of what is tried again: that has no verdict yet.
    """
    if settlement.state in _UNDECIDED:
        return None
    if settlement.denied:
        return DENIED
    statuses = [transition.entry.status for transition in settlement.transitions]
    if any(transition.doubt for transition in settlement.transitions):
        return TAKEN  # it may have arrived, and whoever is told that it did not sends it again
    if statuses and all(status.final and not status.delivered for status in statuses):
        return int(statuses[0].value)
    return TAKEN


def _refusal(word: int) -> RequestError | None:
    if word == TAKEN:
        return None
    return Unauthenticated() if word == DENIED else rejection(word)
