"""What is accepted at all: the numbers that may be reached, and how much of it from each caller."""

import time
from collections.abc import Callable, Mapping, Sequence

from gateway.conditions import matches
from gateway.errors import BadRecipient, Busy
from gateway.model import Recipient
from gateway.rate import Bucket


class Limits:
    """Asked before a batch is routed."""

    def __init__(
        self,
        only: Sequence[str] = (),
        rates: Mapping[str, float] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`only`: patterns of the numbers that may be reached, all of them where there is none. `rates`: by caller."""
        self._only = tuple(only)
        self._buckets = {caller: Bucket(rate, clock) for caller, rate in (rates or {}).items()}

    def admit(self, caller: str, recipients: Sequence[Recipient]) -> None:
        """Let a batch pass. Raises BadRecipient for a number that may not be reached, Busy where it is too much."""
        if self._only and not all(
            any(matches(pattern, recipient.msisdn) for pattern in self._only) for recipient in recipients
        ):
            sentence = "This gateway sends only to the numbers that its operations named"
            raise BadRecipient(sentence, {"recipients": [sentence]})
        bucket = self._buckets.get(caller)
        if bucket is None:
            return
        if bucket.room() <= 0:
            raise Busy("You send more than was agreed; try again later")
        bucket.take(len(recipients))
