"""Spares an upstream that cannot be reached, and those whose messages would wait for it: a circuit breaker. Pure."""

FAILURES = 5
"""Times in a row that it was not reached, after which it is left in peace."""
FIRST_PAUSE, LONGEST_PAUSE = 5_000, 60_000
"""Milliseconds until it is tried again; twice as long after each trial that failed."""


class Breaker:
    """Closed while all is well; open for a pause after too many failures; then one trial at a time decides."""

    def __init__(self) -> None:
        self._failures = 0
        self._pause = FIRST_PAUSE
        self._open_until: int | None = None
        self._trying = False

    @property
    def open(self) -> bool:
        """Whether nothing but a trial is let through."""
        return self._open_until is not None

    def wait(self, now: int) -> int | None:
        """Milliseconds that a message must wait; None where it may go now. A trial that may go counts as begun."""
        if self._open_until is None:
            return None
        if now < self._open_until:
            return self._open_until - now
        if self._trying:
            return FIRST_PAUSE
        self._trying = True
        return None

    def untold(self) -> None:
        """Nothing left, so nothing was learnt: the next message is the trial."""
        self._trying = False

    def hurry(self, now: int) -> None:
        """Let the next message be the trial, instead of waiting for the end of the pause."""
        if self._open_until is not None:
            self._open_until = min(self._open_until, now)

    def reached(self) -> None:
        """It was reached, whatever it said."""
        self._failures = 0
        self._pause = FIRST_PAUSE
        self._open_until = None
        self._trying = False

    def missed(self, now: int) -> None:
        """It could not be reached."""
        self._failures += 1
        if self._open_until is not None and self._trying:
            self._pause = min(LONGEST_PAUSE, 2 * self._pause)
            self._open_until = now + self._pause
        elif self._open_until is None and self._failures >= FAILURES:
            self._open_until = now + self._pause
        self._trying = False
