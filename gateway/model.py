"""The message model every face is normalised into. Times are milliseconds since 1970 (UTC).

Named tuples: as immutable as frozen dataclasses, and built several times faster, which shows on the accept path.
"""

from collections.abc import Mapping
from decimal import Decimal
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import NamedTuple

from gateway.hours import Hours
from gateway.status import Status

EMPTY: Mapping[str, str] = MappingProxyType({})


class DataCoding(StrEnum):
    """How the text is coded on the air."""

    GSM = "gsm"
    UCS = "ucs"


class MessageType(StrEnum):
    """A stored SMS, or one that only flashes on the screen."""

    SMS = "sms"
    FLASH = "flash"


class Priority(IntEnum):
    """REST v2's two priorities; 1 is the default and the lowest."""

    NORMAL = 1
    HIGH = 2


MAX_BODY = 2000
"""Characters; the provider's documented limit."""

MAX_RECIPIENTS = 10_000
"""Per request. The provider recommends at most 500; larger requests are split for the upstream."""


class Window(NamedTuple):
    """A time in which delivery may happen; None is open-ended."""

    opens: int | None
    closes: int | None


class Recipient(NamedTuple):
    """Whom to send to: MSISDN digits, and this recipient's template arguments."""

    msisdn: str
    params: Mapping[str, str] = EMPTY


class Content(NamedTuple):
    """What a batch says, whoever it goes to. `defaults` is None unless the body is a template."""

    sender: str
    body: str
    type: MessageType = MessageType.SMS
    datacoding: DataCoding | None = None
    priority: Priority = Priority.NORMAL
    windows: tuple[Window, ...] = ()
    report_url: str | None = None
    reference: str | None = None
    tags: tuple[str, ...] = ()
    defaults: Mapping[str, str] | None = None
    secret: bool = False
    """Whether another text leaves than the one that is shown: with a code where asterisks stand."""

    @property
    def templated(self) -> bool:
        """Whether each recipient may get another text."""
        return self.defaults is not None

    def opening(self, now: int) -> int | None:
        """When delivery may begin: `now`, or when the next window opens; None once the last one has closed."""
        if not self.windows:
            return now
        left = [window for window in self.windows if window.closes is None or window.closes > now]
        return min((max(now, window.opens or now) for window in left), default=None)

    def delayed(self, now: int) -> bool:
        """Whether no window is open and one has yet to open."""
        opens = self.opening(now)
        return opens is not None and opens > now


class Batch(NamedTuple):
    """One accepted request: `size` messages, numbered from `key` upwards. Its key is its first message's number."""

    key: int
    created: int
    account: str
    caller: str
    face: str
    size: int
    content: Content


class Message(NamedTuple):
    """One recipient of a batch, with its latest status. `price` is for the whole message, once an upstream told it."""

    number: int
    recipient: str
    segments: int
    status: Status
    modified: int
    params: Mapping[str, str] = EMPTY
    price: str | None = None
    currency: str | None = None


class StatusEntry(NamedTuple):
    """One step of a message's life: our status, and the upstream's own words for it."""

    status: Status
    created: int
    raw_code: str | None = None
    raw_text: str | None = None
    upstream: str | None = None


class Tally(NamedTuple):
    """How many messages of a batch stand at one status, their segments, and the prices that are known of them."""

    status: Status
    messages: int
    segments: int
    price: Decimal = Decimal(0)
    currency: str | None = None


class DispatchState(IntEnum):
    """Where a dispatch stands. Only the first four are ever looked for by time."""

    READY = 0
    SENDING = 1
    WAITING = 2
    POLLING = 3
    SENT = 4
    FAILED = 5
    UNKNOWN = 6
    HELD = 7


class UnknownPolicy(StrEnum):
    """What becomes of a dispatch that left and was not answered, where nobody can be asked."""

    HOLD = "hold"
    """Operations decide."""
    FAIL = "fail"
    """Its messages are told as failed; they may have arrived."""
    RESEND = "resend"
    """It is sent again; its recipients may get it twice."""


class Rewrite(NamedTuple):
    """What is changed of a content on its way out."""

    sender: str | None = None
    prefix: str = ""
    gsm: bool = False
    """Whether letters that GSM 03.38 lacks are replaced by the nearest that it has."""


class Plan(NamedTuple):
    """What its route decided of a dispatch beyond its upstream. It keeps that, whatever a new configuration says.

    `fallback` names the upstreams that are left to try, `on` the outcomes (or statuses) that lead to the next of them.
    In the hours of `quiet` nothing is sent.
    """

    fallback: tuple[str, ...] = ()
    on: tuple[str, ...] = ()
    unknown: UnknownPolicy = UnknownPolicy.HOLD
    rewrite: Rewrite | None = None
    quiet: Hours | None = None


PLAIN = Plan()
"""Of most dispatches: one upstream, what is unknown is held, nothing is rewritten."""


class Dispatch(NamedTuple):
    """What one upstream call carries: some messages of one batch. Its key is its first message's number."""

    key: int
    batch: Batch
    upstream: str
    route: str
    state: DispatchState
    attempts: int
    run_at: int
    sent_at: int | None
    upstream_ref: str | None
    messages: tuple[Message, ...]
    plan: Plan = PLAIN
    began: int | None = None
    """When it was first tried at this upstream, and could not be handed over."""
    sealed: bytes | None = None
    """The caller's own credentials, sealed, where those are used upstream."""
    hidden: bytes | None = None
    """The text that leaves, sealed, where it holds a secret; the batch's content shows another one in its place."""
    leader: int | None = None
    """The dispatch that it was last claimed with, to leave in one request with it, under that one's reference."""


class Account(NamedTuple):
    """What faces say of the account behind a caller."""

    name: str
    organization: str
    currency: str
    country: str


class Page(NamedTuple):
    """Part of a list: `limit` entries from the one numbered `start`, counted from the end of it that comes first."""

    start: int = 0
    limit: int = 50
    descending: bool = False


class Sender(NamedTuple):
    """A sender that an account has registered."""

    name: str
    created: int


class Blocked(NamedTuple):
    """A number on an account's blacklist; REST v1 calls its key the ID."""

    key: int
    msisdn: str
    created: int


class Side(IntEnum):
    """Of a conversation: all of it, what went out to the participant, or what came in."""

    BOTH = 0
    MT = 1
    MO = 2


class Incoming(NamedTuple):
    """A message that somebody sent in; its key is counted apart from those that go out.

    `upstream_id` is the upstream's own id for it, mcc and mnc the sender's network.
    """

    key: int
    created: int
    account: str
    caller: str
    upstream: str
    upstream_id: str
    sender: str
    recipient: str
    body: str
    segments: int
    datacoding: DataCoding | None = None
    mcc: str | None = None
    mnc: str | None = None


class Outgoing(NamedTuple):
    """A message with the batch that it is of."""

    batch: Batch
    message: Message


class Conversation(NamedTuple):
    """How much was said on one side, and when first and last (milliseconds since 1970); None where nothing was."""

    messages: int
    first: int | None
    latest: int | None
