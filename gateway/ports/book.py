"""What an address book is: the contacts and groups of each account. What is another account's is not there."""

from collections.abc import Sequence
from typing import Protocol

from gateway.addresses import Contact, Edit, Group, Membership, Wanted
from gateway.model import Page


class Book(Protocol):
    """Part of a store; every method that writes returns only once the write is durable. Raises Busy as a store does."""

    async def contacts(self, account: str, wanted: Wanted, page: Page) -> tuple[tuple[Contact, ...], int]:
        """A page of the contacts that are wanted, in the order in which they were added, and how many there are."""
        ...

    async def contact(self, account: str, key: int) -> Contact | None:
        """A contact by its key."""
        ...

    async def add(self, account: str, edits: Sequence[Edit], now: int) -> list[Contact]:
        """New contacts, in their order."""
        ...

    async def edit(self, account: str, key: int, change: Edit, now: int) -> Contact | None:
        """The contact as it is after a change; None where there is none."""
        ...

    async def remove(self, account: str, keys: Sequence[int]) -> list[Contact]:
        """Forget contacts; returns what they were."""
        ...

    async def groups(self, account: str, contact: int | None = None) -> list[Group]:
        """All groups, or those that a contact is in."""
        ...

    async def group(self, account: str, key: int) -> Group | None:
        """A group by its key."""
        ...

    async def label(self, account: str, name: str) -> Group | None:
        """A group by its name."""
        ...

    async def save_group(self, account: str, key: int | None, name: str, color: str | None, now: int) -> Group | None:
        """Make a group, or with a key change it; None where another one has the name, or none the key."""
        ...

    async def remove_group(self, account: str, key: int) -> Group | None:
        """Forget a group, not its contacts; returns what it was."""
        ...

    async def put_label(self, account: str, name: str, contacts: Sequence[int], now: int) -> list[Contact]:
        """Put a label on contacts; returns those that there are."""
        ...

    async def memberships(self, account: str, contact: int | None = None, group: int | None = None) -> list[Membership]:
        """Who is in which group: all, of a contact, or of a group."""
        ...

    async def membership(self, account: str, key: int) -> Membership | None:
        """A membership by its key."""
        ...

    async def join(self, account: str, pairs: Sequence[tuple[int, int]], now: int) -> list[Membership | None]:
        """Put contacts into groups, by their keys; None where one of a pair is not there."""
        ...

    async def leave(self, account: str, key: int) -> Membership | None:
        """Take a contact out of a group; returns what it was."""
        ...
