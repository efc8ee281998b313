"""Keeps what accounts register: their senders, and their blacklists."""

from gateway.clock import Clock
from gateway.commands import (
    Block,
    BlockedEntries,
    BlockedList,
    GetBlocked,
    GetSender,
    ListBlocked,
    ListSenders,
    RegisterSender,
    SenderList,
    SenderStatus,
    Unblock,
    UnregisterSender,
)
from gateway.config import Caller
from gateway.desks.desk import Handlers
from gateway.errors import BadRecipient, BadSender, NotFound
from gateway.model import Blocked, Page, Sender
from gateway.msisdn import normalise
from gateway.registers import Registers
from gateway.sender import is_documented


class RegisterDesk:
    """Senders and blacklists."""

    def __init__(self, registers: Registers, clock: Clock) -> None:
        self._registers = registers
        self._clock = clock

    @property
    def handlers(self) -> Handlers:
        """By command."""
        return {
            ListSenders: self._senders,
            GetSender: self._sender,
            RegisterSender: self._register,
            UnregisterSender: self._unregister,
            ListBlocked: self._blacklist,
            GetBlocked: self._blocked,
            Block: self._block,
            Unblock: self._unblock,
        }

    async def _senders(self, command: ListSenders, caller: Caller) -> SenderList:
        senders, total = self._registers.senders(caller.account, command.page)
        return SenderList(senders, command.page, total)

    async def _sender(self, command: GetSender | UnregisterSender, caller: Caller) -> SenderStatus:
        return SenderStatus(self._registered(command.name, caller))

    async def _register(self, command: RegisterSender, caller: Caller) -> SenderStatus:
        if not is_documented(command.name):
            sentence = "Register a number of at most 15 digits, or a name of 1 to 11 letters A-Z and digits"
            raise BadSender(sentence, {"sender": [sentence]})
        return SenderStatus(await self._registers.register(caller.account, command.name, self._clock.now()))

    async def _unregister(self, command: UnregisterSender, caller: Caller) -> SenderStatus:
        found = self._registered(command.name, caller)
        await self._registers.unregister(caller.account, command.name)
        return SenderStatus(found)

    async def _blacklist(self, command: ListBlocked, caller: Caller) -> BlockedList:
        entries, total = self._registers.entries(caller.account, command.page)
        return BlockedList(entries, command.page, total)

    async def _blocked(self, command: GetBlocked, caller: Caller) -> BlockedEntries:
        return BlockedEntries((self._found(command.which, caller),))

    async def _block(self, command: Block, caller: Caller) -> BlockedEntries:
        numbers = tuple([_number(written, caller) for written in command.numbers])
        entries = await self._registers.block(caller.account, numbers, self._clock.now())
        return BlockedEntries(tuple(entries), command.several)

    async def _unblock(self, command: Unblock, caller: Caller) -> BlockedEntries:
        entry = self._found(command.which, caller)
        await self._registers.unblock(caller.account, entry.msisdn)
        return BlockedEntries((entry,))

    def _registered(self, name: str, caller: Caller) -> Sender:
        found = self._registers.sender(caller.account, name)
        if found is None:
            raise NotFound("This sender is not registered")
        return found

    def _found(self, which: str | int, caller: Caller) -> Blocked:
        if isinstance(which, int):
            everything, _ = self._registers.entries(caller.account, Page(limit=2**31))
            found = next((entry for entry in everything if entry.key == which), None)
        else:
            found = self._registers.entry(caller.account, normalise(which, caller.country) or "")
        if found is None:
            raise NotFound("This number is not on the blacklist")
        return found


def _number(written: str, caller: Caller) -> str:
    msisdn = normalise(written, caller.country)
    if msisdn is None:
        sentence = "Write the number with country code, as 46712345678"
        raise BadRecipient(sentence, {"msisdn": [sentence]})
    return msisdn
