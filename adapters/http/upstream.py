"""Sluss calls a provider that the configuration describes: a dispatch becomes one request, filled into templates."""

import re
from contextlib import suppress
from functools import partial
from html import unescape
from urllib.parse import unquote, unquote_plus

from adapters.http.codec import BODIES, percent
from adapters.http.meaning import Answer, Finder, Reader
from adapters.http.options import ID, MESSAGE, PREFIXES, HttpOptions, secret_name
from adapters.http.wire import Request, Writer
from gateway.errors import Misconfigured, Refused, SendError, Throttled, Unanswered, Unsupported
from gateway.ids import Kind, public_id
from gateway.model import Dispatch, MessageType
from gateway.pacing import SOONEST, next_question
from gateway.ports import Call, Poll, Receipt, Receipts, Reply, Report
from gateway.status import Status
from gateway.text import choose, render

MAX_WAIT = 3600.0
"""Seconds; a Retry-After beyond this is not believed."""

MAX_WORDS = 500
"""Characters of an answer that are kept with a refusal."""

MIN_SECRET = 6
"""Characters; whether an answer repeats a shorter one is not looked at, for it would be found by chance in any id."""

_DECIMAL = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,6})?").fullmatch


class HttpUpstream:
    """One account with a provider."""

    def __init__(self, options: HttpOptions) -> None:
        self.max_recipients = options.recipients_per_call
        self._options = options
        self._secrets = {secret_name(name): value.get_secret_value() for name, value in options.secrets.items()}
        self._unspeakable = [
            form
            for secret in self._secrets.values()
            if len(secret) >= MIN_SECRET
            for form in _forms(secret, options.charset)
        ]
        self._send = self._writer(options, *MESSAGE)
        self._ask = self._writer(options.poll, *MESSAGE, ID) if options.poll else None
        self._misconfigured, self._temporary = Reader(options.misconfigured), Reader(options.temporary)
        self._permanent, self._accepted = Reader(options.permanent), Reader(options.accepted)
        self._id = Finder(options.id) if options.id else None
        self._code = Finder(options.code) if options.code else None
        self._outcome = Finder(options.poll.code) if options.poll else None

    def _writer(self, request: Request, *known: str) -> Writer:
        return Writer(request, (*known, *self._secrets), self._options.charset, self._options.separator)

    def encode(self, dispatch: Dispatch, report_url: str | None) -> Call:
        """The request for this dispatch. Raises Unsupported where the templates cannot say it."""
        if len(dispatch.messages) > self.max_recipients:
            raise Unsupported(f"One call carries {self.max_recipients} recipients at most")
        if dispatch.batch.content.type is MessageType.FLASH and "type" not in self._send.names:
            raise Unsupported("The request has no {type}, so it cannot ask for a flash message")
        return self._send.call(self._values(dispatch, report_url))

    def _values(self, dispatch: Dispatch, report_url: str | None) -> dict[str, str | tuple[str, ...]]:
        content, words = dispatch.batch.content, self._options.values
        texts = {
            content.body if content.defaults is None else render(content.body, message.params, content.defaults)
            for message in dispatch.messages
        }
        if len(texts) > 1:
            raise Unsupported("Its recipients get different texts, and one call carries one text")
        text = texts.pop()
        prefix = PREFIXES[self._options.number_format]
        numbers = tuple(prefix + message.recipient for message in dispatch.messages)
        return {
            "recipient": numbers[0],
            "recipients": numbers,
            "sender": content.sender,
            "text": text,
            "reference": public_id(Kind.DISPATCH, dispatch.batch.created, dispatch.key),
            "report_url": report_url or "",
            "priority": getattr(words.priority, content.priority.name.lower()),
            "coding": getattr(words.coding, choose(text, content.datacoding).value),
            "type": getattr(words.type, content.type.value),
            **self._secrets,
        }

    def decode(self, reply: Reply, dispatch: Dispatch) -> Receipts:
        """The same receipt for each message. Raises SendError."""
        answer = Answer(reply, self._options.charset)
        code = self._spoken(self._code, answer)
        if error := self._error(answer, code):
            raise error
        status = self._options.codes.get(code or "", Status.QUEUED)
        if _rejects(status):
            # It says that it took the request, and in the same breath that the message came to nothing.
            raise self._refused(answer, code)
        ref = self._spoken(self._id, answer)
        askable = self._ask is not None and not status.final and (ref is not None or ID not in self._ask.names)
        receipts = tuple(Receipt(message.number, status, code) for message in dispatch.messages)
        return Receipts(ref, receipts, SOONEST if askable else None)

    def _error(self, answer: Answer, code: str | None) -> SendError | None:
        """What an answer to a message decides that is not its acceptance."""
        told = f"The upstream answers {answer.status}"
        if self._misconfigured.fits(answer):
            return Misconfigured(told)  # its words may repeat the key
        if self._temporary.fits(answer):
            return Throttled(told, _seconds(answer.headers.get("Retry-After", "")))
        if self._permanent.fits(answer):
            return self._refused(answer, code)
        return None if self._accepted.fits(answer) else Unanswered(f"{told}, and no rule says what that means")

    def _refused(self, answer: Answer, code: str | None) -> Refused:
        status = self._options.codes.get(code or "", Status.GENERIC_REJECTED)
        words = answer.text if self._is_speakable(answer.text) else ""
        return Refused(
            status if _rejects(status) else Status.GENERIC_REJECTED, code or str(answer.status), words[:MAX_WORDS]
        )

    def _spoken(self, finder: Finder | None, answer: Answer) -> str | None:
        found = finder.find(answer) if finder else None
        return found if found is not None and self._is_speakable(found) else None

    def _is_speakable(self, text: str) -> bool:
        """Whether an answer can be kept: one that repeats a secret, in any form it was sent in, cannot."""
        plain = _PLAIN(lambda match: chr(int(match[1], 16)), text.replace("\\/", "/"))
        told = (text, plain, unescape(plain), unquote_plus(plain), unquote(plain))
        return not any(form in words.lower() for form in self._unspeakable for words in told)

    def ask(self, dispatch: Dispatch) -> Call:
        """The question how a dispatch went. Raises Unsupported where none is configured, or its id is not known."""
        if self._ask is None or (dispatch.upstream_ref is None and ID in self._ask.names):
            raise Unsupported("This upstream cannot be asked how a message went")
        return self._ask.call(self._values(dispatch, None) | {ID: dispatch.upstream_ref or ""})

    def read(self, reply: Reply, dispatch: Dispatch, now: int) -> Poll:
        """Its code as a status; one that nobody described is Unknown, and is asked again. Raises SendError."""
        again = next_question(now if dispatch.sent_at is None else dispatch.sent_at, now)
        answer = Answer(reply, self._options.charset)
        if not 200 <= answer.status < 300:
            if again is None:
                return Poll((), None)
            raise self._unreadable(answer)
        code = self._spoken(self._outcome, answer)
        if code is None:
            return Poll((), again)
        status = self._options.codes.get(code, Status.UNKNOWN)
        reports = tuple(Report(status, number=message.number, raw_code=code) for message in dispatch.messages)
        return Poll(reports, None if status.final else again)

    def ask_balance(self) -> Call:
        """The question what is left. Raises Unsupported where none is configured."""
        if self._options.balance is None:
            raise Unsupported("This upstream cannot be asked for its balance")
        return self._writer(self._options.balance).call(self._secrets)

    def read_balance(self, reply: Reply) -> tuple[str, str]:
        """(decimal digits, currency). Raises SendError."""
        answer = Answer(reply, self._options.charset)
        balance = self._options.balance
        if balance is None or not 200 <= answer.status < 300:
            raise self._unreadable(answer)
        amount = self._spoken(Finder(balance.amount), answer)
        if amount is None or not _DECIMAL(amount):
            raise Unanswered("The upstream's answer names no balance")
        currency = balance.currency
        return amount, currency if isinstance(currency, str) else self._spoken(Finder(currency), answer) or ""

    def _unreadable(self, answer: Answer) -> SendError:
        told = f"The upstream answers {answer.status}"
        return Misconfigured(told) if self._misconfigured.fits(answer) else Unanswered(told)


_PLAIN = partial(re.compile(r"\\u([0-9a-fA-F]{4})").sub)


def _rejects(status: Status) -> bool:
    return status.final and not status.delivered


def _forms(secret: str, charset: str) -> set[str]:
    """How an answer may repeat a secret, in small letters: as it is, and as it may have been written."""
    forms = {secret.lower()}
    for escape in (percent, *BODIES.values()):
        with suppress(UnicodeEncodeError, Unsupported):
            forms.add(escape(secret, charset).lower())
    return forms


def _seconds(text: str) -> float:
    # The other form of Retry-After is a date; a provider that throttles means seconds, and one is a fair guess.
    return min(MAX_WAIT, float(text)) if text.isascii() and text.isdigit() and len(text) < 9 else 1.0
