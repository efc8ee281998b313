"""Sluss calls a `sendsms.asmx`, or the service of a WSDL: a message becomes one call, its result an id or a code.

The envelope is written here, from the same description that the face is served by; a test holds it against what zeep
makes of the WSDL.
"""

import re

from adapters.soap import wire
from adapters.soap.binding import Bound
from adapters.soap.options import SoapUpstreamOptions
from adapters.soap.wire import Envelope, Version
from gateway.errors import Malformed, Misconfigured, Refused, SendError, Throttled, Unanswered, Unsupported, WrongKey
from gateway.model import Dispatch, MessageType, Priority
from gateway.ports import Call, Poll, Receipt, Receipts, Reply
from gateway.status import Status
from gateway.text import render
from gateway.translator import LEGACY, LegacyCode

_NUMBER = re.compile("[0-9]{1,18}").fullmatch
_AMOUNT = re.compile("-?[0-9]{1,15}([.,][0-9]{1,6})?").fullmatch
_LAST_CODE = max(code.value for code in LegacyCode)
_NO_BALANCE = {str(code.value) for code, row in LEGACY.rows.items() if row.answers_request}

_PRIORITIES = {Priority.NORMAL: "2", Priority.HIGH: "3"}
"""Clients call 2 normal and 3 urgent (PYSMS, MYSMS)."""

# A wrong key or address is ours to mend: the queue waits, and nothing fails.
_LATER = frozenset({408, 425, 429})
_HOLD = frozenset({301, 302, 303, 307, 308, 401, 403, 404, 405, 407, 410, 415})
_MAX_WAIT = 3600.0
"""Seconds; a Retry-After beyond this is not believed."""


class SoapUpstream:
    """One account behind a SOAP service."""

    max_recipients = 1
    """One id comes back, whomever the request names."""

    def __init__(self, options: SoapUpstreamOptions) -> None:
        self._url = options.url
        self._version = Version.SOAP_11 if options.version == "1.1" else Version.SOAP_12
        self._namespace, self._sms, self._balance = options.namespace_spoken, options.sms, options.balance
        self._key = options.key.get_secret_value()
        self._login = {"account": options.account, "key": self._key}

    def encode(self, dispatch: Dispatch, report_url: str | None) -> Call:  # noqa: ARG002 - nothing is reported
        """The call that carries the one message. Raises Unsupported for what the operation cannot say.

        What stays unsaid changes no text: the provider chooses the coding, windows are waited for here.
        """
        if len(dispatch.messages) != 1:
            raise Unsupported("The SOAP service is sent one recipient at a time")
        content, (message,) = dispatch.batch.content, dispatch.messages
        if content.type is not MessageType.SMS:
            raise Unsupported("The SOAP service knows no flash message")
        defaults = content.defaults
        return self._call(
            self._sms,
            {
                **self._login,
                "recipients": message.recipient,
                "sender": content.sender,
                "text": content.body if defaults is None else render(content.body, message.params, defaults),
                "priority": _PRIORITIES[content.priority],
            },
        )

    def decode(self, reply: Reply, dispatch: Dispatch) -> Receipts:
        """An id means that it is Queued there, a code what it says. Raises SendError."""
        raw = self._result(self._sms, reply)
        if not _NUMBER(raw):
            raise Unanswered("The upstream's result is no number")
        if int(raw) > _LAST_CODE:
            return Receipts(raw, tuple(Receipt(message.number, Status.QUEUED) for message in dispatch.messages))
        refusal = LEGACY.refusal(raw)
        if refusal is not None:
            raise refusal
        return Receipts(
            None, tuple(Receipt(message.number, LEGACY.to_status(raw), raw) for message in dispatch.messages)
        )

    def ask(self, dispatch: Dispatch) -> Call:  # noqa: ARG002 - nothing is ever asked
        """Raises Unsupported: no operation tells a status."""
        raise Unsupported

    def read(self, reply: Reply, dispatch: Dispatch, now: int) -> Poll:  # noqa: ARG002 - nothing was asked
        """Nothing was asked."""
        return Poll((), None)

    def ask_balance(self) -> Call:
        """The call of `balans`. Raises Unsupported where the WSDL has no such operation."""
        if self._balance is None:
            raise Unsupported("The SOAP service tells no balance")
        return self._call(self._balance, self._login)

    def read_balance(self, reply: Reply) -> tuple[str, str]:
        """The digits as they were told, without a currency. Raises SendError."""
        if self._balance is None:
            raise Unsupported("The SOAP service tells no balance")
        raw = self._result(self._balance, reply)
        if raw in _NO_BALANCE:
            raise LEGACY.refusal(raw) or Unanswered("The upstream tells no balance")
        if not _AMOUNT(raw):
            raise Unanswered("The upstream's balance is no amount")
        return raw.replace(",", "."), ""

    def _call(self, bound: Bound, values: dict[str, str]) -> Call:
        elements = [
            (parameter, values.get(bound.meanings[parameter.name], "")) for parameter in bound.operation.parameters
        ]
        try:
            body = wire.call(self._version, self._namespace, bound.operation.name, elements)
        except ValueError:
            raise Unsupported("The text holds characters that XML has not") from None
        action = bound.operation.action
        if self._version is Version.SOAP_11:
            headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{action}"'}
        else:
            headers = {"Content-Type": f'application/soap+xml; charset=utf-8; action="{action}"'}
        return Call("POST", self._url, headers=headers, body=body)

    def _result(self, bound: Bound, reply: Reply) -> str:
        """The text of the result. Raises SendError."""
        if reply.status in _HOLD:
            raise (WrongKey if reply.status == 401 else Misconfigured)(f"The upstream answers {reply.status}")
        if reply.status in _LATER or (reply.status == 503 and "Retry-After" in reply.headers):
            raise Throttled(f"The upstream answers {reply.status}", _seconds(reply.headers.get("Retry-After", "")))
        if 400 <= reply.status < 500:
            raise Refused(Status.GENERIC_REJECTED, str(reply.status))
        if reply.status not in (200, 202, 500):
            raise Unanswered(f"The upstream answers {reply.status}")
        try:
            envelope = wire.read(reply.body, None)
        except Malformed:
            raise Unanswered("The upstream's answer is no SOAP envelope") from None
        if envelope.operation[1] == "Fault":
            raise self._fault(envelope)
        found = dict(envelope.elements).get(bound.operation.result)
        if reply.status == 500 or not isinstance(found, str):
            raise Unanswered("The upstream's answer holds no result")
        return found.strip()

    def _fault(self, envelope: Envelope) -> SendError:
        """What a fault decides: the codes of SOAP 1.1 and 1.2 tell whose it is."""
        parts = {
            name: " ".join(filter(None, value)) if isinstance(value, tuple) else value
            for name, value in envelope.elements
        }
        code = (parts.get("faultcode") or parts.get("Code") or "").strip().rpartition(":")[2]
        words = (parts.get("faultstring") or parts.get("Reason") or "").strip()
        words = "" if self._key in words else words[:200]
        if code in {"Client", "Sender"}:
            return Refused(Status.GENERIC_REJECTED, code, words)
        if code in {"MustUnderstand", "VersionMismatch"}:
            return Misconfigured(f"The upstream answers with a fault: {code}")
        return Unanswered("The upstream answers with a fault of its own")


def _seconds(text: str) -> float:
    return min(_MAX_WAIT, float(text)) if text.isascii() and text.isdigit() and len(text) < 9 else 1.0
