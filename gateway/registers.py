"""What accounts have registered, in memory as well as in the store: asked for every message that is accepted."""

from collections.abc import Collection, Sequence
from typing import TypeVar

from gateway.model import Blocked, Page, Sender
from gateway.ports import Store, Word

T = TypeVar("T")


class Registers:
    """The senders and the blacklist of each account."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._written = 0
        self._senders: dict[str, dict[str, Sender]] = {}
        self._blocked: dict[str, dict[str, Blocked]] = {}

    async def load(self, account: str | None = None) -> None:
        """Read what is registered, by this gateway or another one: of one account, or of all."""
        written = None
        while written != self._written:  # what is written meanwhile may be younger than what is read
            written = self._written
            senders, blocked = await self._store.senders(account), await self._store.blocked(account)
        self._senders = _without(self._senders, account)
        self._blocked = _without(self._blocked, account)
        for of, sender in senders:
            self._senders.setdefault(of, {})[sender.name] = sender
        for of, entry in blocked:
            self._blocked.setdefault(of, {})[entry.msisdn] = entry
        self._written += 1  # another one that began earlier may have read what was older

    def _wrote(self, account: str) -> None:
        self._written += 1
        self._store.company.tell(Word.REGISTERED, account)

    def blacklist(self, account: str) -> Collection[str]:
        """The numbers that an account must not reach."""
        return self._blocked.get(account, ())

    def entry(self, account: str, msisdn: str) -> Blocked | None:
        """A number's entry on the blacklist."""
        return self._blocked.get(account, {}).get(msisdn)

    def entries(self, account: str, page: Page) -> tuple[tuple[Blocked, ...], int]:
        """A page of the blacklist in the order in which it grew, and its length."""
        return _paged(list(self._blocked.get(account, {}).values()), page)

    async def block(self, account: str, msisdns: Sequence[str], now: int) -> list[Blocked]:
        """Add numbers; returns their entries."""
        entries = await self._store.block(account, msisdns, now)
        self._wrote(account)
        self._blocked.setdefault(account, {}).update({entry.msisdn: entry for entry in entries})
        return entries

    async def unblock(self, account: str, msisdn: str) -> None:
        """Take a number off the blacklist."""
        await self._store.unblock(account, msisdn)
        self._wrote(account)
        self._blocked.get(account, {}).pop(msisdn, None)

    def sender(self, account: str, name: str) -> Sender | None:
        """A registered sender."""
        return self._senders.get(account, {}).get(name)

    def senders(self, account: str, page: Page) -> tuple[tuple[Sender, ...], int]:
        """A page of the registered senders in alphabetical order, and how many there are."""
        return _paged(sorted(self._senders.get(account, {}).values(), key=lambda sender: sender.name.casefold()), page)

    async def register(self, account: str, name: str, now: int) -> Sender:
        """Register a sender; one that is there stays as it is."""
        found = self.sender(account, name) or Sender(name, now)
        await self._store.register(account, found)
        self._wrote(account)
        return self._senders.setdefault(account, {}).setdefault(name, found)

    async def unregister(self, account: str, name: str) -> None:
        """Forget a sender."""
        await self._store.unregister(account, name)
        self._wrote(account)
        self._senders.get(account, {}).pop(name, None)


def _without(registers: dict[str, T], account: str | None) -> dict[str, T]:
    return {of: register for of, register in registers.items() if account not in (None, of)}


def _paged(entries: Sequence[T], page: Page) -> tuple[tuple[T, ...], int]:
    ordered = entries[::-1] if page.descending else entries
    return tuple(ordered[page.start : page.start + page.limit]), len(entries)
