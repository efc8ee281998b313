"""Sluss calls a v1 provider: a dispatch becomes one POST sms/send, and what came of it is asked for later."""

import json
import re
from base64 import b64encode
from collections.abc import Collection, Mapping
from typing import Any

import orjson

from adapters.rest_v1.options import RestV1Options
from gateway.clock import parse_iso
from gateway.errors import Misconfigured, Refused, SendError, Throttled, Unanswered, Unsupported, WrongKey
from gateway.model import Content, Dispatch, MessageType
from gateway.msisdn import MAX_DIGITS, normalise
from gateway.pacing import SOONEST, next_question
from gateway.ports import Call, Poll, Receipt, Receipts, Reply, Report
from gateway.status import Status
from gateway.text import placeholders, render
from gateway.translator import LEGACY

Entry = Mapping[str, Any]
"""One SMS of an answer. Numbers are held as the digits that were written."""

MAX_WAIT = 3600.0
"""Seconds; a Retry-After beyond this is not believed."""

# HTTP status -> what it means for the dispatch, where it is not a verdict on the message itself. A wrong key or
# address is ours to mend: the queue waits and nothing fails. Redirects are not followed, so nothing was posted.
_HOLD = frozenset({301, 302, 303, 307, 308, 401, 403, 404, 405, 415})
_LATER = frozenset({408, 425, 429})

# Which property a validation error names -> the status of the messages.
_FIELDS = {"from": Status.INVALID_SENDER, "numbers": Status.INVALID_RECIPIENT, "message": Status.INVALID_CONTENT}

_DECIMAL = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,6})?").fullmatch
_ID = re.compile(r"[1-9][0-9]{0,18}").fullmatch
_REFERENCE = re.compile(r"(bundle/)?[1-9][0-9]{0,18}").fullmatch
_UNWRITABLE = re.compile("[\0\ud800-\udfff]")
_NOT_NAMED = "The upstream's answer does not name this recipient"


