"""What a command does: check, route and store a batch; answer a question."""

import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import structlog

from gateway.acceptance import checked, leaving, measured, recipients_of
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
from gateway.conditions import Question, Said
from gateway.config import Caller
from gateway.errors import Busy, Denied, NotFound, SendError, TooLate, Unauthenticated, rejection
from gateway.ids import LAST_NUMBER, Kind, key_of, public_id
from gateway.lifecycle import progress
from gateway.limits import Limits
from gateway.model import Account, Batch, Content, Recipient
from gateway.observe import Metrics
from gateway.ports import Credentials, NewBatch, NewDispatch, Store
from gateway.router import Leg, Router
from gateway.sealing import Seal
from gateway.status import Status
from gateway.verdicts import Verdicts
from gateway.vouching import Vouched

log = structlog.get_logger()

Balance = Callable[[Credentials | None], Awaitable[tuple[str, str]]]


class Ways(NamedTuple):
    """Where messages can go: the rules, how many recipients one call of each upstream may carry, and its balance."""

    router: Router
    chunk: Mapping[str, int]
    balances: Mapping[str, Balance]
    seal: Seal = Seal(())


class Service:
    """Decides. Knows no protocol: faces bring commands, and turn results and errors into their own words."""

    def __init__(
        self,
        store: Store,
        ways: Ways,
        clock: Clock,
        *,
        wake: Callable[[Iterable[str]], None],
        metrics: Metrics,
        verdicts: Verdicts,
        limits: Limits,
    ) -> None:
        """`wake` tells upstreams that they have work."""
        self._store = store
        self._clock = clock
        self._vouched = Vouched()
        self.configure(ways)
        self._wake = wake
        self._metrics = metrics
        self._verdicts = verdicts
        self._limits = limits

    def configure(self, ways: Ways) -> None:
        """Go by these from now on."""
        self._router, self._chunk, self._balances, self._seal = ways
        self._vouched.clear()

    async def vouch(self, caller: Caller, face: str, credentials: Credentials, *, reads: bool) -> None:
        """Ask the upstream of a caller that is passed through whether its credentials are good; remembered for a while.

        Raises Unauthenticated where they are not. Where the upstream cannot say now, a message is taken all the same,
        for it is judged when it is sent; but nobody `reads` anything: then Busy is raised.
        """
        if self._vouched.knows(credentials, self._clock.now()):
            return
        try:
            await self._balance(caller, face, credentials)
        except SendError as error:
            if reads:
                raise Busy("Your credentials cannot be checked now; try again later") from error
        else:
            self._vouched.add(credentials, self._clock.now())

    async def run(
        self, command: CancelBatch | Inquiry, caller: Caller, face: str, credentials: Credentials | None = None
    ) -> Answer:
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
                balance, currency = await self._balance(caller, face, credentials)
                return AccountStatus(account_of(caller), balance, currency)
            case CancelBatch(number):
                return await self._cancel(number, caller)

    def turn(self, caller: Caller) -> contextlib.AbstractContextManager[None]:
        """While a request of a caller is answered. Raises Busy where too many of its requests are."""
        return self._limits.turn(caller.name)

    def submit(
        self, command: SubmitBatch, caller: Caller, face: str, credentials: Credentials | None = None
    ) -> Accepted:
        """Check, route and store a batch; see Accepted for when it is durable. `credentials` are used upstream."""
        recipients = recipients_of(command, caller.country)
        content, segments = measured(checked(command.content, loose=command.loose), recipients)
        self._limits.check(caller.name, recipients)
        due = created = self._clock.now()
        legs = self._router.plan(
            Question(face, caller.name, caller.account, content.sender),
            Said(content, max(segments), created),
            [recipient.msisdn for recipient in recipients],
        )
        dispatches = tuple([dispatch for leg in legs for dispatch in self._cut(leg)])
        segments = _resized(segments, content, recipients, legs)
        if content.windows:
            if command.loose and not content.delayed(created):
                content = content._replace(windows=())  # to the older faces, a time that has passed is now
            due = content.opening(created) or created
        self._limits.take(caller.name, len(recipients))
        sealed = None if credentials is None else self._seal.close(credentials)
        batch, durable = self._store.add(
            NewBatch(created, due, caller.account, caller.name, face, content, recipients, segments, dispatches, sealed)
        )
        self._wake([dispatch.upstream for dispatch in dispatches])
        waits = due == created  # nobody waits for what is sent another time
        within = max((leg.rule.within for leg in legs if leg.rule.reply == "sent"), default=None) if waits else None
        verdict = within and self._verdicts.expect([batch.key + leg.offsets[0] for leg in dispatches], within)
        return Accepted(batch, recipients, segments, account_of(caller), durable, verdict or None)

    def _cut(self, leg: Leg) -> list[NewDispatch]:
        rule, upstream, offsets = leg
        if upstream is None:
            raise rejection(int(rule.reject or 0))
        # Whoever it may fall back to must be able to carry it as it was cut.
        size = min(self._chunk[name] for name in (upstream, *rule.fallback))
        return [
            NewDispatch(upstream, rule.name, offsets[first : first + size], rule.plan, rule.hold)
            for first in range(0, len(offsets), size)
        ]

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

    async def _balance(self, caller: Caller, face: str, credentials: Credentials | None) -> tuple[str, str]:
        # The balance that matters is that of the upstream where this caller's messages go.
        question = Question(face, caller.name, caller.account, "")
        (leg,) = self._router.plan(question, Said(Content("", ""), 1, self._clock.now()), [""])
        if leg.upstream is None:
            raise rejection(int(leg.rule.reject or 0))
        try:
            return await self._balances[leg.upstream](credentials)
        except Denied:
            raise Unauthenticated from None


def _resized(
    segments: tuple[int, ...], content: Content, recipients: Sequence[Recipient], legs: Sequence[Leg]
) -> tuple[int, ...]:
    """The segments as they leave: a rewritten text may be longer or shorter. Raises BadContent where it is too long."""
    if all(leg.rule.rewrite is None for leg in legs):
        return segments
    resized = list(segments)
    for leg in legs:
        if leg.rule.rewrite is not None:
            counts = leaving(content, [recipients[offset] for offset in leg.offsets], leg.rule.rewrite.decided)
            for offset, count in zip(leg.offsets, counts, strict=True):
                resized[offset] = count
    return tuple(resized)


def account_of(caller: Caller) -> Account:
    """What faces say of a caller's account."""
    return Account(caller.account, caller.organization, caller.currency, caller.country)
