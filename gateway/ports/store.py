"""What a store is, and what goes into it and comes out."""

from collections.abc import Awaitable, Collection, Container, Mapping, Sequence
from typing import NamedTuple, Protocol

from gateway.commands import PasscodeSettings
from gateway.model import (
    PLAIN,
    Batch,
    Blocked,
    Content,
    Conversation,
    Dispatch,
    DispatchState,
    Incoming,
    Message,
    Outgoing,
    Page,
    Plan,
    Recipient,
    Sender,
    Side,
    StatusEntry,
    Tally,
)
from gateway.ports.book import Book
from gateway.ports.company import Company
from gateway.ports.life import Life
from gateway.ports.trail import Trail


class NewBatch(NamedTuple):
    """A batch about to be stored. Messages and dispatches are told by their offset from the key they will get.

    Nothing of it is sent before `due`, in milliseconds since 1970.
    """

    created: int
    due: int
    account: str
    caller: str
    face: str
    content: Content
    recipients: tuple[Recipient, ...]
    segments: tuple[int, ...]
    dispatches: tuple["NewDispatch", ...]
    sealed: bytes | None = None
    """The caller's own credentials, sealed, where those are used upstream; erased once nothing is left to do."""
    rejected: tuple[int, ...] = ()
    """Offsets of the recipients that nothing is sent to: in no dispatch, and RecipientRejected from the beginning."""
    once: tuple[str, bytes] | None = None
    """The key by which its client repeats the request, and the request's fingerprint."""
    hidden: bytes | None = None
    """The text that leaves, sealed, where the content shows another one in its place; erased once it has left."""


class NewPasscode(NamedTuple):
    """A code about to be sent to a phone: a keyed digest of it, and when it expires. Times in milliseconds."""

    account: str
    msisdn: str
    mark: bytes
    created: int
    expires: int


class NewDispatch(NamedTuple):
    """Which messages (offsets into the recipients, in order) go to which upstream by which route."""

    upstream: str
    route: str
    offsets: range | tuple[int, ...]
    plan: Plan = PLAIN
    held: bool = False
    """Whether it waits for operations to let it go."""


class Sharing(NamedTuple):
    """That single messages may share a request: at most so many, and none of the dispatches in `alone`."""

    most: int
    alone: Collection[int] = ()


class Repeated(NamedTuple):
    """A batch that was accepted under a key of its client's, as it was then; `rejected` are offsets."""

    fingerprint: bytes
    batch: Batch
    recipients: tuple[Recipient, ...]
    segments: tuple[int, ...]
    rejected: tuple[int, ...]


class Transition(NamedTuple):
    """A status that wants to be appended to a message.

    `doubt`: a word of our own about a message of which nothing was heard (Unknown, Expired, Canceled). It says nothing
    where a report has shown meanwhile that the message left.
    """

    number: int
    entry: StatusEntry
    doubt: bool = False
    price: str | None = None
    currency: str | None = None


class Settlement(NamedTuple):
    """How an attempt ended: the dispatch's new state, and what became of its messages, in one transaction."""

    dispatch: int
    state: DispatchState
    run_at: int
    attempts: int
    sent_at: int | None = None
    upstream_ref: str | None = None
    transitions: tuple[Transition, ...] = ()
    began: int | None = None
    """When it was tried for the first time; kept from the first one on, and as long as it stays at its upstream."""
    denied: bool = False
    """Whether the upstream refused the caller's own credentials."""
    onward: str | None = None
    """The upstream that it goes to next, by the first name of the fallback in its plan, which is used up by that."""
    lease: int | None = None
    """Until when it was leased, where this is to count for that lease alone: nobody else may have begun with it."""


class Callback(NamedTuple):
    """A delivery report on its way to a caller's URL; what it says is read when it is sent."""

    key: int
    url: str
    attempts: int
    batch: Batch
    message: Message
    entry: StatusEntry


class Forward(NamedTuple):
    """A message that came in, on its way to its caller, whose configuration says where that is."""

    key: int
    attempts: int
    incoming: Incoming


class GivenUp(NamedTuple):
    """What could not be posted to its caller in all of its attempts, and since when it is not tried any more."""

    post: Callback | Forward
    since: int


class Outbox(NamedTuple):
    """What is to be posted to a caller, when the next of it is due, and how much was given up."""

    caller: str
    waiting: int
    due: int | None
    given_up: int


class Depth(NamedTuple):
    """How many dispatches there are, and when the oldest of them was accepted, in milliseconds since 1970."""

    dispatches: int
    oldest: int


class Pause(NamedTuple):
    """Since when an upstream is stopped, in milliseconds since 1970, and why."""

    since: int
    reason: str


class Selection(NamedTuple):
    """Some of the dispatches that are not finished, or of one batch: what is given narrows them down."""

    upstream: str | None = None
    route: str | None = None
    state: DispatchState | None = None
    batch: Batch | None = None


class KeyTaken(Exception):
    """Something was accepted under the key of a batch while that was on its way to the store."""


