"""What every SQL store does: the port's methods, each a function of this package run on a connection."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Container, Mapping, Sequence
from typing import Any, TypeVar

from gateway.commands import PasscodeSettings
from gateway.errors import Busy
from gateway.model import (
    Batch,
    Blocked,
    Conversation,
    Dispatch,
    DispatchState,
    Incoming,
    Message,
    Outgoing,
    Page,
    Sender,
    Side,
    StatusEntry,
    Tally,
)
from gateway.ports import (
    Callback,
    Company,
    Depth,
    Forward,
    GivenUp,
    KeyTaken,
    NewBatch,
    NewPasscode,
    Outbox,
    Pause,
    Repeated,
    Selection,
    Settlement,
    Sharing,
    Transition,
)
from gateway.status import Status
from gateway.store import conversations, idempotency, incoming, outbox, passcodes, queries, queue, registers, statuses
from gateway.store.book import SqlBook
from gateway.store.commit import Make, Rows
from gateway.store.db import Db
from gateway.store.life import SqlLife
from gateway.store.numbers import Numbers
from gateway.store.ordinals import Ordinals
from gateway.store.rows import content_to_json, params_to_json, plan_to_json
from gateway.store.trail import SqlTrail

T = TypeVar("T")
U = TypeVar("U")

SPENT = "The store has given out every message number; start a new database"
"""Why nothing more can be accepted, ever."""

_ADD_BATCH = "INSERT INTO batch (key, created, account, caller, face, size, report_url, content, ordinal)"
_ADD_MESSAGE = "INSERT INTO message (number, dispatch, recipient, segments, code, modified, params)"
_ADD_DISPATCH = "INSERT INTO dispatch (key, batch, upstream, route, state, attempts, run_at, plan, caller, priority)"
_ADD_STATUS = "INSERT INTO status (number, step, code, created)"
_ADD_CALLBACK = "INSERT INTO callback (number, step, attempts, run_at, caller)"
_ADD_KEY = "INSERT INTO idempotency (account, key, created, fingerprint, batch)"
_ADD_CREDENTIAL = "INSERT INTO credential (batch, sealed)"
_ADD_HIDDEN = "INSERT INTO hidden (batch, sealed)"
_ACCEPTED = Status.ACCEPTED.code
_REJECTED = Status.RECIPIENT_REJECTED.code


class SqlStore(ABC):
    """See `gateway.ports.Store`; a kind of store says how it reads and writes."""

    _numbers: Numbers
    """What messages are numbered with."""
    _no_number = SPENT
    """Why there is no number."""
    company: Company

    def __init__(self) -> None:
        self._ordinals = Ordinals(queries.last_ordinal)
        self.book = SqlBook(self._read, self._write)
        self.trail = SqlTrail(self._write)
        self.life = SqlLife(self._read, self._write, self._scrub)

    @abstractmethod
    def _insert(self, rows: Make) -> Awaitable[None]:
        """Write rows that are made in the transaction; done once they are durable."""

    @abstractmethod
    def _write(self, work: Callable[[Db], T]) -> Awaitable[T]:
        """Run a function in a transaction; done once that is durable."""

    @abstractmethod
    def _join(self, work: Callable[[Db, Sequence[U]], Sequence[T]], unit: U) -> Awaitable[T]:
        """Have one thing done in a transaction, together with all others that the function has to do there."""

    @abstractmethod
    async def check(self) -> None:
        """Write something harmless; see the port."""

    @abstractmethod
    async def close(self) -> None:
        """Finish what is queued, and let go."""

    @abstractmethod
    async def _read(self, work: Callable[[Db], T]) -> T:
        """Run a function that changes nothing."""

    async def _scrub(self) -> bool:
        """Leave no byte of what was erased in files of its own; whether it can."""
        return False

    def _take(self, size: int) -> int:
        """The first of so many numbers. Raises Busy where there are none."""
        key = self._numbers.take(size)
        if key is None:
            raise Busy(self._no_number)
        return key

    def add(self, new: NewBatch) -> tuple[Batch, Awaitable[None]]:
        """Store a batch; see the port."""
        size = len(new.recipients)
        key = self._take(size)
        batch = Batch(key, new.created, new.account, new.caller, new.face, size, new.content)
        return batch, self._insert(lambda db: self._rows(db, batch, new))

    def _rows(self, db: Db, batch: Batch, new: NewBatch) -> Rows:
        if new.once is not None and idempotency.is_taken(db, batch.account, new.once[0]):
            raise KeyTaken
        return _rows(batch, new, self._ordinals.next(db, batch.account))

    async def lease(
        self,
        upstream: str,
        limit: int,
        now: int,
        until: int,
        messages: int | None = None,
        turn: int = 0,
        sharing: Sharing | None = None,
    ) -> list[Dispatch]:
        """Claim what is due; see the port."""
        return await self._write(lambda db: queue.lease(db, upstream, limit, now, until, messages, turn, sharing))

    async def settle(self, settlement: Settlement) -> list[Transition]:
        """End an attempt; see the port."""
        return await self._join(queue.settle, settlement)

    async def settle_together(self, settlements: Sequence[Settlement]) -> list[list[Transition]]:
        """End the attempts that were one; see the port."""
        return await self._write(lambda db: queue.settle(db, settlements))

    async def record(self, transitions: Sequence[Transition]) -> list[Transition]:
        """Append statuses; see the port."""
        return await self._join(statuses.record_each, transitions)

    async def cancel(self, batch: Batch, now: int) -> list[Transition]:
        """End what has not left; see the port."""
        return await self._write(lambda db: queue.cancel_batch(db, batch, now))

    async def reclaim(self, now: int, until: int, flying: Collection[int] = ()) -> list[Dispatch]:
        """Take over leases that ran out; see the port."""
        return await self._write(lambda db: queue.reclaim(db, now, until, frozenset(flying)))

    async def next_due(self, upstream: str) -> int | None:
        """When there is work again; see the port."""
        return await self._read(lambda db: queue.next_due(db, upstream))

    async def resolve(self, dispatch: int, recipient: str) -> tuple[str, int] | None:
        """Find a message by dispatch and recipient; see the port."""
        return await self._read(lambda db: queue.resolve(db, dispatch, recipient))

    async def batch(self, key: int) -> Batch | None:
        """A batch; see the port."""
        return await self._read(lambda db: queries.batch(db, key))

    async def tallies(self, batch: Batch) -> tuple[Tally, ...]:
        """Counts per status; see the port."""
        return await self._read(lambda db: queries.tallies(db, batch))

    async def batches(self, account: str, page: Page) -> tuple[tuple[Batch, ...], int]:
        """A page of batches; see the port."""
        return await self._read(lambda db: queries.batches(db, account, page))

    async def messages(self, batch: Batch, page: Page) -> tuple[Message, ...]:
        """A page of messages; see the port."""
        return await self._read(lambda db: queries.messages(db, batch, page))

    async def message(self, number: int) -> tuple[Batch, Message, tuple[StatusEntry, ...]] | None:
        """A message and its history; see the port."""
        return await self._read(lambda db: queries.message(db, number))

    async def callbacks_due(self) -> dict[str, int]:
        """When posts are due; see the port."""
        return await self._read(outbox.due)

    async def lease_callbacks(self, room: Mapping[str, int], now: int, until: int) -> list[Callback | Forward]:
        """Claim due posts; see the port."""
        return await self._write(lambda db: outbox.lease(db, room, now, until))

    async def settle_callback(self, key: int, run_at: int | None) -> None:
        """Send it again, or forget it; see the port."""
        await self._write(lambda db: outbox.settle(db, key, run_at))

    async def give_up_callback(self, key: int, now: int) -> None:
        """Send it no more; see the port."""
        await self._write(lambda db: outbox.give_up(db, key, now))

    async def outboxes(self) -> list[Outbox]:
        """What each caller has there; see the port."""
        return await self._read(outbox.boxes)

    async def given_up(self, caller: str | None, after: int, limit: int) -> list[GivenUp]:
        """What was given up; see the port."""
        return await self._read(lambda db: outbox.given_up(db, caller, after, limit))

    async def retry_callbacks(self, keys: Sequence[int], now: int) -> int:
        """Send it again; see the port."""
        return await self._write(lambda db: outbox.retry(db, keys, now))

    async def drop_callbacks(self, keys: Sequence[int]) -> int:
        """Forget it; see the port."""
        return await self._write(lambda db: outbox.drop(db, keys))

    async def forget_given_up(self, before: int, limit: int) -> None:
        """Forget old ones; see the port."""
        await self._write(lambda db: outbox.forget(db, before, limit))

    async def depths(self) -> dict[tuple[str, DispatchState], Depth]:
        """Unfinished dispatches; see the port."""
        return await self._read(queue.depths)

    async def dispatch(self, number: int) -> Dispatch | None:
        """The dispatch of a message; see the port."""
        return await self._read(lambda db: queue.dispatch_of(db, number))

    async def select(self, wanted: Selection, after: int, limit: int) -> list[Dispatch]:
        """A page of dispatches; see the port."""
        return await self._read(lambda db: queue.select(db, wanted, after, limit))

    async def requeue(self, dispatches: Sequence[int], now: int) -> list[int]:
        """Let them be sent now; see the port."""
        return await self._write(lambda db: queue.requeue(db, dispatches, now))

    async def withdraw(self, dispatches: Sequence[int], now: int) -> list[Transition]:
        """Cancel them; see the port."""
        return await self._write(lambda db: queue.cancel(db, dispatches, now))

    async def withdraw_alone(self, numbers: Sequence[int], now: int) -> list[Transition]:
        """Cancel messages alone; see the port."""
        return await self._write(lambda db: queue.cancel_alone(db, numbers, now))

    async def accepted(self, since: int) -> dict[str, int]:
        """Messages by caller; see the port."""
        return await self._read(lambda db: queries.accepted(db, since))

    async def pauses(self) -> dict[str, Pause]:
        """The upstreams that are stopped; see the port."""
        return await self._read(queue.pauses)

    async def pause(self, upstream: str, pause: Pause | None) -> None:
        """Stop an upstream, or let it go on; see the port."""
        await self._write(lambda db: queue.pause(db, upstream, pause))

    async def repeated(self, account: str, key: str) -> Repeated | None:
        """What a key stands for; see the port."""
        return await self._read(lambda db: idempotency.repeated(db, account, key))

    async def forget_keys(self, before: int, limit: int) -> None:
        """Drop old keys; see the port."""
        await self._write(lambda db: idempotency.forget(db, before, limit))

    async def receive(self, arrived: Sequence[Incoming], now: int, passed_on: Container[str]) -> list[Incoming]:
        """Keep what arrived; see the port."""
        return await self._write(lambda db: incoming.receive(db, arrived, now, passed_on))

    async def incoming(self, key: int) -> Incoming | None:
        """An incoming message; see the port."""
        return await self._read(lambda db: incoming.by_key(db, key))

    async def received(
        self, account: str, senders: Collection[str], recipients: Collection[str], limit: int
    ) -> list[Incoming]:
        """Incoming messages; see the port."""
        return await self._read(lambda db: incoming.newest(db, account, senders, recipients, limit))

    async def file(self, limit: int, account: str | None = None) -> int:
        """Fill the index of conversations; see the port."""
        accounts = await self._read(conversations.unfiled) if account is None else [account]
        return await self._write(lambda db: conversations.file(db, limit, accounts)) if accounts else 0

    async def conversation(
        self, account: str, participant: str, side: Side, page: Page
    ) -> tuple[tuple[Outgoing | Incoming, ...], int]:
        """A page of a conversation; see the port."""
        return await self._read(lambda db: conversations.conversation(db, account, participant, side, page))

    async def summary(self, account: str, participant: str, side: Side) -> Conversation:
        """How much was said; see the port."""
        return await self._read(lambda db: conversations.summary(db, account, participant, side))

    async def senders(self, account: str | None = None) -> list[tuple[str, Sender]]:
        """Registered senders; see the port."""
        return await self._read(lambda db: registers.senders(db, account))

    async def register(self, account: str, sender: Sender) -> None:
        """Keep a sender; see the port."""
        await self._write(lambda db: registers.register(db, account, sender))

    async def unregister(self, account: str, name: str) -> None:
        """Forget a sender; see the port."""
        await self._write(lambda db: registers.unregister(db, account, name))

    async def blocked(self, account: str | None = None) -> list[tuple[str, Blocked]]:
        """Blacklists; see the port."""
        return await self._read(lambda db: registers.blocked(db, account))

    async def block(self, account: str, msisdns: Sequence[str], now: int) -> list[Blocked]:
        """Put numbers on a blacklist; see the port."""
        return await self._write(lambda db: registers.block(db, account, msisdns, now))

    async def unblock(self, account: str, msisdn: str) -> None:
        """Take a number off a blacklist; see the port."""
        await self._write(lambda db: registers.unblock(db, account, msisdn))

    async def keep_passcode(self, new: NewPasscode, most: int) -> int | None:
        """Store a code; see the port."""
        return await self._write(lambda db: passcodes.keep(db, new, most))

    async def forget_passcode(self, key: int) -> None:
        """Forget a code; see the port."""
        await self._write(lambda db: passcodes.forget(db, key))

    async def forget_passcodes(self, now: int, limit: int) -> None:
        """Forget expired codes; see the port."""
        await self._write(lambda db: passcodes.forget_expired(db, now, limit))

    async def use_passcode(self, account: str, msisdn: str, marks: Collection[bytes], now: int, attempts: int) -> bool:
        """Use a code up; see the port."""
        return await self._write(lambda db: passcodes.use(db, account, msisdn, marks, now, attempts))

    async def passcode_settings(self, account: str) -> PasscodeSettings:
        """What an account has set; see the port."""
        return await self._read(lambda db: passcodes.settings(db, account))

    async def set_passcode_settings(self, account: str, settings: PasscodeSettings) -> None:
        """Set them; see the port."""
        await self._write(lambda db: passcodes.put_settings(db, account, settings))


def _rows(batch: Batch, new: NewBatch, ordinal: int) -> Rows:
    key, created, account, caller, face, size, content = batch
    dispatches = []
    messages: list[tuple[Any, ...]] = []
    for upstream, route, offsets, plan, held in new.dispatches:
        dispatch = key + offsets[0]
        state = queue.HELD if held else queue.READY
        row_of_plan = plan_to_json(plan)
        dispatches.append(
            (dispatch, key, upstream, route, state, 0, new.due, row_of_plan, caller, content.priority.value)
        )
        for offset in offsets:
            recipient, params = new.recipients[offset]
            row = (dispatch, recipient, new.segments[offset], _ACCEPTED, created, params_to_json(params))
            messages.append((key + offset, *row))
    sealed = [
        (head, [(key, words)])
        for head, words in ((_ADD_CREDENTIAL, new.sealed), (_ADD_HIDDEN, new.hidden))
        if words is not None
    ]
    row_of_batch = (key, created, account, caller, face, size, content.report_url, content_to_json(content), ordinal)
    rows: Rows = ((_ADD_BATCH, [row_of_batch]), (_ADD_MESSAGE, messages), (_ADD_DISPATCH, dispatches), *sealed)
    if new.once is not None:
        name, fingerprint = new.once
        rows = (*rows, (_ADD_KEY, [(account, name, created, fingerprint, key)]))
    return (*rows, *_rows_of_rejected(batch, new)) if new.rejected else rows


def _rows_of_rejected(batch: Batch, new: NewBatch) -> Rows:
    """Messages that no dispatch carries, each with its one status, which is reported as any other."""
    created, numbers = batch.created, [batch.key + offset for offset in new.rejected]
    messages = []
    for offset, number in zip(new.rejected, numbers, strict=True):
        recipient, params = new.recipients[offset]
        messages.append((number, number, recipient, new.segments[offset], _REJECTED, created, params_to_json(params)))
    told = numbers if batch.content.report_url is not None else []
    return (
        (_ADD_MESSAGE, messages),
        (_ADD_STATUS, [(number, 1, _REJECTED, created) for number in numbers]),
        (_ADD_CALLBACK, [(number, 1, 0, created, batch.caller) for number in told]),
    )
