"""Time: milliseconds since 1970 (UTC) inside, ISO 8601 at the edges."""

import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Protocol


class Clock(Protocol):
    """Tells the time; injected so that tests can turn it."""

    def now(self) -> int:
        """Milliseconds since 1970-01-01T00:00Z."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        """Milliseconds since 1970-01-01T00:00Z."""
        return time.time_ns() // 1_000_000


@lru_cache(maxsize=64)
def _iso_second(second: int) -> str:
    # Not strftime: it writes the year of .NET's unset time, 0001, as 1.
    return datetime.fromtimestamp(second, UTC).isoformat()[:19] + "Z"


def iso(millis: int) -> str:
    """`2018-10-23T17:43:19Z`: the form of the provider's v2 documents, whole seconds."""
    return _iso_second(millis // 1000)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_iso(text: str) -> int:
    """Milliseconds of an ISO 8601 time; a time without an offset is UTC; digits past microseconds (.NET) are dropped.

    Raises ValueError.
    """
    moment = datetime.fromisoformat(text.strip())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        # Whole numbers all the way: a float of seconds loses a millisecond now and then.
        return (moment.astimezone(UTC) - _EPOCH) // timedelta(milliseconds=1)
    except OverflowError as error:
        raise ValueError("the time lies outside the years 1 to 9999") from error
