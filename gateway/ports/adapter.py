"""What an adapter is, and the request and reply types that cross between it and the core.

No framework type crosses these lines, so one protocol's upstream can be looped straight into its own face.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

from pydantic import BaseModel, SecretStr

from gateway.commands import Command, Result
from gateway.errors import GatewayError, RequestError
from gateway.model import EMPTY, DataCoding, Dispatch, Incoming
from gateway.ports.store import Callback
from gateway.status import Status

Headers = Mapping[str, str]
"""Header fields; inbound ones are looked up without regard to case."""


class Call(NamedTuple):
    """An HTTP request in either direction.

    Inbound: `path` without the query, `query` raw as it came (percent-encoded, undecodable bytes as surrogate
    escapes), `base` the scheme and host the client reached. Outbound: `path` is an absolute URL.
    """

    method: str
    path: str
    query: str = ""
    headers: Headers = EMPTY
    body: bytes = b""
    peer: str = ""
    base: str = ""


class Reply(NamedTuple):
    """An HTTP answer in either direction."""

    status: int
    body: bytes = b""
    headers: Headers = EMPTY


class Stream(NamedTuple):
    """An HTTP answer whose body is still coming; reading it raises SendError where it breaks off."""

    status: int
    headers: Headers
    chunks: AsyncIterator[bytes]


class Credentials(NamedTuple):
    """Whoever it is, wherever the protocol hides it; `account` is None for a bearer key."""

    account: str | None
    key: SecretStr


class Inbound(NamedTuple):
    """A decoded request; `context` is whatever the face needs to answer in kind (a version, a namespace).

    Where the credentials could be read but the rest is wrong, `command` is the error, told once they were checked.
    """

    credentials: Credentials
    command: Command | RequestError
    context: Any = None


class Face(Protocol):
    """Serves one protocol. Pure: no I/O, no clock, no state between calls."""

    @property
    def mounts(self) -> Sequence[str]:
        """Lower-case paths, matched without regard to case as IIS does; one ending in `/` takes all below it."""
        ...

    @property
    def max_body(self) -> int:
        """Bytes; a longer body is refused with TooLarge before it is decoded."""
        ...

    def decode(self, call: Call) -> Inbound | Reply:
        """The question, or the answer itself where the protocol alone knows it (a WSDL). Raises RequestError only."""
        ...

    def encode(self, result: Result, inbound: Inbound, call: Call) -> Reply:
        """The answer in this protocol's words."""
        ...

    def refuse(self, error: GatewayError, call: Call, inbound: Inbound | None) -> Reply:
        """The refusal in this protocol's words; total, and never a traceback."""
        ...


@runtime_checkable
class Leaving(Protocol):
    """A face that leaves to an upstream what it does not serve itself, by the command Relay. Pure, as Face is."""

    def leaves(self, call: Call) -> bool:
        """Whether this is such a request. Method and path tell: its body was not read, and never will be here."""
        ...


class Receipt(NamedTuple):
    """What an upstream said of one message when it took it."""

    number: int
    status: Status
    raw_code: str | None = None
    raw_text: str | None = None


class Receipts(NamedTuple):
    """An upstream's word for a whole dispatch: its own id for it, and a receipt for each message."""

    upstream_ref: str | None
    receipts: tuple[Receipt, ...]
    poll_after: int | None = None
    """Milliseconds until the upstream should be asked how it went; None where it tells by itself."""


class Report(NamedTuple):
    """A delivery report: `dispatch` and `recipient` name the message, or `number` does."""

    status: Status
    created: int | None = None
    dispatch: int | None = None
    recipient: str | None = None
    number: int | None = None
    raw_code: str | None = None
    raw_text: str | None = None
    price: str | None = None
    currency: str | None = None


class Arrival(NamedTuple):
    """A message that somebody sent in, as an upstream tells of it; `upstream_id` is the upstream's own id for it."""

    upstream_id: str
    sender: str
    recipient: str
    body: str
    created: int | None = None
    segments: int = 1
    datacoding: DataCoding | None = None
    mcc: str | None = None
    mnc: str | None = None


class Poll(NamedTuple):
    """Reports that were asked for, and in how many milliseconds to ask again (None: all is said)."""

    reports: tuple[Report, ...]
    again: int | None


class Found(NamedTuple):
    """What a page of an upstream's own records says of a dispatch; `more` where the next page may tell."""

    receipts: Receipts | None
    more: bool


