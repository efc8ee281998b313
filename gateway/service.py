"""What a command does: check, route and store a batch; answer a question."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from http import HTTPStatus
from typing import NamedTuple
from weakref import WeakValueDictionary

import structlog

from gateway.acceptance import checked, leaving, measured, recipients_of
from gateway.clock import Clock
from gateway.commands import (
    Accepted,
    AccountStatus,
    Answer,
    GetAccount,
    Inquiry,
    Once,
    SubmitBatch,
)
from gateway.conditions import Question, Said
from gateway.config import Caller
from gateway.desks import AddressDesk, PasscodeDesk, account_of, handlers
from gateway.errors import (
    BadRecipient,
    BadSender,
    Busy,
    Denied,
    KeyReused,
    NotFound,
    SendError,
    Unanswered,
    Unauthenticated,
    Unconfirmed,
    Unsupported,
    rejection,
)
from gateway.limits import Limits
from gateway.model import Content, Recipient, Window
from gateway.observe import Metrics
from gateway.ports import Call, Credentials, KeyTaken, NewBatch, NewDispatch, Store, Stream
from gateway.registers import Registers
from gateway.relaying import onward
from gateway.router import Leg, Router
from gateway.sealing import Seal
from gateway.verdicts import Verdicts
from gateway.vouching import Vouching

log = structlog.get_logger()

Balance = Callable[[Credentials | None], Awaitable[tuple[str, str]]]
PassOn = Callable[
    [Call, AsyncIterator[bytes] | None, str, str, Credentials | None], AbstractAsyncContextManager[Stream]
]
"""Gets the call, its body, the face, and where its client finds that face."""

OF_ONE = 8
"""Requests of one caller that are passed on at a time."""
_ASKED_NOBODY = "The provider behind this address cannot be asked now"


class Client(NamedTuple):
    """Who asks, by which face, and with which credentials where those are not ours to exchange."""

    caller: Caller
    face: str
    credentials: Credentials | None


class Ways(NamedTuple):
    """Where messages can go: the rules, how many recipients one call of each upstream may carry, and its balance."""

    router: Router
    chunk: Mapping[str, int]
    balances: Mapping[str, Balance]
    relays: Mapping[str, PassOn]
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
        self._vouching = Vouching(clock)
        self.configure(ways)
        self._wake = wake
        self._metrics = metrics
        self._verdicts = verdicts
        self._limits = limits
        self.registers = Registers(store)
        self._passing_on: Counter[str] = Counter()
        # Locks that live as long as somebody holds or awaits them.
        self._asked: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()
        self._addresses = AddressDesk(store, clock)
        passcodes = PasscodeDesk(store, clock, lambda: self._seal)
        self._handlers = {**handlers(store, clock, metrics, self.registers), **passcodes.handlers}
        self._senders = passcodes.senders

    async def load(self) -> None:
        """Read what is asked for every message, once, before anything is taken."""
        await self.registers.load()

    def configure(self, ways: Ways) -> None:
        """Go by these from now on."""
        self._router, self._chunk, self._balances, self._relays, self._seal = ways
        self._vouching.clear()

    async def vouch(self, client: Client, peer: str, *, reads: bool) -> None:
        """Ask the upstream of a caller that is passed through whether its credentials are good; remembered for a while.

        Raises Unauthenticated where they are not, Busy where too many from that address were not. Where the upstream
        cannot say now, a message is taken all the same, for it is judged when it is sent; but nobody `reads` anything.
        """
        caller, face, credentials = client
        if credentials is None:
            return
        ask = partial(self._balance, caller, face, credentials)
        error = await self._vouching.vouch(caller.account, peer, credentials, ask)
        if error is not None and reads:
            raise Busy("Your credentials cannot be checked now; try again later") from error

    async def run(self, command: Inquiry, caller: Caller, face: str, credentials: Credentials | None = None) -> Answer:
        """Answer, or do what is asked. Raises RequestError; Internal and SendError where an upstream was asked."""
        if isinstance(command, GetAccount):
            balance, currency = await self._balance(caller, face, credentials)
            return AccountStatus(account_of(caller), balance, currency)
        if (sender := self._senders.get(type(command))) is not None:
            return await sender(command, caller, partial(self._send, caller=caller, face=face, credentials=credentials))
        return await self._handlers[type(command)](command, caller)

    async def _send(self, command: SubmitBatch, caller: Caller, face: str, credentials: Credentials | None) -> Accepted:
        """What the gateway itself sends for a caller: counted and answered as what the caller sends."""
        accepted = self.submit(command, caller, face, credentials)
        await accepted.durable
        self._metrics.took(face, caller.name, accepted.batch.size)
        if accepted.verdict is not None and (refusal := await accepted.verdict) is not None:
            raise refusal
        return accepted

    def turn(self, caller: Caller) -> contextlib.AbstractContextManager[None]:
        """While a request of a caller is answered. Raises Busy where too many of its requests are."""
        return self._limits.turn(caller.name)

    async def addressed(self, command: SubmitBatch, caller: Caller) -> SubmitBatch:
        """The same with the numbers of its contacts and groups. Raises Malformed, naming what is not there."""
        found = await self._addresses.recipients(command.contacts, command.groups, caller)
        return command._replace(recipients=(*command.recipients, *found), contacts=(), groups=())

    async def submit_once(
        self, command: SubmitBatch, once: Once, caller: Caller, face: str, credentials: Credentials | None
    ) -> Accepted:
        """As `submit`, but what was accepted under the same key is answered again. Raises KeyReused."""
        of = (caller.account, once.key)
        async with self._asked.setdefault(of, asyncio.Lock()):
            found = await self._store.repeated(caller.account, once.key)
            if found is None:
                accepted = self.submit(command, caller, face, credentials)
                with contextlib.suppress(KeyTaken):  # another gateway was faster by a moment
                    await accepted.durable  # whoever repeats it meanwhile waits for that, too
                    return accepted
                found = await self._store.repeated(caller.account, once.key)
        if found is None:
            raise Busy
        fingerprint, batch, recipients, segments, rejected = found
        if fingerprint != once.fingerprint:
            raise KeyReused
        durable = asyncio.get_running_loop().create_future()
        durable.set_result(None)
        account = account_of(caller)
        return Accepted(batch, recipients, segments, account, durable, rejected=rejected, repeated=True)

    def submit(
        self, command: SubmitBatch, caller: Caller, face: str, credentials: Credentials | None = None
    ) -> Accepted:
        """Check, route and store a batch; see Accepted for when it is durable. `credentials` are used upstream."""
        recipients = recipients_of(command, caller.country)
        rejected = self._rejected(command, caller, recipients)
        content, segments = measured(checked(command.content, loose=command.loose), recipients)
        self._limits.check(caller.name, recipients)
        due = created = self._clock.now()
        legs = self._router.plan(
            Question(face, caller.name, caller.account, content.sender),
            Said(content, max(segments), created),
            [recipient.msisdn for recipient in recipients],
        )
        if rejected:
            legs = _without(legs, rejected)
        dispatches = tuple([dispatch for leg in legs for dispatch in self._cut(leg)])
        segments = _resized(segments, content, recipients, legs)
        if content.windows:
            if command.loose and not content.delayed(created):
                content = content._replace(windows=())  # to the older faces, a time that has passed is now
            due = content.opening(created) or created
        self._limits.take(caller.name, len(recipients) - len(rejected))
        sealed = None if credentials is None else self._seal.close(credentials)
        hidden = None if command.secret is None else self._seal.hide(content.body)
        if command.secret is not None:
            window = Window(created, command.secret.until)
            content = content._replace(body=command.secret.shown, windows=(window,), secret=True)
        new = (created, due, caller.account, caller.name, face, content, recipients, segments, dispatches)
        batch, durable = self._store.add(NewBatch(*new, sealed, rejected, command.once, hidden))
        self._wake([dispatch.upstream for dispatch in dispatches])
        waits = due == created  # nobody waits for what is sent another time
        within = max((leg.rule.within for leg in legs if leg.rule.reply == "sent"), default=None) if waits else None
        verdict = within and self._verdicts.expect([batch.key + leg.offsets[0] for leg in dispatches], within)
        return Accepted(batch, recipients, segments, account_of(caller), durable, verdict or None, rejected)

    def _rejected(self, command: SubmitBatch, caller: Caller, recipients: Sequence[Recipient]) -> tuple[int, ...]:
        """The offsets of those on the account's blacklist.

        Raises BadSender where the caller may use registered senders alone, and BadRecipient where an older face, which
        has no words for it, would send nothing at all.
        """
        if caller.senders == "registered" and self.registers.sender(caller.account, command.content.sender) is None:
            sentence = "This sender is not registered: PUT /v2/me/senders/{sender} registers it"
            raise BadSender(sentence, {"sender": [sentence]})
        blacklist = self.registers.blacklist(caller.account)
        if not blacklist:
            return ()
        rejected = tuple([at for at, recipient in enumerate(recipients) if recipient.msisdn in blacklist])
        if command.loose and len(rejected) == len(recipients):
            sentence = "Every recipient is on the blacklist"
            raise BadRecipient(sentence, {"recipients": [sentence]})
        return rejected

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

    @asynccontextmanager
    async def relay(
        self, call: Call, body: AsyncIterator[bytes] | None, mount: str, client: Client
    ) -> AsyncIterator[tuple[str, Stream]]:
        """Pass a request on to the upstream of a caller's messages; gives that one's name, and its answer as it comes.

        Raises NotFound where that upstream is not to be asked, Busy where it was not, Unconfirmed where it did not
        answer.
        """
        caller, face, credentials = client
        if self._passing_on[caller.name] >= OF_ONE:
            raise Busy("So many of your requests are being passed on that there is no room for more")
        if credentials is not None:
            self._vouching.admit(caller.account, call.peer, credentials)
        passed = onward(call, mount, own=credentials is not None)
        upstream = self._way(caller, face)
        async with AsyncExitStack() as stack:
            self._passing_on[caller.name] += 1
            stack.callback(self._passing_on.subtract, [caller.name])
            try:
                relaying = self._relays[upstream](passed, body, face, f"{call.base}{mount.rstrip('/')}", credentials)
                stream = await stack.enter_async_context(relaying)
            except Unsupported:
                raise NotFound("There is no such address here") from None
            except SendError as error:
                self._metrics.relayed.labels(upstream, "none").inc()
                log.warning("relay.failed", upstream=upstream, error=type(error).__name__, reason=error.detail)
                raise Unconfirmed if isinstance(error, Unanswered) else Busy(_ASKED_NOBODY) from error
            if credentials is not None and stream.status == HTTPStatus.UNAUTHORIZED:
                self._vouching.refused(caller.account, call.peer, credentials)
            self._metrics.relayed.labels(upstream, f"{stream.status // 100}xx").inc()
            yield upstream, stream

    async def _balance(self, caller: Caller, face: str, credentials: Credentials | None) -> tuple[str, str]:
        try:
            return await self._balances[self._way(caller, face)](credentials)
        except Denied:
            raise Unauthenticated from None

    def _way(self, caller: Caller, face: str) -> str:
        """The upstream where this caller's messages go: what it asks beside them is asked there."""
        question = Question(face, caller.name, caller.account, "")
        (leg,) = self._router.plan(question, Said(Content("", ""), 1, self._clock.now()), [""])
        if leg.upstream is None:
            raise rejection(int(leg.rule.reject or 0))
        return leg.upstream


def _without(legs: Sequence[Leg], rejected: Sequence[int]) -> list[Leg]:
    gone = frozenset(rejected)
    left = [leg._replace(offsets=tuple([at for at in leg.offsets if at not in gone])) for leg in legs]
    return [leg for leg in left if leg.offsets]


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
