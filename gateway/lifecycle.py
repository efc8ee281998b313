"""Which status may follow which: late and repeated delivery reports must not move a message back."""

from gateway.status import Status

_FINAL = 1000

# How far along a message is: (what a status needs to come in, what must be passed to leave it again).
# The two differ for the two statuses that look back: Unknown may come at any time before the end, yet any later sign of
# life replaces it; after SubscriberOffline the message goes back on the network.
_PROGRESS: dict[Status, tuple[int, int]] = {
    Status.ACCEPTED: (10, 10),
    Status.QUEUED: (20, 20),
    Status.FUNDED: (30, 30),
    Status.SENDING: (40, 40),
    Status.QUEUED_AT_GATEWAY: (50, 50),
    Status.DELIVERED_TO_GATEWAY: (60, 60),
    Status.DELIVERED_TO_CARRIER: (70, 70),
    Status.DELIVERED_TO_GSM: (80, 80),
    Status.SUBSCRIBER_OFFLINE: (90, 75),
    Status.REFUNDED: (100, 100),
    Status.UNKNOWN: (110, 15),
} | {status: (_FINAL, _FINAL) for status in Status if status.final}


def may_follow(current: Status, new: Status) -> bool:
    """Whether a report of `new` moves a message that is at `current`; False for late and repeated reports."""
    return not current.final and new is not current and _PROGRESS[new][0] > _PROGRESS[current][1]


def progress(status: Status) -> int:
    """How far along a status is; a batch shows the status of the message that is furthest behind."""
    return _PROGRESS[status][1]


def is_quiet(status: Status) -> bool:
    """Whether nothing shows that the message has left this gateway. Unknown shows nothing."""
    return _PROGRESS[status][1] < _PROGRESS[Status.QUEUED][1]
