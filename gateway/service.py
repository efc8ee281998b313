"""What a command does: check, route and store a batch; answer a question."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

import structlog

from gateway import text
from gateway.clock import Clock
from gateway.commands import (
    Accepted,
    AccountStatus,
    Answer,
    BatchCanceled,
    BatchStatus,
    CancelBatch,
    GetAccount,
    GetBatch,
    GetMessage,
    Inquiry,
    ListMessages,
    MessageList,
    MessageStatus,
    SubmitBatch,
)
from gateway.config import Caller
from gateway.errors import BadContent, BadRecipient, BadSender, Malformed, NotFound, TooLate
from gateway.ids import LAST_NUMBER, Kind, key_of, public_id
from gateway.lifecycle import progress
from gateway.model import MAX_BODY, MAX_RECIPIENTS, Account, Batch, Content, DataCoding, Recipient
from gateway.msisdn import normalise
from gateway.observe import Metrics
from gateway.ports import NewBatch, NewDispatch, Store
from gateway.router import Leg, Question, Router
from gateway.sender import is_documented, shorten
from gateway.status import Status

log = structlog.get_logger()

Balance = Callable[[], Awaitable[tuple[str, str]]]


class Service:
    """Decides. Knows no protocol: faces bring commands, and turn results and errors into their own words."""

    def __init__(
        self,
        store: Store,
        router: Router,
        clock: Clock,
        *,
        chunk: Mapping[str, int],
        balances: Mapping[str, Balance],
        wake: Callable[[Iterable[str]], None],
        metrics: Metrics,
    ) -> None:
        """`chunk`: recipients one call of an upstream may carry. `wake` tells upstreams that they have work."""
        self._store = store
        self._router = router
        self._clock = clock
        self._chunk = chunk
        self._balances = balances
        self._wake = wake
        self._metrics = metrics

    async def run(self, command: CancelBatch | Inquiry, caller: Caller, face: str) -> Answer:
        """Answer or cancel. Raises RequestError; Internal and SendError where an upstream had to be asked."""
        match command:
            case GetMessage(number):
                return await self._message(number, caller)
            case GetBatch(batch_id):
                batch = await self._batch(batch_id, caller)
                tallies = await self._store.tallies(batch)
                behind = min((tally.status for tally in tallies), key=progress)
                return BatchStatus(batch, behind, tallies, account_of(caller))
            case ListMessages():
                return await self._messages(command, caller)
            case GetAccount():
                return await self._account(caller, face)
            case CancelBatch(number):
                return await self._cancel(number, caller)

    def submit(self, command: SubmitBatch, caller: Caller, face: str) -> Accepted:
        """Check, route and store a batch; see Accepted for when it is durable."""
        recipients = _recipients(command, caller.country)
        content, segments = _measured(_checked(command.content, loose=command.loose), recipients)
        legs = self._router.plan(
            Question(face, caller.name, content.sender), [recipient.msisdn for recipient in recipients]
        )
        dispatches = tuple([dispatch for leg in legs for dispatch in self._cut(leg)])
        due = created = self._clock.now()
        if content.windows:
            if command.loose and not content.delayed(created):
                content = content._replace(windows=())  # to the older faces, a time that has passed is now
            due = content.opening(created) or created
        batch, durable = self._store.add(
            NewBatch(created, due, caller.account, caller.name, face, content, recipients, segments, dispatches)
        )
        self._wake([dispatch.upstream for dispatch in dispatches])
        return Accepted(batch, recipients, segments, account_of(caller), durable)

    def _cut(self, leg: Leg) -> list[NewDispatch]:
        name, to, size = leg.rule.name, leg.rule.to, self._chunk[leg.rule.to]
        return [NewDispatch(to, name, leg.offsets[first : first + size]) for first in range(0, len(leg.offsets), size)]

    async def _batch(self, batch_id: str, caller: Caller) -> Batch:
        key = key_of(Kind.BATCH, batch_id)
        batch = None if key is None else await self._store.batch(key)
        if (
            batch is None
            or batch.account != caller.account
            or public_id(Kind.BATCH, batch.created, batch.key) != batch_id.lower()
        ):
            raise NotFound("There is no batch with this id")
        return batch

    async def _messages(self, command: ListMessages, caller: Caller) -> MessageList:
        batch = await self._batch(command.batch_id, caller)
        messages = await self._store.messages(batch, command.start, command.limit, descending=command.descending)
        return MessageList(batch, messages, batch.size, account_of(caller))

    async def _message(self, number: int, caller: Caller) -> MessageStatus:
        found = await self._store.message(number) if number <= LAST_NUMBER else None
        if found is None or found[0].account != caller.account:
            raise NotFound("There is no SMS with this id")
        batch, message, history = found
        return MessageStatus(batch, message, history, account_of(caller), batch.content.delayed(self._clock.now()))

    async def _cancel(self, number: int, caller: Caller) -> BatchCanceled:
        # A batch is found by its first message's number alone, so any other number of it is nobody's.
        batch = await self._store.batch(number) if 0 < number <= LAST_NUMBER else None
        if batch is None or batch.account != caller.account:
            raise NotFound("There is no batch with this id")
        moved = await self._store.cancel(batch, self._clock.now())
        if not moved:
            raise TooLate
        for upstream, messages in Counter(transition.entry.upstream for transition in moved).items():
            self._metrics.statuses.labels(upstream, Status.CANCELED.label).inc(messages)
        log.info("batch.cancelled", batch=batch.key, caller=caller.name, messages=len(moved))
        return BatchCanceled(batch, len(moved))

    async def _account(self, caller: Caller, face: str) -> AccountStatus:
        # The balance that matters is that of the upstream where this caller's messages go.
        (leg,) = self._router.plan(Question(face, caller.name, ""), [""])
        balance, currency = await self._balances[leg.rule.to]()
        return AccountStatus(account_of(caller), balance, currency)


def account_of(caller: Caller) -> Account:
    """What faces say of a caller's account."""
    return Account(caller.account, caller.organization, caller.currency, caller.country)


