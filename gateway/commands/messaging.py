"""Messages: sent, told of, listed, cancelled."""

from collections.abc import Awaitable, Collection
from typing import NamedTuple

from gateway.errors import RequestError
from gateway.model import Account, Batch, Content, Message, Page, Recipient, StatusEntry, Tally
from gateway.status import Status


class Once(NamedTuple):
    """By which key a client repeats a request, and what tells one request from another."""

    key: str
    fingerprint: bytes


class Secret(NamedTuple):
    """A text that holds a secret: what is kept and told in its place, and when it is worth nothing any more.

    From then on, in milliseconds since 1970, it is not sent either.
    """

    shown: str
    until: int


class SubmitBatch(NamedTuple):
    """Send this text to these recipients; a recipient named twice gets it once. With `once`, however often it is asked.

    `loose` marks the older faces' manners: numbers as people write them (made MSISDNs with the caller's country),
    senders trimmed and cut instead of refused. A `secret` text goes through the store sealed.
    """

    content: Content
    recipients: tuple[Recipient, ...]
    loose: bool = False
    once: Once | None = None
    contacts: tuple[int, ...] = ()
    groups: tuple[int, ...] = ()
    """Of the address book, by their keys: who they are is found out before the batch is submitted."""
    secret: Secret | None = None


class ListBatches(NamedTuple):
    """List the account's batches in the order of their creation."""

    page: Page = Page()


class GetBatch(NamedTuple):
    """Tell where a batch stands, by its 24-hex id."""

    batch_id: str


class ListMessages(NamedTuple):
    """List the messages of a batch, each with its latest status."""

    batch_id: str
    page: Page = Page()


class GetBatchMessage(NamedTuple):
    """Tell where one message of a batch stands, by their 24-hex ids."""

    batch_id: str
    message_id: str


class GetMessage(NamedTuple):
    """Tell where one message stands, by the number that legacy clients got as its id."""

    number: int


class ListSent(NamedTuple):
    """List the newest messages, of these senders and to these recipients where any are named."""

    senders: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()


class ListBundle(NamedTuple):
    """List the messages of a batch by the number of its first one, which REST v1 calls the id of the bundle."""

    number: int


class GetAccount(NamedTuple):
    """Tell who is asking, and the balance of the upstream account behind it."""


class Relay(NamedTuple):
    """Pass the request on to the upstream, for it is not served here; `mount` is where the face begins."""

    mount: str


class CancelBatch(NamedTuple):
    """Cancel what has not left of a batch, by its 24-hex id, or by its first message's number as older faces do."""

    batch: str | int


MessagingInquiry = (
    ListBatches
    | GetBatch
    | ListMessages
    | GetBatchMessage
    | GetMessage
    | ListSent
    | ListBundle
    | GetAccount
    | CancelBatch
)


class Accepted(NamedTuple):
    """The batch has its numbers; nobody may be told before `durable` is done. `segments` go by recipient.

    So the answer is made while everything it needs is at hand, and waits for the disk as a few bytes.
    """

    batch: Batch
    recipients: tuple[Recipient, ...]
    segments: tuple[int, ...]
    account: Account
    durable: Awaitable[None]
    verdict: Awaitable[RequestError | None] | None = None
    """Where the route waits for the upstream: its refusal, or None; done in bounded time."""
    rejected: Collection[int] = ()
    """The offsets of the recipients that are on the account's blacklist: nothing is sent to them."""
    repeated: bool = False
    """Whether the request was accepted before: then nothing new is stored."""

    def status(self, offset: int) -> Status:
        """Where a message stands from the beginning."""
        return Status.RECIPIENT_REJECTED if offset in self.rejected else Status.ACCEPTED

    @property
    def messages(self) -> tuple[Message, ...]:
        """The messages in the order of the recipients; built on demand, for most faces answer without them."""
        return tuple(
            Message(
                number=self.batch.key + offset,
                recipient=recipient.msisdn,
                segments=segments,
                status=self.status(offset),
                modified=self.batch.created,
                params=recipient.params,
            )
            for offset, (recipient, segments) in enumerate(zip(self.recipients, self.segments, strict=True))
        )


class BatchStatus(NamedTuple):
    """A batch, how many of its messages stand where, and the status of the one that is furthest behind."""

    batch: Batch
    status: Status
    tallies: tuple[Tally, ...]
    account: Account


class BatchList(NamedTuple):
    """One page of an account's batches; `total` is how many there are."""

    batches: tuple[BatchStatus, ...]
    page: Page
    total: int


class MessageList(NamedTuple):
    """One page of a batch's messages."""

    batch: Batch
    messages: tuple[Message, ...]
    page: Page
    account: Account


class MessageStatus(NamedTuple):
    """One message with its whole history, first step first; `delayed` when its delivery window has yet to open."""

    batch: Batch
    message: Message
    history: tuple[StatusEntry, ...]
    account: Account
    delayed: bool


class SentList(NamedTuple):
    """Messages without their histories, oldest first."""

    messages: tuple[MessageStatus, ...]


class AccountStatus(NamedTuple):
    """The account and its balance as a decimal number in digits."""

    account: Account
    balance: str
    currency: str


class BatchCanceled(NamedTuple):
    """Where the batch stands now, and how many of its messages were cancelled: at least one."""

    now: BatchStatus
    messages: int


MessagingAnswer = BatchList | BatchStatus | MessageList | MessageStatus | SentList | AccountStatus | BatchCanceled
