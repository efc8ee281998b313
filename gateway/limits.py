"""What is accepted at all: the numbers that may be reached, and how much of it from each caller."""

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.clock import Clock
from gateway.conditions import Patterns
from gateway.config import Caller
from gateway.errors import BadRecipient, Busy
from gateway.model import Recipient
from gateway.ports import Store
from gateway.rate import Bucket
from gateway.schedule import SWEDEN


@dataclass(slots=True)
class _Use:
    """What was agreed with a caller, and what it has used of that; `spent` is of `day`."""

    caller: Caller
    bucket: Bucket
    day: int
    spent: int = 0
    busy: int = 0


class Limits:
    """Asked before a batch is routed, and told once it is about to be stored."""

    def __init__(
        self,
        only: Sequence[str],
        callers: Sequence[Caller],
        clock: Clock,
        *,
        spent: Mapping[str, int] | None = None,
        pace: Callable[[], float] = time.monotonic,
    ) -> None:
        """`only`: patterns of the numbers that may be reached, all of them where there is none.

        `spent`: messages accepted today, by caller. `pace` tells seconds that never go back.
        """
        self._clock = clock
        self._pace = pace
        self._used: dict[str, _Use] = {}
        self._news: Counter[str] = Counter()
        self.configure(only, callers, spent or {})

    def configure(self, only: Sequence[str], callers: Sequence[Caller], spent: Mapping[str, int]) -> None:
        """Go by these from now on; what was used so far still counts: a new configuration is no new day."""
        self._only = Patterns(only) if only else None
        limited = [c for c in callers if (c.rate, c.daily, c.concurrency) != (None, None, None)]
        before, self._used = self._used, {caller.name: self._use(caller) for caller in limited}
        for name, use in self._used.items():
            use.spent = spent.get(name, 0)
            if (old := before.get(name)) is not None:
                use.busy = old.busy
                use.bucket = old.bucket if old.caller.rate == use.caller.rate else use.bucket

    def _use(self, caller: Caller) -> _Use:
        return _Use(caller, Bucket(caller.rate, self._pace), day_of(self._clock.now()))

    def check(self, caller: str, recipients: Sequence[Recipient]) -> None:
        """Let a batch pass. Raises BadRecipient for a number that may not be reached, Busy where it is too much."""
        if self._only and not all(self._only.match(recipient.msisdn) for recipient in recipients):
            sentence = "This gateway sends only to the numbers that its operations named"
            raise BadRecipient(sentence, {"recipients": [sentence]})
        use = self._used.get(caller)
        if use is None:
            return
        if use.bucket.room() <= 0:
            raise Busy("You send more than was agreed; try again later")
        if use.caller.daily is not None:
            self._begin_day(use)
            if use.spent + len(recipients) > use.caller.daily:
                raise Busy("You have sent what was agreed for a day; try again tomorrow")

    def take(self, caller: str, messages: int) -> None:
        """They are about to be stored."""
        self.taken(caller, messages)
        if caller in self._used:
            self._news[caller] += messages

    def taken(self, caller: str, messages: int) -> None:
        """They were stored, by this gateway or another one."""
        if (use := self._used.get(caller)) is not None:
            use.bucket.take(messages)
            self._begin_day(use)
            use.spent += messages

    def _begin_day(self, use: _Use) -> None:
        today = day_of(self._clock.now())
        if today != use.day:
            use.day, use.spent = today, 0

    def news(self) -> Mapping[str, int]:
        """What each caller has had accepted here since this was asked last, of those that have limits."""
        told, self._news = self._news, Counter()
        return told

    @contextlib.contextmanager
    def turn(self, caller: str) -> Iterator[None]:
        """While a request of a caller is answered. Raises Busy where too many of its requests are."""
        use = self._used.get(caller)
        if use is not None and use.caller.concurrency is not None and use.busy >= use.caller.concurrency:
            raise Busy("You send more requests at the same time than was agreed; try again later")
        self._count(caller, 1)
        try:
            yield
        finally:
            self._count(caller, -1)

    def _count(self, caller: str, change: int) -> None:
        if (use := self._used.get(caller)) is not None:
            use.busy = max(0, use.busy + change)


async def spent_today(store: Store, callers: Sequence[Caller], clock: Clock) -> Mapping[str, int]:
    """How many messages of each caller were accepted today; not looked up where nobody has a number for a day."""
    if all(caller.daily is None for caller in callers):
        return {}
    return await store.accepted(day_began(clock.now()))


def day_of(now: int) -> int:
    """The number of the day that a moment (milliseconds since 1970) lies in, from midnight to midnight in Sweden."""
    return datetime.fromtimestamp(now / 1000, SWEDEN).toordinal()


def day_began(now: int) -> int:
    """When that day began, in milliseconds since 1970."""
    midnight = datetime.fromtimestamp(now / 1000, SWEDEN).replace(hour=0, minute=0, second=0, microsecond=0)
    return int(midnight.timestamp() * 1000)