class Store(Protocol):
    """What is remembered. Every method that writes returns only once the write is durable.

    Raises Busy where nothing can be written now.
    """

    @property
    def book(self) -> Book:
        """The accounts' address books."""
        ...

    @property
    def trail(self) -> Trail:
        """What operations have done."""
        ...

    @property
    def life(self) -> Life:
        """How long it remembers."""
        ...

    @property
    def company(self) -> Company:
        """The gateways that share the store."""
        ...

    def add(self, new: NewBatch) -> tuple[Batch, Awaitable[None]]:
        """Store a batch, its messages (Accepted) and its dispatches (READY, due at `due`), and give them their numbers.

        The numbers are known at once; the awaitable is done when all of it is durable, and raises Busy where it is not,
        and KeyTaken where something was accepted under its key meanwhile.
        """
        ...

    async def lease(
        self,
        upstream: str,
        limit: int,
        now: int,
        until: int,
        messages: int | None = None,
        turn: int = 0,
        sharing: Sharing | None = None,
    ) -> list[Dispatch]:
        """Claim what is due: READY dispatches become SENDING and WAITING ones POLLING, until `until` (their `run_at`).

        Nothing where another gateway has the duty of sending to that upstream.
        No more than `limit` dispatches, and none to be sent once those before it hold `messages` (None is no limit).
        Callers take turns, and high priority has more of them than normal; `turn` counts what was leased before.
        With `sharing`, where more is due than `limit`, it counts requests: what shares one names its `leader`, durably.
        """
        ...

    async def settle(self, settlement: Settlement) -> list[Transition]:
        """End an attempt; returns the transitions that moved a message."""
        ...

    async def settle_together(self, settlements: Sequence[Settlement]) -> list[list[Transition]]:
        """The same for dispatches that shared a request, all or none of them; for each the transitions that moved."""
        ...

    async def record(self, transitions: Sequence[Transition]) -> list[Transition]:
        """Append statuses; returns those that moved a message: late and repeated ones change nothing."""
        ...

    async def cancel(self, batch: Batch, now: int) -> list[Transition]:
        """End what has not left of a batch: READY dispatches become FAILED, and their messages Canceled.

        All others are left alone. Returns the transitions that moved a message, each with the upstream it waited for.
        """
        ...

    async def reclaim(self, now: int, until: int, flying: Collection[int] = ()) -> list[Dispatch]:
        """Take over leases that ran out: POLLING becomes WAITING again, SENDING is leased anew, until `until`.

        But those that are `flying`, whatever the clock says, and those of other gateways' upstreams.
        Returns the dispatches that are leased anew: they may have
        left, so whoever asks has to find out and to settle them. Who dies of it leaves them to the next one.
        """
        ...

    async def next_due(self, upstream: str) -> int | None:
        """When the next dispatch of an upstream is due, in milliseconds since 1970."""
        ...

    async def resolve(self, dispatch: int, recipient: str) -> tuple[str, int] | None:
        """(upstream, message number) of a recipient of a dispatch, or of those that it led."""
        ...

    async def batch(self, key: int) -> Batch | None:
        """A batch by its key."""
        ...

    async def tallies(self, batch: Batch) -> tuple[Tally, ...]:
        """How many messages of a batch stand where, one entry per status."""
        ...

    async def batches(self, account: str, page: Page) -> tuple[tuple[Batch, ...], int]:
        """A page of an account's batches in creation order, and how many it has; any page costs the same."""
        ...

    async def messages(self, batch: Batch, page: Page) -> tuple[Message, ...]:
        """A page of a batch's messages in creation order."""
        ...

    async def message(self, number: int) -> tuple[Batch, Message, tuple[StatusEntry, ...]] | None:
        """A message with its batch and its history; the history starts with Accepted."""
        ...

    async def callbacks_due(self) -> dict[str, int]:
        """When the next delivery report or incoming message of each caller is due to be posted to it."""
        ...

    async def lease_callbacks(self, room: Mapping[str, int], now: int, until: int) -> list[Callback | Forward]:
        """Claim what is due of these callers, at most so much of each, oldest first."""
        ...

    async def settle_callback(self, key: int, run_at: int | None) -> None:
        """Send it again at `run_at`, or forget it (None)."""
        ...

    async def give_up_callback(self, key: int, now: int) -> None:
        """Send it no more, and keep it for operations to see."""
        ...

    async def outboxes(self) -> list[Outbox]:
        """How much each caller is still to be posted, and how much was given up."""
        ...

    async def given_up(self, caller: str | None, after: int, limit: int) -> list[GivenUp]:
        """What was given up, of one caller or of all, behind a key; in the order of the keys."""
        ...

    async def retry_callbacks(self, keys: Sequence[int], now: int) -> int:
        """Post again what was given up, with ten attempts before it; returns how many of these there were."""
        ...

    async def drop_callbacks(self, keys: Sequence[int]) -> int:
        """Forget what was given up; returns how many of these there were."""
        ...

    async def forget_given_up(self, before: int, limit: int) -> None:
        """Forget what was given up before a moment, in milliseconds since 1970; at most so many at a time."""
        ...

    async def depths(self) -> dict[tuple[str, DispatchState], Depth]:
        """How many dispatches of each upstream stand in each state that is not finished."""
        ...

    async def dispatch(self, number: int) -> Dispatch | None:
        """The dispatch that carries a message."""
        ...

    async def select(self, wanted: Selection, after: int, limit: int) -> list[Dispatch]:
        """A page of dispatches in the order of their keys, beginning behind the key `after`."""
        ...

    async def requeue(self, dispatches: Sequence[int], now: int) -> list[int]:
        """Make what is READY, UNKNOWN or HELD of these READY and due now; returns those that it was done to."""
        ...

    async def withdraw(self, dispatches: Sequence[int], now: int) -> list[Transition]:
        """As `cancel`, for these dispatches."""
        ...

    async def withdraw_alone(self, numbers: Sequence[int], now: int) -> list[Transition]:
        """Cancel these messages where they have not left; the others of their dispatches leave as ever."""
        ...

    async def accepted(self, since: int) -> dict[str, int]:
        """How many messages of each caller were accepted since a moment, in milliseconds since 1970."""
        ...

    async def pauses(self) -> dict[str, Pause]:
        """The upstreams that operations have stopped."""
        ...

    async def pause(self, upstream: str, pause: Pause | None) -> None:
        """Remember that an upstream is stopped (an earlier reason stays), or with None that it is not any more."""
        ...

    async def repeated(self, account: str, key: str) -> Repeated | None:
        """What was accepted under a key; None where the key is new, or was forgotten."""
        ...

    async def forget_keys(self, before: int, limit: int) -> None:
        """Forget the keys of requests before a moment, in milliseconds since 1970; at most so many at a time."""
        ...

    async def receive(self, arrived: Sequence[Incoming], now: int, passed_on: Container[str]) -> list[Incoming]:
        """Keep what arrived, and put what is for these callers into the outbox, too.

        Returns it with the keys that it is given here, but what an upstream told of before.
        """
        ...

    async def incoming(self, key: int) -> Incoming | None:
        """An incoming message by its key."""
        ...

    async def received(
        self, account: str, senders: Collection[str], recipients: Collection[str], limit: int
    ) -> list[Incoming]:
        """An account's newest incoming messages, oldest first; of and to these (in lower case) where any are named."""
        ...

    async def file(self, limit: int, account: str | None = None) -> int:
        """Add the next messages (of an account, or of any) to the index of conversations; 0 where all are in it."""
        ...

    async def conversation(
        self, account: str, participant: str, side: Side, page: Page
    ) -> tuple[tuple[Outgoing | Incoming, ...], int]:
        """A page of what was said with a participant, in its order, and how much was said."""
        ...

    async def summary(self, account: str, participant: str, side: Side) -> Conversation:
        """How much was said with a participant, and when."""
        ...

    async def senders(self, account: str | None = None) -> list[tuple[str, Sender]]:
        """Every sender that is registered, or every one of an account, with its account."""
        ...

    async def register(self, account: str, sender: Sender) -> None:
        """Keep a sender; one that is there stays as it is."""
        ...

    async def unregister(self, account: str, name: str) -> None:
        """Forget a sender."""
        ...

    async def blocked(self, account: str | None = None) -> list[tuple[str, Blocked]]:
        """The entries of every blacklist, or of an account's, with their account, in the order they were added in."""
        ...

    async def block(self, account: str, msisdns: Sequence[str], now: int) -> list[Blocked]:
        """Put numbers on a blacklist; returns their entries, of those that were there the old one."""
        ...

    async def unblock(self, account: str, msisdn: str) -> None:
        """Take a number off a blacklist."""
        ...

    async def keep_passcode(self, new: NewPasscode, most: int) -> int | None:
        """Store a code; its key, or None where its phone has `most` codes already that have not expired."""
        ...

    async def forget_passcode(self, key: int) -> None:
        """Forget a code that was not sent."""
        ...

    async def forget_passcodes(self, now: int, limit: int) -> None:
        """Forget codes that have expired; at most so many at a time."""
        ...

    async def use_passcode(self, account: str, msisdn: str, marks: Collection[bytes], now: int, attempts: int) -> bool:
        """Use up the code that has one of these marks; where there is none, count against each code of the phone.

        A code that has been missed `attempts` times is dead: nobody can use it, and it has its place until it expires.
        """
        ...

    async def passcode_settings(self, account: str) -> PasscodeSettings:
        """What an account has set."""
        ...

    async def set_passcode_settings(self, account: str, settings: PasscodeSettings) -> None:
        """Set these in the place of all that the account has set."""
        ...

    async def check(self) -> None:
        """Write something harmless; raises Busy where nothing can be written."""
        ...

    async def close(self) -> None:
        """Finish what is queued and let go of the file."""
        ...
