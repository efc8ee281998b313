"""The sandbox's script: what becomes of a message, decided by its recipient's last three digits and a seed.

…201 is delivered, …402 is refused for funds, …503 finds the phone off and is delivered after a while, …599 is never
heard of again; anything else is delivered. Delays are those of a mobile network, drawn from the seed, so a run can be
repeated.
"""

import random
from collections.abc import Iterator

from gateway.model import Content, Message
from gateway.status import Status

_LIFE = (
    # status, shortest and longest time to it in seconds
    (Status.FUNDED, 0.05, 0.2),
    (Status.SENDING, 0.1, 0.4),
    (Status.DELIVERED_TO_CARRIER, 0.2, 0.8),
    (Status.DELIVERED_TO_HANDSET, 0.8, 3.0),
)
_OFFLINE = (Status.SUBSCRIBER_OFFLINE, 0.8, 2.0)
_BACK_ONLINE = (Status.DELIVERED_TO_HANDSET, 5.0, 10.0)
_REFUSED = ((Status.INSUFFICIENT_FUNDS, 0.05, 0.2),)

_SCRIPTS = {
    "402": _REFUSED,
    "503": (*_LIFE[:-1], _OFFLINE, _BACK_ONLINE),
    "599": (),
}


def timeline(message: Message, content: Content, seed: int, pace: float, sent_at: int) -> Iterator[tuple[int, Status]]:
    """(milliseconds since 1970, status) of all that will happen to a message sent at `sent_at`.

    `pace` 2.0 is twice as slow as a mobile network, 0 is at once.
    """
    # The same seed must give the same life in every process, so Python's own randomised hash is no use here.
    source = random.Random(f"{seed}:{message.number}:{message.recipient}")  # noqa: S311 - a script, not a secret
    at = float(max([sent_at, *(window.opens for window in content.windows[:1] if window.opens is not None)]))
    for status, shortest, longest in _SCRIPTS.get(message.recipient[-3:], _LIFE):
        at += source.uniform(shortest, longest) * pace * 1000
        yield int(at), status


def never_answers(message: Message) -> bool:
    """Whether this recipient is one that swallows the request itself."""
    return message.recipient.endswith("599")
