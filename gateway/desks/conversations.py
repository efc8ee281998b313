"""Tells what was said with whom, and what came in."""

import asyncio

from gateway.commands import (
    ConversationList,
    ConversationSummary,
    GetConversation,
    GetReceived,
    ListReceived,
    Received,
    SummariseConversation,
)
from gateway.config import Caller
from gateway.desks.desk import Handlers, account_of
from gateway.errors import Busy, NotFound
from gateway.ids import Kind, key_of, public_id
from gateway.model import Side
from gateway.msisdn import normalise
from gateway.ports import Store

AT_ONCE = 1000
"""Messages that are filed in one transaction."""
PATIENCE = 5.0
"""Seconds that a reader waits for that."""
MOST_RECEIVED = 1000
"""Messages in one answer of the API that has no pages."""


class ConversationDesk:
    """Conversations and incoming messages."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def handlers(self) -> Handlers:
        """By command."""
        return {
            GetConversation: self._conversation,
            SummariseConversation: self._summary,
            ListReceived: self._received,
            GetReceived: self._one,
        }

    async def _conversation(self, command: GetConversation, caller: Caller) -> ConversationList:
        await catch_up(self._store, caller.account)
        whom = participant(command.participant, caller)
        entries, total = await self._store.conversation(caller.account, whom, command.side, command.page)
        return ConversationList(entries, command.page, total, account_of(caller))

    async def _summary(self, command: SummariseConversation, caller: Caller) -> ConversationSummary:
        await catch_up(self._store, caller.account)
        whom = participant(command.participant, caller)
        mt, mo = [await self._store.summary(caller.account, whom, side) for side in (Side.MT, Side.MO)]
        return ConversationSummary(whom, mt, mo)

    async def _received(self, command: ListReceived, caller: Caller) -> Received:
        senders, recipients = (
            {participant(written, caller).lower() for written in named}
            for named in (command.senders, command.recipients)
        )
        return Received(tuple(await self._store.received(caller.account, senders, recipients, MOST_RECEIVED)))

    async def _one(self, command: GetReceived, caller: Caller) -> Received:
        key = key_of(Kind.INCOMING, command.incoming_id)
        found = None if key is None else await self._store.incoming(key)
        if (
            found is None
            or found.account != caller.account
            or public_id(Kind.INCOMING, found.created, found.key) != command.incoming_id.lower()
        ):
            raise NotFound("There is no incoming SMS with this id")
        return Received((found,))


async def catch_up(store: Store, account: str) -> None:
    """File what was said since the index was filled last, so that no account misses what it just sent.

    Raises Busy where that takes too long: the next who asks finds more of it done.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + PATIENCE
    while await store.file(AT_ONCE, account):
        if loop.time() > until:
            raise Busy("The index of conversations is being brought up to date; try again later")


def participant(written: str, caller: Caller) -> str:
    """A number as it is stored, however it is written; what is no number is a name."""
    return normalise(written, caller.country) or written
