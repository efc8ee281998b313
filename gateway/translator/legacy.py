"""The numeric codes that SOAP, HTTP GET and REST v1 share. Data only.

Source: the provider's developer page, "SMS status codes" of the older APIs (its words in each row); codes 55 and 60
from its REST API repository, which calls them deprecated; the Swedish original of 43 ("Meddelande utgått") says that
the message expired.
"""

from enum import Enum

from gateway.errors import (
    BadContent,
    BadRecipient,
    Busy,
    GatewayError,
    NoFunds,
    NotCarried,
    Refused,
    RequestError,
    SendError,
    Throttled,
    Unanswered,
    Unauthenticated,
    Unconfirmed,
    WrongKey,
)
from gateway.model import Priority
from gateway.status import Status
from gateway.translator.vocabulary import Row, Vocabulary


class LegacyCode(Enum):
    """A legacy code; the value is the number on the wire."""

    DELIVERED_TO_GATEWAY = 0
    GATEWAY_LOGIN_FAILED = 1
    INVALID_CONTENT = 2
    INVALID_NUMBER_FORMAT = 3
    INSUFFICIENT_FUNDS = 4
    RECEIVED = 10
    DELAYED = 11
    DELAYED_CANCELLED = 12
    DELIVERED_TO_GSM = 21
    DELIVERED_TO_PHONE = 22
    NO_FUNDS = 30
    BAD_CONTENT = 41
    INTERNAL_ERROR = 42
    EXPIRED = 43
    DELIVERY_FAILED = 44
    INVALID_NUMBER = 45
    GENERAL_ERROR = 50
    GSM_FAILED = 51
    PHONE_FAILED = 52
    UNKNOWN_55 = 55
    UNKNOWN_60 = 60
    INSUFFICIENT_CREDITS = 100
    WRONG_CREDENTIALS = 101
    PARAMETER_ERROR = 110


_C, _S = LegacyCode, Status

_ROWS = (
    Row(_C.DELIVERED_TO_GATEWAY, "Delivered to gateway", _S.DELIVERED_TO_GATEWAY),
    Row(_C.GATEWAY_LOGIN_FAILED, "Gateway login failed", None, answers_request=True, note="retry later"),
    Row(_C.INVALID_CONTENT, "Invalid message content", _S.INVALID_CONTENT),
    Row(_C.INVALID_NUMBER_FORMAT, "Invalid phone number format", _S.INVALID_RECIPIENT),
    Row(_C.INSUFFICIENT_FUNDS, "Insufficient funds", _S.INSUFFICIENT_FUNDS),
    Row(_C.RECEIVED, "Received by the gateway", _S.QUEUED_AT_GATEWAY),
    Row(_C.DELAYED, "Delayed delivery", _S.QUEUED),
    Row(_C.DELAYED_CANCELLED, "Delayed delivery cancelled", _S.CANCELED),
    Row(_C.DELIVERED_TO_GSM, "Delivered to the GSM network", _S.DELIVERED_TO_GSM),
    Row(_C.DELIVERED_TO_PHONE, "Delivered to the phone", _S.DELIVERED_TO_HANDSET),
    Row(_C.NO_FUNDS, "Insufficient funds", _S.INSUFFICIENT_FUNDS),
    Row(_C.BAD_CONTENT, "Invalid message content", _S.INVALID_CONTENT, note="deprecated"),
    Row(_C.INTERNAL_ERROR, "Internal error", _S.INTERNAL_ERROR),
    Row(_C.EXPIRED, "Delivery failed", _S.EXPIRED, note="the Swedish original says expired"),
    Row(_C.DELIVERY_FAILED, "Delivery failed", _S.SUBSCRIBER_UNREACHABLE, note="deprecated"),
    Row(_C.INVALID_NUMBER, "Invalid phone number", _S.INVALID_RECIPIENT, note="some clients take it for an id"),
    Row(_C.GENERAL_ERROR, "General delivery error", _S.GENERIC_DELIVERY_FAILURE),
    Row(_C.GSM_FAILED, "Delivery to GSM network failed", _S.DELIVERY_TO_GSM_FAILED),
    Row(_C.PHONE_FAILED, "Delivery to phone failed", _S.DELIVERY_TO_HANDSET_FAILED),
    Row(_C.UNKNOWN_55, "Unknown", _S.UNKNOWN, note="deprecated; only in its REST API repository"),
    Row(_C.UNKNOWN_60, "Unknown", _S.UNKNOWN, note="deprecated; only in its REST API repository"),
    Row(_C.INSUFFICIENT_CREDITS, "Insufficient credits", _S.INSUFFICIENT_FUNDS, answers_request=True),
    Row(_C.WRONG_CREDENTIALS, "Wrong account credentials", None, answers_request=True, note="hold the queue"),
    Row(_C.PARAMETER_ERROR, "Parameter error", _S.GENERIC_REJECTED, answers_request=True),
)