class RestV1Upstream:
    """One v1 account."""

    def __init__(self, options: RestV1Options) -> None:
        self.max_recipients = options.max_recipients
        self.base = self._base = options.url.rstrip("/")
        self._relays = options.relay
        login = f"{options.account}:{options.key.get_secret_value()}".encode()
        self._headers = {"Authorization": f"Basic {b64encode(login).decode()}", "Content-Type": "application/json"}

    def encode(self, dispatch: Dispatch, report_url: str | None) -> Call:  # noqa: ARG002 - v1 posts no reports
        """The SMS that carries this dispatch. Raises Unsupported for a flash, and for what v1 would change.

        What stays unsaid changes no text: v1 chooses the coding itself, windows are waited for here, and tags and
        references are kept here.
        """
        content = dispatch.batch.content
        _check(content)
        text, parameters = _texts(dispatch)
        document: dict[str, object] = {
            "Numbers": [message.recipient for message in dispatch.messages],
            "From": content.sender,
            "Message": text,
            "Prio": content.priority.value,
            "Email": False,
        }
        if parameters:
            document["Parameters"] = parameters
        return Call("POST", f"{self._base}/sms/send", headers=self._headers, body=orjson.dumps(document))

    def decode(self, reply: Reply, dispatch: Dispatch) -> Receipts:
        """What became of each recipient; whatever it has taken is Queued there. Raises SendError."""
        document = _document(reply.body)
        if not 200 <= reply.status < 300:
            raise _error(reply, document)
        entries = _entries(document, dispatch)
        if not entries:
            raise Unanswered("The upstream answered success, but named none of the recipients")
        receipts = tuple(_receipt(message.number, entries.get(message.number)) for message in dispatch.messages)
        reference = _reference(entries.values())
        settled = reference is None or all(receipt.status.final for receipt in receipts)
        return Receipts(reference, receipts, None if settled else SOONEST)

    def ask(self, dispatch: Dispatch) -> Call:
        """The question for the bundle, or for the one SMS. Raises Unsupported where the upstream named neither."""
        reference = dispatch.upstream_ref or ""
        if not _REFERENCE(reference):
            raise Unsupported("The upstream gave no id that can be asked about")
        return Call("GET", f"{self._base}/sms/sent/{reference}", headers=self._headers)

    def read(self, reply: Reply, dispatch: Dispatch, now: int) -> Poll:
        """The status of every message that the answer names. Raises SendError.

        An SMS that is not found, by 404 or by an empty body as a client knows it, may turn up later.
        """
        again = next_question(now if dispatch.sent_at is None else dispatch.sent_at, now)
        document = _document(reply.body)
        if reply.status == 404 or (reply.status == 200 and not reply.body.strip()):
            return Poll((), again)
        if reply.status != 200:
            raise _error(reply, document)
        if not isinstance(document, list | dict):
            raise Unanswered("The upstream's answer is no SMS and no list of them")
        reports = {number: _report(number, entry) for number, entry in _entries(document, dispatch).items()}
        statuses = [
            reports[message.number].status if message.number in reports else message.status
            for message in dispatch.messages
        ]
        return Poll(tuple(reports.values()), None if all(status.final for status in statuses) else again)

    def relay(self, call: Call) -> Call:
        """The same call with the account's key. Raises Unsupported where this upstream is not to be asked."""
        if not self._relays:
            raise Unsupported("This upstream takes messages alone")
        headers = {**call.headers, "Authorization": self._headers["Authorization"]}
        return call._replace(path=f"{self._base}/{call.path}", headers=headers)

    def ask_balance(self) -> Call:
        """The account document. `me/account` has a balance as well, but tells the account's key with it."""
        return Call("GET", f"{self._base}/me", headers=self._headers)

    def read_balance(self, reply: Reply) -> tuple[str, str]:
        """(decimal digits, currency). Raises SendError."""
        document = _document(reply.body)
        if reply.status != 200:
            raise _error(reply, document)
        balance = document.get("Balance") if isinstance(document, dict) else None
        if not isinstance(balance, str) or not _DECIMAL(balance):
            raise Unanswered("The upstream's answer names no balance")
        return balance, _words(document.get("Currency"))[:3]


def _check(content: Content) -> None:
    if content.type is MessageType.FLASH:
        raise Unsupported("REST v1 cannot send a flash")
    number = content.sender.removeprefix("+")
    if number.isdecimal() and len(number) > MAX_DIGITS:
        # v1 cuts a sender that is too long (the provider's SDK): the rest of a number is somebody else's.
        raise Unsupported(f"REST v1 would cut a sender of more than {MAX_DIGITS} digits")


def _texts(dispatch: Dispatch) -> tuple[str, dict[str, dict[str, str]]]:
    """The text with its template arguments; without any where all recipients get the same.

    v1 leaves a placeholder as it stands unless somebody gives its argument, and an argument's name may be anything.
    So each placeholder gets a default, and only arguments of placeholders are given.
    """
    content = dispatch.batch.content
    if content.defaults is None:
        return content.body, {}
    texts = {render(content.body, message.params, content.defaults) for message in dispatch.messages}
    if len(texts) == 1:
        return texts.pop(), {}
    names = sorted(placeholders(content.body))
    missed = [name for name in names if any(name not in message.params for message in dispatch.messages)]
    parameters = {
        message.recipient: {name: message.params[name] for name in names if name in message.params}
        for message in dispatch.messages
    }
    parameters["default"] = {name: content.defaults.get(name, "") for name in missed}
    for given in parameters.values():
        if any(placeholders(value) & set(names) - {name} for name, value in given.items()):
            # Nobody documents whether v1 replaces what it has put in.
            raise Unsupported("A template argument holds a placeholder of the same text")
    return content.body, {number: given for number, given in parameters.items() if given}


