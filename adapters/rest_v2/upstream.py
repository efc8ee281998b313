"""Sluss calls a v2 provider: a dispatch becomes one POST /v2/batches."""

import json
import re
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator

from adapters.rest_v2.exchange import said
from adapters.rest_v2.wire import window_document
from gateway.errors import Misconfigured, Refused, SendError, Throttled, Unanswered, Unsupported, WrongKey
from gateway.ids import Kind, public_id
from gateway.model import DataCoding, Dispatch
from gateway.ports import Call, Credentials, Found, Poll, Receipt, Receipts, Reply
from gateway.status import Status
from gateway.urls import BaseUrl

MAX_WAIT = 3600.0
"""Seconds; a Retry-After beyond this is not believed."""

_PAGE = 50
"""Batches that one page of the provider's list holds."""

_CLOCKS_APART = 300
"""Seconds that our clock and the provider's may differ."""

_ID = re.compile("[0-9a-f]{24}").fullmatch

# HTTP status -> what it means for the dispatch, where it is not a verdict on the message itself. A wrong key or
# address is ours to mend: the queue waits and nothing fails. Redirects are not followed, so nothing was posted.
_HOLD = frozenset({301, 302, 303, 307, 308, 401, 404, 405, 415})
_DECIMAL = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,6})?").fullmatch
_LATER = frozenset({408, 425, 429})

# Which documented field an error names -> the status of the messages.
_FIELDS = (
    ("sender", Status.INVALID_SENDER),
    ("recipient", Status.INVALID_RECIPIENT),
    ("body", Status.INVALID_CONTENT),
)


_TOKEN = re.compile("[!-~]+").fullmatch


