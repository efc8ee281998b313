"""Wrong passwords, counted by account and address: whoever guesses has few tries, and everybody else all of theirs."""

from collections import OrderedDict
from collections.abc import Callable
from time import monotonic

BURST = 10
"""Wrong passwords that one address may give for one account at once."""
EVERY = 30.0
"""Seconds after which it has another one."""
REMEMBERED = 4096
"""Pairs of account and address that are remembered; of more, the oldest are forgotten."""


class Guesses:
    """The tries that are used up, running off with time."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        """`clock` tells seconds that only grow."""
        self._clock = clock
        self._used: OrderedDict[tuple[str, str], float] = OrderedDict()
        """Until when the tries of a pair are paid off, one after the other."""

    def spent(self, account: str, peer: str) -> bool:
        """Whether an address has no try left for an account."""
        return self._used.get((account, peer), 0.0) - self._clock() > (BURST - 1) * EVERY

    def failed(self, account: str, peer: str) -> None:
        """Count a wrong password."""
        of, now = (account, peer), self._clock()
        self._used[of] = max(self._used.get(of, now), now) + EVERY
        self._used.move_to_end(of)
        while len(self._used) > REMEMBERED:
            self._used.popitem(last=False)

    def forget(self, account: str, peer: str) -> None:
        """A right password: whoever gave it was guessing nothing."""
        self._used.pop((account, peer), None)