def _recipients(command: SubmitBatch, country: str) -> tuple[Recipient, ...]:
    if not command.recipients:
        raise BadRecipient("Name at least one recipient", {"recipients": ["Name at least one recipient"]})
    if len(command.recipients) > MAX_RECIPIENTS:
        sentence = f"A request may name at most {MAX_RECIPIENTS} recipients; split it"
        raise Malformed(sentence, {"recipients": [sentence]})
    recipients = command.recipients
    if command.loose:
        recipients = tuple([_normalised(recipient, country) for recipient in recipients])
    if len(recipients) == 1:
        return recipients
    unique: dict[str, Recipient] = {}
    for recipient in recipients:
        unique.setdefault(recipient.msisdn, recipient)
    return recipients if len(unique) == len(recipients) else tuple(unique.values())


def _normalised(recipient: Recipient, country: str) -> Recipient:
    msisdn = normalise(recipient.msisdn, country)
    if msisdn is None:
        sentence = "A recipient is not a phone number; write it with country code, as 46712345678"
        raise BadRecipient(sentence, {"recipients": [sentence]})
    return recipient if msisdn == recipient.msisdn else recipient._replace(msisdn=msisdn)


def _checked(content: Content, *, loose: bool) -> Content:
    _check_body(content.body)
    sender = shorten(content.sender) if loose else content.sender
    if not sender or not _sayable(sender) or not (loose or is_documented(sender)):
        sentence = "Give a number of at most 15 digits, or a name of 1 to 11 letters A-Z and digits"
        raise BadSender(sentence, {"sender": [sentence]})
    if "\0" in (content.reference or "") or any("\0" in tag for tag in content.tags):
        raise Malformed("A text may not hold NUL characters")
    return content if sender == content.sender else content._replace(sender=sender)


def _check_body(body: str) -> None:
    if not body or body.isspace():
        raise BadContent("The text is empty", {"body": ["The text is empty"]})
    if len(body) > MAX_BODY:
        sentence = f"The text is longer than {MAX_BODY} characters"
        raise BadContent(sentence, {"body": [sentence]})
    if not _sayable(body):
        sentence = "The text holds characters that cannot be sent (NUL or half a surrogate pair)"
        raise BadContent(sentence, {"body": [sentence]})


def _sayable(words: str) -> bool:
    if words.isascii():
        return "\0" not in words
    try:
        return b"\0" not in words.encode()
    except UnicodeEncodeError:
        return False


def _rendered(body: str, params: Mapping[str, str], defaults: Mapping[str, str]) -> str:
    # Judged one by one and before they are put together: a short text can ask for a megabyte a hundred times over.
    if any(len(value) > MAX_BODY for values in (params, defaults) for value in values.values()):
        raise BadContent("A template argument is too long", {"body": [f"Use at most {MAX_BODY} characters"]})
    rendered = text.render(body, params, defaults)
    _check_body(rendered)
    return rendered


def _measured(content: Content, recipients: Sequence[Recipient]) -> tuple[Content, tuple[int, ...]]:
    if content.defaults is None:
        coding, parts = text.measure(content.body, content.datacoding)
        segments = (parts,) * len(recipients)
    else:
        bodies = [_rendered(content.body, recipient.params, content.defaults) for recipient in recipients]
        # One coding for the whole batch, as its document shows: UCS-2 as soon as one recipient's text needs it.
        gsm = all(text.choose(body, content.datacoding) is DataCoding.GSM for body in bodies)
        coding = DataCoding.GSM if gsm else DataCoding.UCS
        segments = tuple(text.segments(body, coding) for body in bodies)
    return (content if coding is content.datacoding else content._replace(datacoding=coding)), segments