def _document(body: bytes) -> Any:
    # Numbers as text: 1000.00 must not become 1000.0, and clients were seen to put quotes around numbers.
    try:
        return json.loads(body, parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        return None


def _entries(document: object, dispatch: Dispatch) -> dict[int, Entry]:
    """The first SMS of each message, by its number; what is another's, or has no status, is passed over."""
    numbers = {message.recipient: message.number for message in dispatch.messages}
    found: dict[int, Entry] = {}
    for entry in document if isinstance(document, list) else [document]:
        if isinstance(entry, dict) and isinstance(entry.get("To"), str) and isinstance(entry.get("Status"), str):
            # No country: a number without one could be anybody's, and v1 answers with one.
            number = numbers.get(normalise(entry["To"], "0") or "")
            if number is not None:
                found.setdefault(number, entry)
    return found


def _receipt(number: int, entry: Entry | None) -> Receipt:
    if entry is None:
        return Receipt(number, Status.UNKNOWN, None, _NOT_NAMED)
    status = LEGACY.to_status(entry["Status"])
    kept = status is Status.UNKNOWN or (status.final and not status.delivered)
    return Receipt(number, status if kept else Status.QUEUED, *_raw(entry))


def _report(number: int, entry: Entry) -> Report:
    raw_code, raw_text = _raw(entry)
    price, currency = entry.get("TotalPrice"), _words(entry.get("Currency")).upper()[:3]
    # 0 stands where no price is known yet.
    priced = isinstance(price, str) and _DECIMAL(price) is not None and price.strip("-0.") != ""
    return Report(
        status=LEGACY.to_status(entry["Status"]),
        created=_moment(entry.get("Modified")),
        number=number,
        raw_code=raw_code,
        raw_text=raw_text,
        price=price if priced else None,
        currency=currency if priced and currency else None,
    )


def _raw(entry: Entry) -> tuple[str, str | None]:
    return _words(entry["Status"])[:20], _words(entry.get("StatusDescription")) or None


def _reference(entries: Collection[Entry]) -> str | None:
    """Where under `sms/sent` these SMS are found: their bundle, or the one SMS, which has none."""
    for entry in entries:
        bundle = entry.get("BundleID")
        if isinstance(bundle, str) and _ID(bundle):
            return f"bundle/{bundle}"
    ids = [entry.get("ID") for entry in entries]
    return ids[0] if len(ids) == 1 and isinstance(ids[0], str) and _ID(ids[0]) else None


def _moment(value: object) -> int | None:
    try:
        return parse_iso(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _words(value: object) -> str:
    return _UNWRITABLE.sub("\ufffd", value[:500]) if isinstance(value, str) else ""


def _error(reply: Reply, document: Any) -> SendError:
    told = document if isinstance(document, dict) else {}
    words = _words(told.get("Message"))
    if reply.status == 403 and "credit" in words.lower():
        return Refused(Status.INSUFFICIENT_FUNDS, "403", words)
    if reply.status in _HOLD:
        kind = WrongKey if reply.status == 401 else Misconfigured
        return kind(f"The upstream answers {reply.status}")  # its words may repeat the key
    if reply.status in _LATER or (reply.status == 503 and "Retry-After" in reply.headers):
        return Throttled(f"The upstream answers {reply.status}", _seconds(reply.headers.get("Retry-After", "")))
    if not 400 <= reply.status < 500:
        return Unanswered(f"The upstream answers {reply.status}")
    return Refused(_verdict(reply.status, told), str(reply.status), words)


def _verdict(http: int, document: Mapping[str, Any]) -> Status:
    if http == 402:
        return Status.INSUFFICIENT_FUNDS
    state = document.get("ModelState")
    # ASP.NET names the parameter in front of the property, and the place in a list behind it: `sms.Numbers[0]`.
    named = [name.rpartition(".")[2].partition("[")[0].lower() for name in state] if isinstance(state, dict) else []
    return next((_FIELDS[name] for name in named if name in _FIELDS), Status.GENERIC_REJECTED)


def _seconds(text: str) -> float:
    # The other form of Retry-After is a date; a provider that throttles means seconds, and one is a fair guess.
    return min(MAX_WAIT, float(text)) if text.isascii() and text.isdigit() and len(text) < 9 else 1.0
