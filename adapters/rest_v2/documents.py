"""The documents that v2 answers with, field by field in the documented order: what is written, and what OpenAPI shows.

Source: the provider's pages; letter case of values as those pages print it.
"""

from typing import Literal, NotRequired

from typing_extensions import TypedDict


class PriceDocument(TypedDict):
    """What a batch cost so far."""

    total: float
    currency: str
    average: float


class CountDocument(TypedDict):
    """How many messages stand at a status, and their segments."""

    messages: int
    sms: int


class WindowDocument(TypedDict):
    """A time in which delivery may happen."""

    opens: str | None
    closes: str | None


class BatchDocument(TypedDict):
    """One accepted request."""

    id: str
    sender: str
    body: str
    owner: str
    direction: Literal["MT"]
    type: str
    datacoding: Literal["GSM", "UCS"]
    priority: int
    templated: bool
    priceSummary: PriceDocument
    messageSummary: dict[str, CountDocument]
    deliveryWindows: list[WindowDocument]
    status: int
    deliveryReportUrl: str | None
    reference: str | None
    tags: tuple[str, ...]


class StatusDocument(TypedDict):
    """One step of a history; `duration` 1 says that it is final."""

    created: str
    code: int
    duration: int


class MessageDocument(TypedDict):
    """One recipient of a batch."""

    id: str
    batchId: str
    owner: str
    sender: str
    recipient: str
    body: str
    direction: Literal["mt"]
    segments: int
    type: str
    datacoding: str
    priority: int
    price: float
    currency: str
    statuses: list[StatusDocument]
    modified: str
    reference: str | None
    mcc: str | None
    mnc: str | None


class IncomingDocument(TypedDict):
    """A message that came in. `batchId` groups what was received together: here it is always one."""

    id: str
    batchId: str
    owner: str
    sender: str
    recipient: str
    body: str
    direction: Literal["mo"]
    segments: int
    type: str
    datacoding: Literal["GSM", "UCS"]
    priority: int
    statuses: list[StatusDocument]
    modified: str
    mcc: str | None
    mnc: str | None


class SideDocument(TypedDict):
    """How much was said one way, and when first and last."""

    messages: int
    first: str | None
    latest: str | None


class SummaryDocument(TypedDict):
    """How much was said with a participant; its fields are inferred."""

    participant: str
    mt: SideDocument
    mo: SideDocument


class SenderDocument(TypedDict):
    """A registered sender."""

    sender: str
    created: str


class BlockedDocument(TypedDict):
    """A number on the blacklist."""

    msisdn: str
    created: str


class ContactDocument(TypedDict):
    """Somebody in the address book; the number is the property `phoneNumber`."""

    id: str
    ownerId: str
    properties: dict[str, str]
    metadata: NotRequired[dict[str, dict[str, str]]]
    labels: list[str]


class ProblemDocument(TypedDict, total=False):
    """What is wrong: `errors` names the fields, and what to do about each."""

    title: str
    status: int
    detail: str
    errors: dict[str, list[str]]
