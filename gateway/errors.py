"""Every error of ours, and the decision each one carries.

GatewayError
├─ RequestError
│  ├─ Malformed
│  │  ├─ BadSender
│  │  ├─ BadContent
│  │  └─ BadRecipient
│  ├─ Unauthenticated
│  ├─ Forbidden
│  ├─ NoFunds
│  ├─ NotCarried
│  ├─ NotFound
│  ├─ TooLate
│  ├─ KeyReused
│  ├─ MethodNotAllowed
│  ├─ UnsupportedMedia
│  ├─ TooLarge
│  ├─ Busy
│  └─ Unconfirmed
├─ Internal
└─ SendError
   ├─ Unreachable
   ├─ Throttled
   ├─ Unanswered
   ├─ Refused
   ├─ Misconfigured
   │  └─ WrongKey
   ├─ Denied
   └─ Unsupported
ConfigError

`detail` is always safe to show a client: it names no secret, no path and no internal.
ConfigError stands outside the tree on purpose: it ends a start, it never answers a request.
"""

from collections.abc import Mapping, Sequence

from gateway.status import Status


class GatewayError(Exception):
    """The root; `status` is what a message becomes that met this error."""

    status = Status.INTERNAL_ERROR

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail)
        self.detail = detail or (type(self).__doc__ or "").split("\n", 1)[0].rstrip(".")


class RequestError(GatewayError):
    """The client's doing: answered at once, nothing is stored."""

    status = Status.GENERIC_REJECTED


class Malformed(RequestError):
    """The request cannot be understood or breaks a documented rule.

    `fields` says which field, and what to do about it: {field name: [sentences]}.
    """

    def __init__(self, detail: str = "", fields: Mapping[str, Sequence[str]] | None = None) -> None:
        super().__init__(detail)
        self.fields = dict(fields or {})


class BadSender(Malformed):
    """The sender is missing or neither a number nor a valid name."""

    status = Status.INVALID_SENDER


class BadContent(Malformed):
    """The text is missing, empty or too long."""

    status = Status.INVALID_CONTENT


class BadRecipient(Malformed):
    """A recipient is missing or not a phone number."""

    status = Status.INVALID_RECIPIENT


class Unauthenticated(RequestError):
    """The credentials are missing or wrong, or may not be used from here."""


class Forbidden(RequestError):
    """The account may not do this."""


class NoFunds(RequestError):
    """The account has no credits left."""

    status = Status.INSUFFICIENT_FUNDS


class NotCarried(RequestError):
    """What is asked for cannot be sent by any upstream that the gateway speaks to; `detail` says what it is."""

    status = Status.GENERIC_DELIVERY_FAILURE


class NotFound(RequestError):
    """There is nothing here."""


class TooLate(RequestError):
    """Nothing of this batch can be cancelled any more: all of it has left, or has come to its end."""


class KeyReused(RequestError):
    """This Idempotency-Key was used for another request; give every request a key of its own."""


class MethodNotAllowed(RequestError):
    """This HTTP method cannot be used here; `allow` names those that can."""

    def __init__(self, allow: Sequence[str]) -> None:
        super().__init__(f"Use {' or '.join(allow)}")
        self.allow = tuple(allow)


class UnsupportedMedia(RequestError):
    """The Content-Type is missing or not one that is read here."""


class TooLarge(RequestError):
    """The request is larger than what is read here; `limit` in bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"The request body is larger than {limit} bytes")
        self.limit = limit


class Busy(RequestError):
    """The gateway cannot store the request now; nothing was kept, try again later."""

    status = Status.INTERNAL_ERROR


class Unconfirmed(RequestError):
    """The provider was asked and did not answer: it may have done this. Look before you ask again."""

    status = Status.UNKNOWN


# What is wrong, by the final status: the class of error, and the field where it is one of the request.
_REJECTIONS: dict[Status, tuple[type[Malformed], str]] = {
    Status.SENDER_REJECTED: (BadSender, "sender"),
    Status.INVALID_SENDER: (BadSender, "sender"),
    Status.CONTENT_REJECTED: (BadContent, "body"),
    Status.INVALID_CONTENT: (BadContent, "body"),
    Status.RECIPIENT_REJECTED: (BadRecipient, "recipients"),
    Status.INVALID_RECIPIENT: (BadRecipient, "recipients"),
    Status.MISSING_SMS_SUBSCRIPTION: (BadRecipient, "recipients"),
}
_LATER = frozenset({Status.INTERNAL_ERROR, Status.DELIVERY_TO_GATEWAY_FAILED, Status.GATEWAY_ERROR})


def rejection(code: int) -> RequestError:
    """What a client is told whose message became that final status at once: by a route, or by the upstream."""
    status = Status.of(code)
    if status is Status.INSUFFICIENT_FUNDS:
        return NoFunds()
    if status in _LATER:
        return Busy()
    kind, field = _REJECTIONS.get(status, (Malformed, ""))
    sentence = status.description.rstrip(".")
    return kind(sentence, {field: [sentence]} if field else None)


class Internal(GatewayError):
    """Something went wrong in the gateway; its log says what."""


class SendError(GatewayError):
    """What came of handing a dispatch to an upstream, other than receipts."""


class Unreachable(SendError):
    """The request never left: refused, DNS, TLS or connect time-out. Safe to try again."""

    status = Status.DELIVERY_TO_GATEWAY_FAILED


class Throttled(SendError):
    """The upstream said that it takes no more for now.

    `after` is how long to wait, in seconds.
    """

    status = Status.DELIVERY_TO_GATEWAY_FAILED

    def __init__(self, detail: str = "", after: float = 1.0) -> None:
        super().__init__(detail)
        self.after = after


class Unanswered(SendError):
    """The request left and no usable answer came. It may have been sent: never tried again blindly."""

    status = Status.UNKNOWN


class Refused(SendError):
    """The upstream said no, in its own code, kept verbatim in `raw_code` and `raw_text`. Final."""

    def __init__(self, status: Status, raw_code: str, raw_text: str = "") -> None:
        super().__init__(raw_text or status.description)
        self.status = status
        self.raw_code = raw_code
        self.raw_text = raw_text


class Misconfigured(SendError):
    """The upstream refuses the gateway itself (its credentials, the address): its queue is held, no message fails."""


class WrongKey(Misconfigured):
    """The upstream refuses the credentials that it was shown."""


class Denied(SendError):
    """The upstream refuses the caller's own credentials. Final: they are not the gateway's to mend."""

    status = Status.GENERIC_REJECTED


class Unsupported(SendError):
    """This upstream's protocol cannot say what the message asks for. Final here."""

    status = Status.GENERIC_REJECTED


class ConfigError(Exception):
    """The configuration cannot be used; `problems` holds every sentence, each with file and line."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)
