"""Lists what was sent in the manner of the API that has no pages: the newest, within bounds."""

from collections.abc import Collection

from gateway.clock import Clock
from gateway.commands import ListBundle, ListSent, MessageStatus, SentList
from gateway.config import Caller
from gateway.desks.conversations import catch_up, participant
from gateway.desks.desk import Handlers, account_of
from gateway.errors import NotFound
from gateway.ids import LAST_NUMBER
from gateway.model import Batch, Message, Outgoing, Page, Side
from gateway.ports import Store

MOST = 1000
"""Messages of one answer."""
MOST_BATCHES = 20_000
"""Batches that are looked at for a sender, the newest first."""
AT_ONCE = 200
"""Batches that are read at a time."""


class SentDesk:
    """What was sent, for callers of REST v1."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    @property
    def handlers(self) -> Handlers:
        """By command."""
        return {ListSent: self._sent, ListBundle: self._bundle}

    async def _sent(self, command: ListSent, caller: Caller) -> SentList:
        senders = {sender.lower() for sender in command.senders}
        if command.recipients:
            found = await self._to({participant(to, caller) for to in command.recipients}, caller)
        else:
            found = await self._newest(senders, caller)
        wanted = [each for each in found if not senders or each.batch.content.sender.lower() in senders]
        wanted.sort(key=lambda each: each.message.number)
        return self._listed(wanted[-MOST:], caller)

    async def _to(self, recipients: Collection[str], caller: Caller) -> list[Outgoing]:
        await catch_up(self._store, caller.account)
        page = Page(limit=MOST, descending=True)
        found = []
        for recipient in recipients:
            entries, _ = await self._store.conversation(caller.account, recipient, Side.MT, page)
            found += [entry for entry in entries if isinstance(entry, Outgoing)]
        return found

    async def _newest(self, senders: Collection[str], caller: Caller) -> list[Outgoing]:
        found: list[Outgoing] = []
        for start in range(0, MOST_BATCHES, AT_ONCE):
            batches, _ = await self._store.batches(caller.account, Page(start, AT_ONCE, descending=True))
            for batch in batches:
                if not senders or batch.content.sender.lower() in senders:
                    page = Page(limit=MOST - len(found), descending=True)
                    found += [Outgoing(batch, message) for message in await self._store.messages(batch, page)]
                if len(found) >= MOST:
                    return found
            if len(batches) < AT_ONCE:
                break
        return found

    async def _bundle(self, command: ListBundle, caller: Caller) -> SentList:
        batch = await self._store.batch(command.number) if 0 < command.number <= LAST_NUMBER else None
        if batch is None or batch.account != caller.account:
            raise NotFound("There is no bundle with this id")
        messages = await self._store.messages(batch, Page(limit=batch.size))
        return self._listed([Outgoing(batch, message) for message in messages], caller)

    def _listed(self, found: list[Outgoing], caller: Caller) -> SentList:
        account, now = account_of(caller), self._clock.now()

        def told(batch: Batch, message: Message) -> MessageStatus:
            return MessageStatus(batch, message, (), account, batch.content.delayed(now))

        return SentList(tuple([told(*each) for each in found]))