class Upstream(Protocol):
    """Calls one configured provider. Pure: the core performs the Call."""

    @property
    def max_recipients(self) -> int:
        """Recipients that one call may carry; larger batches are split."""
        ...

    def encode(self, dispatch: Dispatch, report_url: str | None) -> Call:
        """The request that hands the dispatch over. Raises Unsupported where it cannot be said accurately."""
        ...

    def decode(self, reply: Reply, dispatch: Dispatch) -> Receipts:
        """One receipt per message. Raises SendError."""
        ...

    def ask(self, dispatch: Dispatch) -> Call:
        """The request that asks how a dispatch went; only where its receipts said when to ask."""
        ...

    def read(self, reply: Reply, dispatch: Dispatch, now: int) -> Poll:
        """What it went through so far, and when to ask again. Raises SendError."""
        ...

    def ask_balance(self) -> Call:
        """The request that asks for the balance. Raises Unsupported."""
        ...

    def read_balance(self, reply: Reply) -> tuple[str, str]:
        """(decimal digits, currency). Raises SendError."""
        ...


@runtime_checkable
class Records(Protocol):
    """An upstream that can be asked whether it knows a dispatch that it did not answer. Pure, as Upstream is."""

    def find(self, page: int) -> Call:
        """The request for a page of its own records, newest first."""
        ...

    def found(self, reply: Reply, dispatch: Dispatch) -> Found:
        """Whether the dispatch is there, by our own reference; its `sent_at` says how far back to look.

        Raises SendError.
        """
        ...


@runtime_checkable
class Gathering(Protocol):
    """An upstream one of whose requests may carry single messages of several batches. Pure, as Upstream is.

    It is shown them as one dispatch, the first of them with the messages of all: with its body where that is the same
    for all, and else with a body that is nothing but one argument. What it sends of a content beside the body (sender,
    coding, tags and so on) is the same for all; the content's `reference` and `report_url` are not, and are not sent.
    """

    @property
    def gather(self) -> int:
        """How many may share a request; 1 where none does."""
        ...


@runtime_checkable
class Relaying(Protocol):
    """An upstream that takes requests which its protocol's face does not serve, where its options say so. Pure."""

    @property
    def base(self) -> str:
        """The API's base, without a slash at its end."""
        ...

    def relay(self, call: Call) -> Call:
        """The request, whose path is below the base, with the upstream's credentials. Raises Unsupported."""
        ...


class Local(Protocol):
    """An upstream inside this process, without a socket: the sandbox. Pure: the time is given, not read."""

    @property
    def max_recipients(self) -> int:
        """Recipients that one dispatch may carry; larger batches are split."""
        ...

    def answer(self, dispatch: Dispatch) -> Receipts:
        """What a provider would answer. Raises SendError."""
        ...

    def poll(self, dispatch: Dispatch, now: int) -> Poll:
        """What has happened to the messages by `now` (milliseconds since 1970)."""
        ...

    def balance(self) -> tuple[str, str]:
        """(decimal digits, currency)."""
        ...


class Reports(Protocol):
    """Understands the delivery reports and the incoming messages that a provider pushes."""

    def decode(self, call: Call) -> tuple[Report | Arrival, ...]:
        """What is told in a call; repeats are allowed, order is not assumed. Raises RequestError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """What `adapters/<protocol>/__init__.py` exports, once, as ADAPTER."""

    name: str
    title: str
    deprecated: int | None = None
    """Seconds since 1970 of the day the provider withdrew the protocol (RFC 9745), or None."""
    options: type[BaseModel] | None = None
    """What the configuration of one upstream may say, beyond what every upstream has."""
    face: Callable[..., Face] | None = None
    """Called with the face's options where it has any, with nothing otherwise."""
    face_options: type[BaseModel] | None = None
    """What the configuration says of the face, under `faces`; usable without being told anything."""
    upstream: Callable[[Any], Upstream] | None = None
    as_caller: Callable[[Any, Credentials], Any] | None = None
    """The options of an upstream with a caller's own credentials in place of the configured ones.

    Raises Unsupported where the protocol cannot carry them. None: this upstream knows its own alone.
    """
    local: Callable[[Any], Local] | None = None
    reports: Callable[[], Reports] | None = None
    callback: Callable[[Callback], Call] | None = None
    """How a delivery report is posted to a caller of this adapter's face; None: its callers never asked for one."""
    forward: Callable[[Incoming, str], Call] | None = None
    """How a message that came in is posted to a caller's URL; one adapter knows, whatever face the caller uses."""
    secrets: frozenset[str] = frozenset()
    """Names of query parameters, body elements and options that must never be logged."""
