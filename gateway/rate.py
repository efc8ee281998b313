"""A rate limit in messages per second: a token bucket that may go into debt for a large dispatch."""

import math
import time
from collections.abc import Callable


class Bucket:
    """Holds one second's worth of messages; `None` is no limit."""

    def __init__(self, rate: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._burst = max(1.0, rate or 0.0)
        self._tokens = self._burst
        self._at = clock()

    def room(self) -> int:
        """Messages that may go now; 0 or less means wait."""
        if self._rate is None:
            return 1_000_000
        self._refill(self._rate)
        return math.floor(self._tokens)

    def take(self, messages: int) -> None:
        """They go; a dispatch larger than what is left delays the next one by its debt."""
        if self._rate is not None:
            self._tokens -= messages

    def wait(self) -> float:
        """Seconds until one message may go."""
        if self._rate is None:
            return 0.0
        self._refill(self._rate)
        return max(0.001, (1.0 - self._tokens) / self._rate)

    def _refill(self, rate: float) -> None:
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * rate)
        self._at = now
