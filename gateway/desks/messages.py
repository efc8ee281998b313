"""Tells of batches and messages, and cancels what has not left. What is another account's does not exist."""

from collections import Counter
from collections.abc import Sequence

import structlog

from gateway.clock import Clock
from gateway.commands import (
    BatchCanceled,
    BatchList,
    BatchStatus,
    CancelBatch,
    GetBatch,
    GetBatchMessage,
    GetMessage,
    ListBatches,
    ListMessages,
    MessageList,
    MessageStatus,
)
from gateway.config import Caller
from gateway.desks.desk import Handlers, account_of
from gateway.errors import NotFound, TooLate
from gateway.ids import LAST_NUMBER, Kind, key_of, public_id
from gateway.lifecycle import progress
from gateway.model import Batch, Tally
from gateway.observe import Metrics
from gateway.ports import Store
from gateway.status import Status

log = structlog.get_logger()


class MessageDesk:
    """What becomes of what was sent."""

    def __init__(self, store: Store, clock: Clock, metrics: Metrics) -> None:
        self._store = store
        self._clock = clock
        self._metrics = metrics

    @property
    def handlers(self) -> Handlers:
        """By command."""
        return {
            ListBatches: self._batches,
            GetBatch: self._batch,
            ListMessages: self._messages,
            GetBatchMessage: self._message_of_batch,
            GetMessage: self._message,
            CancelBatch: self._cancel,
        }

    async def _batches(self, command: ListBatches, caller: Caller) -> BatchList:
        batches, total = await self._store.batches(caller.account, command.page)
        return BatchList(tuple([await self._standing(batch, caller) for batch in batches]), command.page, total)

    async def _batch(self, command: GetBatch, caller: Caller) -> BatchStatus:
        return await self._standing(await self._found(command.batch_id, caller), caller)

    async def _messages(self, command: ListMessages, caller: Caller) -> MessageList:
        batch = await self._found(command.batch_id, caller)
        messages = await self._store.messages(batch, command.page)
        return MessageList(batch, messages, command.page, account_of(caller))

    async def _message_of_batch(self, command: GetBatchMessage, caller: Caller) -> MessageStatus:
        batch = await self._found(command.batch_id, caller)
        number = key_of(Kind.MESSAGE, command.message_id)
        if (
            number is None
            or not batch.key <= number < batch.key + batch.size
            or public_id(Kind.MESSAGE, batch.created, number) != command.message_id.lower()
        ):
            raise NotFound("There is no message with this id in this batch")
        return await self._message(GetMessage(number), caller)

    async def _message(self, command: GetMessage, caller: Caller) -> MessageStatus:
        found = await self._store.message(command.number) if command.number <= LAST_NUMBER else None
        if found is None or found[0].account != caller.account:
            raise NotFound("There is no SMS with this id")
        batch, message, history = found
        return MessageStatus(batch, message, history, account_of(caller), batch.content.delayed(self._clock.now()))

    async def _cancel(self, command: CancelBatch, caller: Caller) -> BatchCanceled:
        if isinstance(command.batch, str):
            batch = await self._found(command.batch, caller)
        else:
            batch = _owned(await self._by_number(command.batch), caller)
        moved = await self._store.cancel(batch, self._clock.now())
        if not moved:
            raise TooLate
        for upstream, messages in Counter(transition.entry.upstream for transition in moved).items():
            self._metrics.statuses.labels(upstream, Status.CANCELED.label).inc(messages)
        log.info("batch.cancelled", batch=batch.key, caller=caller.name, messages=len(moved))
        return BatchCanceled(await self._standing(batch, caller), len(moved))

    async def _found(self, batch_id: str, caller: Caller) -> Batch:
        key = key_of(Kind.BATCH, batch_id)
        batch = _owned(None if key is None else await self._store.batch(key), caller)
        if public_id(Kind.BATCH, batch.created, batch.key) != batch_id.lower():
            raise NotFound(_NO_BATCH)
        return batch

    async def _by_number(self, number: int) -> Batch | None:
        # A batch is found by its first message's number alone, so any other number of it is nobody's.
        return await self._store.batch(number) if 0 < number <= LAST_NUMBER else None

    async def _standing(self, batch: Batch, caller: Caller) -> BatchStatus:
        tallies = await self._store.tallies(batch)
        return BatchStatus(batch, _behind(tallies), tallies, account_of(caller))


_NO_BATCH = "There is no batch with this id"


def _owned(batch: Batch | None, caller: Caller) -> Batch:
    if batch is None or batch.account != caller.account:
        raise NotFound(_NO_BATCH)
    return batch


def _behind(tallies: Sequence[Tally]) -> Status:
    return min((tally.status for tally in tallies), key=progress)