class RestV2Options(BaseModel):
    """What the configuration of a v2 upstream says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: BaseUrl = Field(description="The API's base, as https://api.ip1sms.com/v2")
    token: SecretStr = Field(description="The API key, sent as a bearer token", min_length=1)
    max_recipients: int = Field(500, ge=1, le=500, description="Recipients per request; larger batches are split")
    gather: int = Field(
        1, ge=1, le=500, description="How many single messages of different batches may share one request; 1 is none"
    )
    relay: bool = Field(False, description="Whether calls under /v2 that are not served here are passed on to it")

    @field_validator("gather")
    @classmethod
    def _fits(cls, most: int, info: ValidationInfo) -> int:
        if most > info.data.get("max_recipients", most):
            raise ValueError("must be at most max_recipients: lower it, or raise that")
        return most


class RestV2Upstream:
    """One v2 account."""

    def __init__(self, options: RestV2Options) -> None:
        self.max_recipients = options.max_recipients
        self.gather = options.gather
        self.base = self._base = options.url.rstrip("/")
        self._relays = options.relay
        self._headers = {
            "Authorization": f"Bearer {options.token.get_secret_value()}",
            "Content-Type": "application/json",
        }

    def encode(self, dispatch: Dispatch, report_url: str | None) -> Call:
        """The batch that carries this dispatch. Its `reference` is ours, so that it can be looked up and matched."""
        content = dispatch.batch.content
        document: dict[str, Any] = {
            "sender": content.sender,
            "recipients": _recipients(dispatch),
            "body": content.body,
            "type": content.type.value,
            "datacoding": (content.datacoding or DataCoding.GSM).value,
            "priority": content.priority.value,
            "reference": _reference(dispatch),
        }
        if content.windows:
            document["deliveryWindows"] = [window_document(window) for window in content.windows]
        if report_url:
            document["deliveryReportUrl"] = report_url
        if content.tags:
            document["tags"] = content.tags
        return Call("POST", f"{self._base}/batches", headers=self._headers, body=orjson.dumps(document))

    def decode(self, reply: Reply, dispatch: Dispatch) -> Receipts:
        """The provider has it: Queued there. Raises SendError."""
        document = _document(reply)
        if not 200 <= reply.status < 300:
            raise _error(reply, document)
        if not isinstance(document.get("id"), str):
            raise Unanswered("The upstream answered success, but not with a batch document")
        return _receipts(document, dispatch)

    def ask(self, dispatch: Dispatch) -> Call:  # noqa: ARG002 - nothing is ever asked
        """Raises Unsupported: v2 reports by itself."""
        raise Unsupported

    def read(self, reply: Reply, dispatch: Dispatch, now: int) -> Poll:  # noqa: ARG002 - nothing was asked
        """Nothing was asked."""
        return Poll((), None)

    def find(self, page: int) -> Call:
        """The newest batches of the account, one page of them."""
        query = f"start={page * _PAGE}&limit={_PAGE}&order=DESC"
        return Call("GET", f"{self._base}/batches", query, headers=self._headers)

    def found(self, reply: Reply, dispatch: Dispatch) -> Found:
        """The batch with our reference; ids tell when a batch was made, so that older pages need not be asked for."""
        if reply.status != 200:
            raise _error(reply, _document(reply))
        try:
            batches = orjson.loads(reply.body)
        except orjson.JSONDecodeError:
            batches = None
        if not isinstance(batches, list):
            raise Unanswered("The upstream's answer is no list of batches")
        documents = [batch for batch in batches if isinstance(batch, dict) and isinstance(batch.get("id"), str)]
        reference = _reference(dispatch)
        for document in documents:
            if document.get("reference") == reference:
                return Found(_receipts(document, dispatch), more=False)
        seconds = [int(document["id"][:8], 16) for document in documents if _ID(document["id"])]
        since = (dispatch.sent_at or dispatch.batch.created) // 1000 - _CLOCKS_APART
        return Found(None, more=len(batches) >= _PAGE and min(seconds, default=since) >= since)

    def relay(self, call: Call) -> Call:
        """The same call with the API key. Raises Unsupported where this upstream is not to be asked."""
        if not self._relays:
            raise Unsupported("This upstream takes messages alone")
        headers = {**call.headers, "Authorization": self._headers["Authorization"]}
        return call._replace(path=f"{self._base}/{call.path}", headers=headers)

    def ask_balance(self) -> Call:
        """v2 has no balance of its own; its users find it under /api/me with the same bearer token."""
        return Call("GET", f"{self._base.removesuffix('/v2')}/api/me", headers=self._headers)

    def read_balance(self, reply: Reply) -> tuple[str, str]:
        """(decimal digits, currency). Raises SendError."""
        document = _document(reply)
        if reply.status != 200:
            raise _error(reply, document)
        # As text, not as a float: 1000.00 must not become 1000.0 on its way to a client that prints it.
        try:
            balance = json.loads(reply.body, parse_float=str, parse_int=str).get("Balance") if document else None
        except (ValueError, RecursionError):  # orjson reads deeper nesting, and other bytes
            balance = None
        if not isinstance(balance, str) or not _DECIMAL(balance):
            raise Unanswered("The upstream's answer names no balance")
        currency = document.get("Currency")
        return balance, currency[:3] if isinstance(currency, str) else ""


def _reference(dispatch: Dispatch) -> str:
    """What the upstream knows a dispatch by."""
    return public_id(Kind.DISPATCH, dispatch.batch.created, dispatch.key)


def _receipts(document: dict[str, Any], dispatch: Dispatch) -> Receipts:
    raw = said(document.get("status")) or None
    return Receipts(document["id"], tuple(Receipt(message.number, Status.QUEUED, raw) for message in dispatch.messages))


def _recipients(dispatch: Dispatch) -> Any:
    if not dispatch.batch.content.templated:
        return [message.recipient for message in dispatch.messages]
    recipients: dict[str, Any] = {message.recipient: dict(message.params) for message in dispatch.messages}
    return recipients | {"default": dict(dispatch.batch.content.defaults or {})}


def _document(reply: Reply) -> dict[str, Any]:
    try:
        document = orjson.loads(reply.body)
    except orjson.JSONDecodeError:
        return {}
    return document if isinstance(document, dict) else {}


def _error(reply: Reply, document: dict[str, Any]) -> SendError:
    words = next(filter(None, (said(document.get(name)) for name in ("detail", "title", "message"))), "")[:500]
    if reply.status in _HOLD:
        kind = WrongKey if reply.status == 401 else Misconfigured
        return kind(f"The upstream answers {reply.status}")  # its words may repeat the key
    if reply.status in _LATER or (reply.status == 503 and "Retry-After" in reply.headers):
        return Throttled(f"The upstream answers {reply.status}", _seconds(reply.headers.get("Retry-After", "")))
    if reply.status >= 500 or reply.status < 200:
        return Unanswered(f"The upstream answers {reply.status}")
    return Refused(_status(reply, document), str(reply.status), words)


def _status(reply: Reply, document: dict[str, Any]) -> Status:
    if reply.status == 402 or (reply.status == 403 and b"credit" in reply.body.lower()):
        return Status.INSUFFICIENT_FUNDS
    errors = document.get("errors")
    named = " ".join(str(name).lower() for name in errors) if isinstance(errors, dict) else ""
    return next((status for word, status in _FIELDS if word in named), Status.GENERIC_REJECTED)


def _seconds(text: str) -> float:
    # The other form of Retry-After is a date; a provider that throttles means seconds, and one is a fair guess.
    return min(MAX_WAIT, float(text)) if text.isascii() and text.isdigit() and len(text) < 9 else 1.0


def as_caller(options: RestV2Options, credentials: Credentials) -> RestV2Options:
    """The options with a caller's own credentials. Raises Unsupported where a header cannot carry them."""
    if not _TOKEN(credentials.key.get_secret_value()):
        raise Unsupported("The caller's key cannot be a bearer token")
    return options.model_copy(update={"token": credentials.key})