# A table of its own, never an inverse of the rows above: several legacy codes say the same thing.
_OUTWARD = {
    _S.ACCEPTED: _C.RECEIVED,
    _S.QUEUED: _C.RECEIVED,
    _S.FUNDED: _C.RECEIVED,
    _S.REFUNDED: _C.GENERAL_ERROR,
    _S.SENDING: _C.RECEIVED,
    _S.DELIVERED_TO_GATEWAY: _C.DELIVERED_TO_GATEWAY,
    _S.DELIVERED_TO_CARRIER: _C.DELIVERED_TO_GATEWAY,
    _S.DELIVERED_TO_GSM: _C.DELIVERED_TO_GSM,
    _S.QUEUED_AT_GATEWAY: _C.RECEIVED,
    _S.DELIVERED_TO_HANDSET: _C.DELIVERED_TO_PHONE,
    _S.EXPIRED: _C.EXPIRED,
    _S.CANCELED: _C.DELAYED_CANCELLED,
    _S.INSUFFICIENT_FUNDS: _C.NO_FUNDS,
    _S.SENDER_REJECTED: _C.GENERAL_ERROR,
    _S.CONTENT_REJECTED: _C.BAD_CONTENT,
    _S.RECIPIENT_REJECTED: _C.INVALID_NUMBER,
    _S.GENERIC_REJECTED: _C.GENERAL_ERROR,
    _S.INVALID_SENDER: _C.GENERAL_ERROR,
    _S.INVALID_CONTENT: _C.BAD_CONTENT,
    _S.INVALID_RECIPIENT: _C.INVALID_NUMBER,
    _S.MISSING_SMS_SUBSCRIPTION: _C.INVALID_NUMBER,
    _S.INTERNAL_ERROR: _C.INTERNAL_ERROR,
    _S.UNKNOWN_SUBSCRIBER: _C.INVALID_NUMBER,
    _S.SUBSCRIBER_UNREACHABLE: _C.DELIVERY_FAILED,
    _S.SUBSCRIBER_OFFLINE: _C.DELIVERED_TO_GSM,
    _S.DELIVERY_TO_GATEWAY_FAILED: _C.GENERAL_ERROR,
    _S.DELIVERY_TO_CARRIER_FAILED: _C.GSM_FAILED,
    _S.DELIVERY_TO_GSM_FAILED: _C.GSM_FAILED,
    _S.DELIVERY_TO_HANDSET_FAILED: _C.PHONE_FAILED,
    _S.GENERIC_DELIVERY_FAILURE: _C.GENERAL_ERROR,
    _S.GATEWAY_ERROR: _C.INTERNAL_ERROR,
    _S.UNKNOWN: _C.DELIVERED_TO_GATEWAY,
}

# What a refused request answers: the first class that fits. Never 45, which a known client takes for an id.
_ERRORS: tuple[tuple[type[GatewayError], LegacyCode], ...] = (
    (Unauthenticated, _C.WRONG_CREDENTIALS),
    (NoFunds, _C.INSUFFICIENT_CREDITS),
    (BadRecipient, _C.INVALID_NUMBER_FORMAT),
    (BadContent, _C.INVALID_CONTENT),
    (NotCarried, _C.GENERAL_ERROR),
    (Busy, _C.INTERNAL_ERROR),
    (Unconfirmed, _C.INTERNAL_ERROR),
    (RequestError, _C.PARAMETER_ERROR),
    (GatewayError, _C.INTERNAL_ERROR),
)


PRIORITIES = {
    "": Priority.NORMAL,
    "0": Priority.NORMAL,
    "1": Priority.NORMAL,
    "2": Priority.NORMAL,
    "3": Priority.HIGH,
}
"""`prio` of SOAP and GET: clients call 1 "group messages" or low, 2 normal and 3 urgent (PYSMS, MYSMS); 0 is an integer
that a compiled client left unset. REST v2 has no lower than normal."""


_HELD = frozenset({_S.ACCEPTED, _S.QUEUED})
"""Where a message stands that waits for its delivery window."""


class _Legacy(Vocabulary[LegacyCode]):
    """The shared table, with the one rule that a table cannot say: a waiting message whose time has not come."""

    def current(self, status: Status, *, delayed: bool) -> LegacyCode:
        """The code of a message's status; `delayed` when its delivery window has yet to open.

        Until then it is held here (Accepted), or by an upstream that took it in an earlier window (Queued).
        """
        if delayed and status in _HELD:
            return LegacyCode.DELAYED
        return self.from_status(status)

    def refusal(self, raw: str) -> SendError | None:
        """What an older provider decides that answers a request with this code instead of an id.

        None where the code says that it has the message. A code nobody documented decides nothing: Unanswered.
        """
        code = self.code_of(raw)
        if code is LegacyCode.WRONG_CREDENTIALS:
            return WrongKey("The upstream answers 101, wrong account credentials")
        if code is LegacyCode.GATEWAY_LOGIN_FAILED:
            return Throttled("The upstream answers 1, try again later", _LATER)
        status = self.to_status(raw)
        if code is None or status is _S.UNKNOWN:
            return Unanswered(f"The upstream answers {raw[:20]!r}, which is neither an id nor a code that is known")
        return Refused(status, raw, self.words(code)) if status.final and not status.delivered else None


_LATER = 30.0
"""Seconds to wait where an older provider says "try again later" without saying when."""

LEGACY = _Legacy(
    name="legacy",
    version="1",
    source="the provider's developer page, legacy SMS status codes",
    rows=_ROWS,
    outward=_OUTWARD,
    errors=_ERRORS,
)
