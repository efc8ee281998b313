"""The address book of a SQL store, run on its connections."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from gateway.addresses import Contact, Edit, Group, Membership, Wanted
from gateway.model import Page
from gateway.store import address_book as book
from gateway.store.db import Db

T = TypeVar("T")


class Run(Protocol):
    """Runs a function on a connection; a write is durable once it is done."""

    def __call__(self, work: Callable[[Db], T]) -> Awaitable[T]: ...


class SqlBook:
    """See `gateway.ports.Book`."""

    def __init__(self, read: Run, write: Run) -> None:
        self._read = read
        self._write = write

    async def contacts(self, account: str, wanted: Wanted, page: Page) -> tuple[tuple[Contact, ...], int]:
        """A page of contacts; see the port."""
        return await self._read(lambda db: book.contacts(db, account, wanted, page))

    async def contact(self, account: str, key: int) -> Contact | None:
        """A contact; see the port."""
        return await self._read(lambda db: book.contact(db, account, key))

    async def add(self, account: str, edits: Sequence[Edit], now: int) -> list[Contact]:
        """New contacts; see the port."""
        return await self._write(lambda db: book.add(db, account, edits, now))

    async def edit(self, account: str, key: int, change: Edit, now: int) -> Contact | None:
        """Change a contact; see the port."""
        return await self._write(lambda db: book.edit(db, account, key, change, now))

    async def remove(self, account: str, keys: Sequence[int]) -> list[Contact]:
        """Forget contacts; see the port."""
        return await self._write(lambda db: [found for key in keys if (found := book.remove(db, account, key))])

    async def groups(self, account: str, contact: int | None = None) -> list[Group]:
        """Groups; see the port."""
        return await self._read(lambda db: book.groups(db, account, contact))

    async def group(self, account: str, key: int) -> Group | None:
        """A group; see the port."""
        return await self._read(lambda db: book.group(db, account, key))

    async def label(self, account: str, name: str) -> Group | None:
        """A group by its name; see the port."""
        return await self._read(lambda db: book.group(db, account, book.labelled(db, account, name) or 0))

    async def save_group(self, account: str, key: int | None, name: str, color: str | None, now: int) -> Group | None:
        """Make or change a group; see the port."""
        return await self._write(lambda db: book.save_group(db, account, key, name, color, now))

    async def remove_group(self, account: str, key: int) -> Group | None:
        """Forget a group; see the port."""
        return await self._write(lambda db: book.remove_group(db, account, key))

    async def put_label(self, account: str, name: str, contacts: Sequence[int], now: int) -> list[Contact]:
        """Put a label on contacts; see the port."""
        return await self._write(lambda db: book.label(db, account, name, contacts, now))

    async def memberships(self, account: str, contact: int | None = None, group: int | None = None) -> list[Membership]:
        """Who is in which group; see the port."""
        return await self._read(lambda db: book.memberships(db, account, contact, group))

    async def membership(self, account: str, key: int) -> Membership | None:
        """A membership; see the port."""
        return await self._read(lambda db: book.membership(db, account, key))

    async def join(self, account: str, pairs: Sequence[tuple[int, int]], now: int) -> list[Membership | None]:
        """Put contacts into groups; see the port."""
        return await self._write(lambda db: book.join(db, account, pairs, now))

    async def leave(self, account: str, key: int) -> Membership | None:
        """Take a contact out of a group; see the port."""
        return await self._write(lambda db: book.leave(db, account, key))
